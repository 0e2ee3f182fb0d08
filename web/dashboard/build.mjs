// Bundles the dashboard into dist/: scripts by page, one style sheet, fonts; no request to elsewhere.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { writeGuide } from "./guide.mjs";

const output = process.argv[2] ?? "dist";
const sheets = new Set();

// PatternFly's components import their style sheets. All go into one sheet: a chunk that is loaded
// later would come without its own, and the whole is small.
const collectSheets = {
  name: "collect-sheets",
  setup(bundler) {
    bundler.onLoad({ filter: /\.css$/ }, ({ path }) => {
      sheets.add(path);
      return { contents: "", loader: "js" };
    });
  },
};

// The guide's panel asks for all of PatternFly at once, with all its style sheets: it gets its parts.
const PARTS = {
  "@patternfly/react-core": resolve("src/guide/core.ts"),
  "@patternfly/react-core/deprecated": resolve("src/guide/deprecated.ts"),
};
const patternflyByParts = {
  name: "patternfly-by-parts",
  setup(bundler) {
    bundler.onResolve({ filter: /^@patternfly\/react-core(\/deprecated)?$/ }, ({ path }) => ({
      path: PARTS[path],
    }));
  },
};

const common = {
  bundle: true,
  minify: true,
  target: ["es2022", "chrome109", "firefox115", "safari16"],
  legalComments: "linked",
  logLevel: "warning",
  define: { "process.env.NODE_ENV": '"production"' },
};

await rm(output, { recursive: true, force: true });
await mkdir(output, { recursive: true });
const { metafile } = await build({
  ...common,
  entryPoints: { dashboard: "src/main.tsx" },
  outdir: `${output}/assets`,
  format: "esm",
  splitting: true,
  // Names change with what is in them, so a browser may keep all but index.html for ever.
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  jsx: "automatic",
  metafile: true,
  plugins: [patternflyByParts, collectSheets],
});
const sheet = await build({
  ...common,
  stdin: {
    contents: [
      '@import "@patternfly/react-core/dist/styles/base.css";',
      ...[...sheets].sort().map((path) => `@import ${JSON.stringify(path)};`),
      '@import "./src/style.css";',
    ].join("\n"),
    loader: "css",
    resolveDir: ".",
    sourcefile: "dashboard.css",
  },
  outdir: `${output}/assets`,
  entryNames: "dashboard-[hash]",
  metafile: true,
  loader: { ".woff2": "file", ".png": "empty", ".jpg": "empty", ".svg": "empty" },
  assetNames: "[name]-[hash]",
});
const outputs = Object.entries(metafile.outputs);
const [entry] = outputs.find(([, made]) => made.entryPoint === "src/main.tsx");
const [style] = Object.keys(sheet.metafile.outputs).filter((name) => name.endsWith(".css"));
const page = (await readFile("src/index.html", "utf8"))
  .replace("dashboard.js", basename(entry))
  .replace("dashboard.css", basename(style));
await writeFile(`${output}/index.html`, page);
await copyFile("src/icon.svg", `${output}/icon.svg`);
await writeGuide(output);
await writeFile(`${output}/first-page.json`, JSON.stringify(firstPage(), null, 2));

// Scripts that the first page loads before it can be seen: the entry, and all that it imports.
function firstPage() {
  const found = new Set([entry]);
  for (const name of found) {
    for (const { path, kind } of metafile.outputs[name].imports) {
      if (kind === "import-statement") found.add(path);
    }
  }
  return [...found].map((name) => `assets/${basename(name)}`);
}
