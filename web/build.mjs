// Bundles the page into dist/: one script, one style sheet, no request to anywhere else.
import { build } from "esbuild";
import { copyFile, mkdir, rm } from "node:fs/promises";

const output = process.argv[2] ?? "dist";

await rm(output, { recursive: true, force: true });
await mkdir(output, { recursive: true });
await build({
  entryPoints: { page: "src/page.js", style: "src/style.css" },
  outdir: output,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome109", "firefox115", "safari16"],
  legalComments: "linked",
  logLevel: "info",
});
for (const file of ["index.html", "icon.svg"]) {
  await copyFile(`src/${file}`, `${output}/${file}`);
}
