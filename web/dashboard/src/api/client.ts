/** Calls to the page's own server; a refusal is an error that says what to show and where. */
import type { Problem, Right } from "./types";

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.message);
  }

  get fields(): Record<string, string> {
    return this.problem.fields;
  }

  get isLost(): boolean {
    return isLost(this.status);
  }
}

/** Whether nobody answered, or only somebody who could not reach the cluster. */
export function isLost(status: number): boolean {
  return status === 0 || status === 502 || status === 503 || status === 504;
}

const LOST = "The server did not answer. What you entered is kept; try again in a moment.";

export async function refusalOf(response: Response): Promise<Refusal> {
  let problem: Partial<Problem> = {};
  try {
    problem = (await response.json()) as Partial<Problem>;
  } catch {
    // A proxy in between answers with a page of its own.
  }
  return new Refusal(response.status, {
    message: problem.message ?? (isLost(response.status) ? LOST : unexplained(response)),
    field: problem.field ?? null,
    fields: problem.fields ?? {},
    reason: problem.reason ?? "",
    right: problem.right ?? null,
  });
}

function unexplained(response: Response): string {
  return `The server answered ${response.status} ${response.statusText} and gave no reason.`;
}

/** "create inferenceservices in the project mnist", for a sentence about what is missing. */
export function rightInWords({ verb, resource, name, namespace }: Right): string {
  const what = name ? `${resource} “${name}”` : resource;
  return namespace ? `${verb} ${what} in the project ${namespace}` : `${verb} ${what}`;
}

/** What is shown of an error: the server's sentence, and the right that is missing. */
export function inWords(error: unknown): string {
  if (!(error instanceof Refusal)) return error instanceof Error ? error.message : String(error);
  const { message, right } = error.problem;
  if (right === null) return message;
  return `${message} The right that is missing: ${rightInWords(right)}.`;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

async function call<Answer>(
  method: Method,
  path: string,
  body: BodyInit | undefined,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, { method, body, headers, signal, credentials: "same-origin" });
  } catch (error) {
    if (signal?.aborted) throw error;
    window.dispatchEvent(new CustomEvent(LOST_EVENT));
    throw new Refusal(0, { message: LOST, field: null, fields: {}, reason: "Lost", right: null });
  }
  if (response.ok) return (await response.json()) as Answer;
  const refusal = await refusalOf(response);
  if (response.status === 401) signIn();
  if (refusal.isLost) window.dispatchEvent(new CustomEvent(LOST_EVENT));
  throw refusal;
}

const JSON_HEADERS = { "Content-Type": "application/json", Accept: "application/json" };

export function read<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  return call("GET", path, undefined, { Accept: "application/json" }, signal);
}

export function write<Answer>(method: Method, path: string, body: unknown = {}): Promise<Answer> {
  return call(method, path, JSON.stringify(body), JSON_HEADERS);
}

export function upload<Answer>(path: string, form: FormData): Promise<Answer> {
  return call("POST", path, form, { Accept: "application/json" });
}

export const LOST_EVENT = "dashboard:lost";
/** Sent before the page is left for the sign-in, so that forms can keep what was entered. */
export const LEAVING_EVENT = "dashboard:leaving";

let leaving = false;

/** To the sign-in and back to this address; forms keep what was entered until then. */
export function signIn(page = "/oauth/login"): void {
  if (leaving) return;
  leaving = true;
  window.dispatchEvent(new CustomEvent(LEAVING_EVENT));
  const back = window.location.pathname + window.location.search;
  window.location.assign(`${page}?rd=${encodeURIComponent(back)}`);
}

/** The path of something in a project, its names encoded. */
export function at(project: string, ...rest: string[]): string {
  return ["/api/projects", project, ...rest.map(String)]
    .map((part, index) => (index === 0 ? part : encodeURIComponent(part)))
    .join("/");
}
