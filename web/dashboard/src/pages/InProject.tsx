/** Global pages show one project at a time; which one is part of their address. */
import { type ReactNode, useEffect } from "react";
import { useProjectsStream, useProjectStream } from "../api/live";
import type { Project } from "../api/types";
import { Empty, Loading, Shown, TitledPage } from "../parts/common";
import { FormSelect, FormSelectOption, Toolbar, ToolbarContent, ToolbarItem } from "../pf";
import { ProjectContext } from "../project/context";
import { go } from "../router";

export const ALL = "";

export function GlobalPage({
  title,
  description,
  base,
  project,
  all,
  children,
}: {
  title: string;
  description: string;
  /** Address of the page: /modelServing. */
  base: string;
  project: string | null;
  /** What is shown of all projects together; without it one must be chosen. */
  all?: (projects: Project[]) => ReactNode;
  children: ReactNode;
}) {
  const { data, failures } = useProjectsStream();
  const projects = data.projects?.items;
  const first = projects?.[0]?.name;
  useEffect(() => {
    if (project === null && !all && first) go(`${base}/${encodeURIComponent(first)}`, { replace: true });
  }, [project, all, first, base]);
  return (
    <TitledPage {...{ title, description }}>
      <Shown level="h2" data={projects} failure={failures.all ?? failures.projects} what="the projects">
        {(there) =>
          there.length === 0 ? (
            <Empty level="h2" title="There is no project yet">
              Everything is in a project: create one first, or ask for one.
            </Empty>
          ) : (
            <>
              <Toolbar>
                <ToolbarContent>
                  <ToolbarItem>
                    <FormSelect
                      aria-label="Project"
                      value={project ?? ALL}
                      onChange={(_, name) =>
                        go(name === ALL ? base : `${base}/${encodeURIComponent(name)}`)
                      }
                    >
                      {all && <FormSelectOption value={ALL} label="All projects" />}
                      {!all && project === null && <FormSelectOption value={ALL} label="Choose a project" />}
                      {there.map(({ name, displayName }) => (
                        <FormSelectOption key={name} value={name} label={displayName} />
                      ))}
                    </FormSelect>
                  </ToolbarItem>
                </ToolbarContent>
              </Toolbar>
              {project === null ? all?.(there) : <OneProject key={project} project={project}>{children}</OneProject>}
            </>
          )
        }
      </Shown>
    </TitledPage>
  );
}

function OneProject({ project, children }: { project: string; children: ReactNode }) {
  const live = useProjectStream(project);
  const loaded = live.data.project;
  if (!loaded && !live.failures.all) return <Loading what="the project" />;
  return (
    <Shown level="h2" data={loaded} failure={live.failures.all} what="the project">
      {(there) => (
        <ProjectContext.Provider value={{ project: there, live }}>{children}</ProjectContext.Provider>
      )}
    </Shown>
  );
}
