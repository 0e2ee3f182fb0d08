/** What a form refuses before anything is sent. Each gives a sentence, or null when all is well. */

export type Fault = string | null;

export function filled(value: string, what: string): Fault {
  return value.trim() === "" ? `Enter ${what}.` : null;
}

export function wholeNumber(value: number, least: number, most: number, unit = ""): Fault {
  const unitWord = unit ? ` ${unit}` : "";
  if (Number.isInteger(value) && value >= least && value <= most) return null;
  const given = Number.isNaN(value) ? "nothing" : String(value);
  return `Enter a whole number from ${least} to ${most}${unitWord}; this is ${given}.`;
}

export function endpoint(value: string): Fault {
  if (value.trim() === "") return "Enter the endpoint: the store's URL, such as https://s3.example.com.";
  if (/\s/.test(value.trim())) return "An endpoint has no blanks in it.";
  // Without a scheme the product takes https.
  const text = value.includes("://") ? value.trim() : `https://${value.trim()}`;
  try {
    const { protocol, hostname } = new URL(text);
    if (!["http:", "https:"].includes(protocol)) {
      return `An endpoint begins with http:// or https://, not with ${protocol}//.`;
    }
    return hostname ? null : `“${value}” names no host.`;
  } catch {
    return `“${value}” is no URL: write it as https://HOST or http://HOST:PORT.`;
  }
}

export function bucket(value: string): Fault {
  if (value === "") return null;
  if (value.length < 3 || value.length > 63) {
    return `A bucket's name has 3 to 63 characters; this has ${value.length}.`;
  }
  return /^[a-z0-9][a-z0-9.-]*[a-z0-9]$/.test(value)
    ? null
    : `“${value}” is no bucket's name: lower-case letters, digits, dots and dashes.`;
}

export function modelPath(value: string): Fault {
  const path = value.trim();
  if (path === "") return "Enter the path of the model in the bucket, such as onnx/model-v2.onnx.";
  if (/^\/+$/.test(path)) return "A path is more than slashes: name a folder or a file.";
  if (path.includes("//")) return "A path has no two slashes in a row.";
  const wrong = path.match(/[^A-Za-z0-9\-_./]/)?.[0];
  return wrong ? `“${wrong}” may not be in a path: letters, digits and - _ . / may.` : null;
}

export function mountFolder(value: string, taken: string[]): Fault {
  const folder = value.replace(/\/$/, "");
  if (folder === "") return "Enter the folder's name.";
  if (!/^[a-z-]+$/.test(folder)) {
    return `“${value}” is no folder's name here: lower-case letters and dashes, one slash at the end.`;
  }
  return taken.includes(folder) ? `“${folder}” is in use in this workbench.` : null;
}

export function variableName(value: string, others: string[]): Fault {
  if (value === "") return "Enter a key.";
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(value)) {
    return `“${value}” is no variable's name: a letter or _ first, then letters, digits, _ - and dots.`;
  }
  return others.includes(value) ? `“${value}” is there twice.` : null;
}

/** Kubernetes quantities of CPU and memory. */
export function quantity(value: string, what: "cpu" | "memory"): Fault {
  const text = value.trim();
  const pattern =
    what === "cpu" ? /^(\d+(\.\d+)?|\d+m)$/ : /^\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/;
  if (text !== "" && pattern.test(text) && !/^0+(\.0+)?\D*$/.test(text)) return null;
  return what === "cpu"
    ? `“${value}” is no amount of CPU: 2, 0.5 or 500m.`
    : `“${value}” is no amount of memory: 4Gi or 512Mi.`;
}

/** Service account names must be there, be different, and stay different as resource names. */
export function uniqueNames(names: string[], toName: (shown: string) => string): Fault[] {
  const made = names.map(toName);
  return names.map((name, index) => {
    if (name.trim() === "") return "Enter a service account name.";
    if (made[index] === "") return `“${name}” has no letter or digit that a name can keep.`;
    return made.indexOf(made[index]!) < index ? `“${name}” is there already.` : null;
  });
}

export function cron(value: string): Fault {
  const parts = value.trim().split(/\s+/);
  if (parts.length !== 6) {
    return `A schedule has six parts (second minute hour day month weekday), such as 0 0 0 * * *; this has ${value.trim() === "" ? 0 : parts.length}.`;
  }
  const wrong = parts.find((part) => !/^[0-9A-Za-z*?/,-]+$/.test(part));
  return wrong ? `“${wrong}” is no part of a schedule.` : null;
}

/** The value of a pipeline's parameter, from what was typed; throws the sentence to show. */
export function parameterValue(text: string, type: string): unknown {
  const plain = text.trim();
  switch (type.toUpperCase()) {
    case "NUMBER_INTEGER":
    case "INTEGER":
      if (!/^-?\d+$/.test(plain)) throw new Error(`Enter a whole number; this is “${text}”.`);
      return Number(plain);
    case "NUMBER_DOUBLE":
    case "DOUBLE":
      if (plain === "" || !Number.isFinite(Number(plain))) {
        throw new Error(`Enter a number; this is “${text}”.`);
      }
      return Number(plain);
    case "BOOLEAN":
      if (!["true", "false"].includes(plain)) throw new Error("Choose true or false.");
      return plain === "true";
    case "LIST":
    case "STRUCT":
      return structured(plain, type.toUpperCase() === "LIST");
    default:
      return text;
  }
}

function structured(text: string, list: boolean): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is no JSON: ${(error as Error).message}.`);
  }
  if (list !== Array.isArray(value) || typeof value !== "object" || value === null) {
    throw new Error(list ? "Enter a JSON list: […]." : "Enter a JSON object: {…}.");
  }
  return value;
}
