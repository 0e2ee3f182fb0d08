/** What the workbench form holds, what is wrong with it, and what is sent. */
import type { Catalogue, NotebookImage, Variables, WorkbenchForm } from "../api/types";
import { filled, variableName, wholeNumber } from "../forms/checks";
import { checkConnection, connectionOf, type ConnectionValues, emptyConnection } from "../forms/connection";
import { checkName } from "../forms/fields";
import type { Faults } from "../forms/useForm";

export interface VariableRow {
  key: string;
  value: string;
}

export interface VariableGroup {
  kind: "secret" | "configmap";
  /** Name of the object that is there already. */
  name: string | null;
  rows: VariableRow[];
}

export interface WorkbenchValues extends ConnectionValues<"connection."> {
  displayName: string;
  name: string | null;
  description: string;
  stream: string;
  tag: string;
  size: string;
  accelerator: string;
  acceleratorCount: number;
  variables: VariableGroup[];
  storageMode: "new" | "existing";
  /** null: as the workbench is called. */
  "storage.displayName": string | null;
  "storage.description": string;
  "storage.sizeGiB": number;
  "storage.storageClass": string;
  "storage.name": string;
  connected: boolean;
  connectionMode: "new" | "existing";
  "connection.name": string;
}

export const LARGEST_GIB = 16384;

/** The version that is chosen first: the recommended one, else the newest that is there. */
export function firstTag(image: NotebookImage | undefined): string {
  const there = image?.versions.filter(({ available }) => available) ?? [];
  return (there.find(({ recommended }) => recommended) ?? there[0])?.tag ?? "";
}

export function initialValues(catalogue: Catalogue, form?: WorkbenchForm): WorkbenchValues {
  const storage = form?.storage;
  const connection = form?.connection;
  return {
    displayName: form?.displayName ?? "",
    name: null,
    description: form?.description ?? "",
    stream: form?.image.stream ?? "",
    tag: form?.image.tag ?? "",
    size: form?.size ?? catalogue.sizes[0]?.name ?? "",
    accelerator: form?.accelerator?.identifier ?? "",
    acceleratorCount: form?.accelerator?.count ?? 1,
    variables: (form?.variables ?? []).map(({ kind, name, values }) => ({
      kind,
      name: name ?? null,
      rows: Object.entries(values).map(([key, value]) => ({ key, value })),
    })),
    storageMode: storage?.mode ?? "new",
    "storage.displayName": storage?.mode === "new" ? storage.displayName : null,
    "storage.description": "",
    "storage.sizeGiB": catalogue.defaultStorageGiB,
    "storage.storageClass": "",
    "storage.name": storage?.mode === "existing" ? storage.name : "",
    connected: Boolean(connection),
    connectionMode: connection?.mode ?? "new",
    "connection.name": connection?.mode === "existing" ? connection.name : "",
    ...emptyConnection("connection."),
  };
}

export function storageName(values: WorkbenchValues): string {
  return values["storage.displayName"] ?? values.displayName;
}

export function checkWorkbench(values: WorkbenchValues, catalogue: Catalogue): Faults {
  const image = catalogue.images.find(({ stream }) => stream === values.stream);
  const version = image?.versions.find(({ tag }) => tag === values.tag);
  const gone = values.tag && image && !version?.available;
  const most = catalogue.accelerators.find(
    ({ identifier }) => identifier === values.accelerator,
  )?.available;
  return {
    ...checkName(values, "workbench"),
    "image.stream": values.stream ? null : "Choose an image.",
    "image.tag": gone
      ? (version?.message ?? `The version ${values.tag} is not there any more: choose another.`)
      : values.tag || !values.stream
        ? null
        : "Choose a version.",
    size: values.size ? null : "Choose a container size.",
    "accelerator.count":
      values.accelerator && wholeNumber(values.acceleratorCount, 1, most ?? 1),
    ...checkVariables(values.variables),
    ...(values.storageMode === "new"
      ? {
          "storage.displayName": filled(storageName(values), "a name for the storage"),
          "storage.sizeGiB": wholeNumber(values["storage.sizeGiB"], 1, LARGEST_GIB, "GiB"),
        }
      : {
          "storage.name": values["storage.name"] ? null : "Choose the storage.",
        }),
    ...checkChosenConnection(values),
  };
}

function checkChosenConnection(values: WorkbenchValues): Faults {
  if (!values.connected) return {};
  if (values.connectionMode === "new") return checkConnection("connection.", values);
  return { "connection.name": values["connection.name"] ? null : "Choose the data connection." };
}

export function checkVariables(groups: VariableGroup[]): Faults {
  const faults: Faults = {};
  const seen: string[] = [];
  groups.forEach(({ rows }, group) => {
    if (rows.length === 0) faults[`variables.${group}`] = "Enter at least one key, or remove it.";
    rows.forEach(({ key, value }, row) => {
      faults[`variables.${group}.${row}.key`] = variableName(key, seen);
      faults[`variables.${group}.${row}.value`] = value === "" ? "Enter a value." : null;
      seen.push(key);
    });
  });
  return faults;
}

export function workbenchOf(values: WorkbenchValues): WorkbenchForm {
  return {
    displayName: values.displayName.trim(),
    name: values.name,
    description: values.description,
    image: { stream: values.stream, tag: values.tag },
    size: values.size,
    accelerator: values.accelerator
      ? { identifier: values.accelerator, count: values.acceleratorCount }
      : null,
    variables: values.variables.map(
      ({ kind, name, rows }): Variables => ({
        kind,
        ...(name === null ? {} : { name }),
        values: Object.fromEntries(rows.map(({ key, value }) => [key, value])),
      }),
    ),
    storage:
      values.storageMode === "existing"
        ? { mode: "existing", name: values["storage.name"] }
        : {
            mode: "new",
            displayName: storageName(values).trim(),
            description: values["storage.description"],
            sizeGiB: values["storage.sizeGiB"],
            storageClass: values["storage.storageClass"] || null,
          },
    connection: !values.connected
      ? null
      : values.connectionMode === "existing"
        ? { mode: "existing", name: values["connection.name"] }
        : { mode: "new", ...connectionOf("connection.", values) },
  };
}

/** What may outlive the page while the reader signs in again: no secret. */
export function keptValues(values: WorkbenchValues): Partial<WorkbenchValues> {
  return {
    ...values,
    "connection.secretKey": "",
    variables: values.variables.filter(({ kind }) => kind !== "secret"),
  };
}

/** Keys and values of a Secret or ConfigMap as YAML; throws the sentence to show. */
export async function variablesOfFile(
  text: string,
  kind: "secret" | "configmap",
): Promise<VariableRow[]> {
  const { parse } = await import("yaml");
  const wanted = kind === "secret" ? "Secret" : "ConfigMap";
  let object: unknown;
  try {
    object = parse(text);
  } catch (error) {
    throw new Error(`This is no YAML: ${(error as Error).message}`);
  }
  const found = (object ?? {}) as Record<string, unknown>;
  if (found.kind !== wanted) {
    throw new Error(`The file holds a ${String(found.kind ?? "text")}; a ${wanted} is wanted.`);
  }
  const data = Object.entries((found.data ?? {}) as Record<string, unknown>);
  const plain = Object.entries((found.stringData ?? {}) as Record<string, unknown>);
  const rows = data.map(([key, value]) => ({
    key,
    value: kind === "secret" ? decoded(key, String(value)) : String(value),
  }));
  rows.push(...plain.map(([key, value]) => ({ key, value: String(value) })));
  if (rows.length === 0) throw new Error(`The ${wanted} in the file has no data.`);
  return rows;
}

function decoded(key: string, value: string): string {
  try {
    const bytes = Uint8Array.from(atob(value.trim()), (letter) => letter.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`“${key}” is not base64 of a text, as a Secret’s data must be.`);
  }
}
