/** Names: what a shown name becomes as a resource's name, and what a resource may be called. */

export type Kind = "project" | "workbench" | "storage" | "connection" | "server" | "model" | "token";

const LIMITS: Partial<Record<Kind, number>> = { project: 30, workbench: 30 };
const DEFAULT_LIMIT = 253;

export function limitOf(kind: Kind): number {
  return LIMITS[kind] ?? DEFAULT_LIMIT;
}

/** The resource name that a shown name gives; "" where nothing of it can be kept. */
export function resourceName(shown: string, kind: Kind): string {
  const name = shown
    .trim()
    .toLowerCase()
    .replace(/\s/g, "-")
    .replace(/[^a-z0-9-]/g, "")
    .replace(/-+/g, "-")
    .replace(/^-|-$/g, "");
  const prefixed = kind === "workbench" && /^[0-9]+$/.test(name) ? `wb-${name}` : name;
  return prefixed.slice(0, limitOf(kind)).replace(/-+$/, "");
}

/** What is wrong with a resource name, as a sentence; null when nothing is. */
export function faultOfName(name: string, kind: Kind): string | null {
  if (name === "") return "Enter a resource name.";
  const limit = limitOf(kind);
  if (name.length > limit) {
    return `The resource name has ${name.length} characters; it may have at most ${limit}.`;
  }
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    return `“${name}” is no resource name: use lower-case letters, digits and dashes, and begin and end with a letter or digit.`;
  }
  return null;
}
