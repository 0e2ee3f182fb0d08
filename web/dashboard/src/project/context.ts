/** What a project's page knows: the project, all its sections as they are now, and what may be done. */
import { createContext, useContext } from "react";
import type { Live, ProjectSections } from "../api/live";
import type { Ability, Project } from "../api/types";

export interface ProjectState {
  project: Project;
  live: Live<ProjectSections>;
}

export const ProjectContext = createContext<ProjectState | null>(null);

export function useProject(): ProjectState {
  const state = useContext(ProjectContext);
  if (state === null) throw new Error("a section was drawn outside its project");
  return state;
}

/** The sentence that says why something may not be done; null when it may. */
export function whyNot({ can, reasons }: Project, ability: Ability): string | null {
  return can[ability] === false ? (reasons[ability] ?? "You lack a right for this.") : null;
}
