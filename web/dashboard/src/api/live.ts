/** Changes as the server sends them: one stream a page, closed while nobody looks at it. */
import { useEffect, useState } from "react";
import { isLost, LOST_EVENT, read, Refusal, signIn } from "./client";
import type {
  ClassBoard,
  Connection,
  Items,
  Models,
  Permission,
  Pipelines,
  Problem,
  Project,
  Storage,
  Workbench,
} from "./types";

export const FOUND_EVENT = "dashboard:found";
/** Waiting times in milliseconds before a stream that was refused is opened again. */
const PAUSES = [500, 1000, 2000, 4000, 8000];

export interface ProjectSections {
  project: Project;
  workbenches: Items<Workbench>;
  storages: Items<Storage>;
  connections: Items<Connection>;
  models: Models;
  pipelines: Pipelines;
  permissions: Items<Permission>;
}

export type Failures<Sections> = { [Name in keyof Sections | "all"]?: Refusal };

export interface Live<Sections> {
  data: Partial<Sections>;
  failures: Failures<Sections>;
}

export interface StreamHandlers {
  on(section: string, data: unknown): void;
  failed(section: string | null, refusal: Refusal): void;
  /** Asked when the stream was refused: throws what the server says to this reader. */
  probe(): Promise<unknown>;
}

export function refusalOfEvent(data: Partial<Problem> & { status?: number }): Refusal {
  return new Refusal(data.status ?? 0, {
    message: data.message ?? "The server could not read this and gave no reason.",
    field: null,
    fields: {},
    reason: data.reason ?? "",
    right: data.right ?? null,
  });
}

/** Open the stream and keep it open; returns what ends it. */
export function listen(path: string, sections: string[], handlers: StreamHandlers): () => void {
  let source: EventSource | null = null;
  let timer = 0;
  let failures = 0;

  const open = () => {
    source = new EventSource(path);
    for (const section of sections) {
      source.addEventListener(section, ({ data }: MessageEvent<string>) => {
        found();
        handlers.on(section, JSON.parse(data));
      });
    }
    source.addEventListener("alive", found);
    source.addEventListener("failure", ({ data }: MessageEvent<string>) => {
      const told = JSON.parse(data) as Partial<Problem> & { status: number; section?: string };
      if (told.status === 401) return signIn();
      if (isLost(told.status)) window.dispatchEvent(new CustomEvent(LOST_EVENT));
      else handlers.failed(told.section ?? null, refusalOfEvent(told));
    });
    source.onerror = () => void broken();
  };
  const found = () => {
    failures = 0;
    window.dispatchEvent(new CustomEvent(FOUND_EVENT));
  };
  const broken = async () => {
    if (source === null) return;
    // The browser opens a stream that ended again by itself, but gives up on one that was refused.
    const refused = source.readyState === EventSource.CLOSED;
    failures += 1;
    if (failures > 1 || refused) {
      try {
        await handlers.probe();
      } catch (error) {
        if (error instanceof Refusal && !error.isLost) handlers.failed(null, error);
      }
    }
    if (refused && source !== null) {
      close();
      timer = window.setTimeout(open, PAUSES[Math.min(failures, PAUSES.length) - 1]);
    }
  };
  const close = () => {
    window.clearTimeout(timer);
    source?.close();
    source = null;
  };
  // A browser keeps six connections to a host: tabs that nobody sees must not hold them.
  const look = () => {
    if (document.hidden) close();
    else if (source === null) open();
  };
  document.addEventListener("visibilitychange", look);
  if (!document.hidden) open();
  return () => {
    document.removeEventListener("visibilitychange", look);
    close();
  };
}

const SECTIONS: (keyof ProjectSections)[] = [
  "project",
  "workbenches",
  "storages",
  "connections",
  "models",
  "pipelines",
  "permissions",
];

function useStream<Sections extends object>(
  path: string | null,
  sections: (keyof Sections & string)[],
  probe: string,
): Live<Sections> {
  const [live, setLive] = useState<Live<Sections>>({ data: {}, failures: {} });
  useEffect(() => {
    setLive({ data: {}, failures: {} });
    if (path === null) return undefined;
    return listen(path, sections, {
      on: (section, data) =>
        setLive(({ data: before, failures }) => ({
          data: { ...before, [section]: data },
          failures: { ...failures, [section]: undefined, all: undefined },
        })),
      failed: (section, refusal) =>
        setLive(({ data, failures }) => ({
          data,
          failures: { ...failures, [section ?? "all"]: refusal },
        })),
      probe: () => read(probe),
    });
    // Sections are the same list for a path.
  }, [path]);
  return live;
}

export function useProjectStream(project: string): Live<ProjectSections> {
  const path = `/api/projects/${encodeURIComponent(project)}`;
  return useStream<ProjectSections>(`${path}/changes`, SECTIONS, path);
}

export function useClassStream(): Live<{ class: ClassBoard }> {
  return useStream<{ class: ClassBoard }>("/api/class/changes", ["class"], "/api/class");
}

export function useProjectsStream(): Live<{ projects: Items<Project> }> {
  return useStream<{ projects: Items<Project> }>("/api/changes", ["projects"], "/api/projects");
}
