// The guide beside the work, made from docs/lab: the same text, with places for a seat's own names.
// What it does not know it refuses, so that the panel cannot say other things than the documents.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Where the seat's namespace stands in the text, around the name of the first seat. */
const SEAT = [
  /(?<=oc -n )mnist\b/g,
  /(?<=named `)mnist(?=`\.)/g,
  /(?<=\*Data Science Projects\*, \*\*)mnist(?=\*\*)/g,
];
/** Where the word is something else: files, images, the model, parts of other names. */
const OTHER = [
  /mnist\.pipeline/g,
  /rhods-mnist-model/g,
  /mnist-webapp/g,
  /`mnist_workload\.inference`/g,
  /Custom Runtime for mnist/g,
  /name \*\*mnist\*\*/g,
];
/** Words that lead to a service of the seat, by file. */
const PLACES = [
  ["1-workbench.md", "its own address", "WORKBENCH"],
  ["4-run.md", "the pipelines' address", "PIPELINES"],
  ["6-draw.md", "Get the address", "PAGE"],
];
const INTRODUCTION = "README.md";
const SHELL = /^```shell\n([\s\S]*?)\n```$/gm;
const PICTURE = /!\[([^\]]*)\]\(images\/([\w-]+\.png)\)/g;
const RELATIVE = /\]\((?!https?:|%|\/)([^)]*)\)/;

/** One document for the panel: its title without the number, and its text. */
export function readPart(name, source, pictureAt) {
  const heading = /^# (?:\d+\. )?(.+)\n/.exec(source);
  if (!heading) throw new Error(`${name} does not begin with a heading`);
  let text = source.slice(heading[0].length);
  // The panel lists the parts itself.
  if (name === INTRODUCTION) text = text.replace(/^\d+\. \[.*\]\(.*\.md\)\n?/gm, "");
  for (const [file, words, place] of PLACES) {
    if (file !== name) continue;
    if (text.split(words).length !== 2) throw new Error(`${name} does not say “${words}” once`);
    text = text.replace(words, `[${words}](%${place}%)`);
  }
  for (const pattern of SEAT) text = text.replace(pattern, "%NAMESPACE%");
  const left = OTHER.reduce((rest, pattern) => rest.replace(pattern, ""), text);
  const unknown = left.split("\n").find((line) => /mnist/.test(line));
  if (unknown !== undefined) {
    const told = "is it the seat's namespace? Say so in web/dashboard/guide.mjs";
    throw new Error(`${name} says mnist in “${unknown.trim()}”: ${told}`);
  }
  text = text
    .replace(PICTURE, (_, words, file) => `![${words}](${pictureAt(file)})`)
    .replace(SHELL, (_, commands) => `\`\`\`\n${commands}\n\`\`\`{{copy}}`);
  const link = RELATIVE.exec(text);
  if (link) throw new Error(`${name} links to ${link[1]}, which is not in the panel`);
  return { file: name, title: heading[1], text: text.trim() };
}

/** Where the documents are: beside the package in the image, in the checkout otherwise. */
export function guideDirectory() {
  const found = ["guide", "../../docs/lab"].find((path) => existsSync(path));
  if (!found) throw new Error("neither guide/ nor ../../docs/lab is there: no guide to show");
  return found;
}

/** Write guide.json and its pictures below `output`. */
export async function writeGuide(output, directory = guideDirectory()) {
  const pictures = new Map();
  await mkdir(`${output}/assets`, { recursive: true });
  for (const name of await readdir(join(directory, "images"))) {
    const path = join(directory, "images", name);
    const hash = createHash("sha256").update(await readFile(path)).digest("hex").slice(0, 8);
    const kept = `assets/guide-${name.replace(/\.png$/, "")}-${hash}.png`;
    await copyFile(path, `${output}/${kept}`);
    pictures.set(name, `/${kept}`);
  }
  const pictureAt = (name) => {
    if (!pictures.has(name)) throw new Error(`there is no picture images/${name}`);
    return pictures.get(name);
  };
  const read = async (name) =>
    readPart(name, await readFile(join(directory, name), "utf8"), pictureAt);
  const names = (await readdir(directory)).filter((name) => /^\d+-.*\.md$/.test(name)).sort();
  const guide = {
    introduction: await read(INTRODUCTION),
    parts: await Promise.all(names.map(read)),
  };
  await writeFile(`${output}/guide.json`, JSON.stringify(guide));
}
