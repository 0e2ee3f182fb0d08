/** Data Science Projects: all that the reader may see, with their workbenches. */
import { useEffect, useState } from "react";
import PlusCircleIcon from "@patternfly/react-icons/dist/dynamic/icons/plus-circle-icon";
import { at } from "../api/client";
import { useProjectsStream } from "../api/live";
import type { Project } from "../api/types";
import { Age, Empty, GuardedButton, Shown } from "../parts/common";
import { DeleteModal } from "../parts/DeleteModal";
import { guardedAction, RowActions } from "../parts/RowActions";
import { WordLabel } from "../parts/WordLabel";
import {
  Button,
  PageSection,
  SearchInput,
  Title,
  ToggleGroup,
  ToggleGroupItem,
  Toolbar,
  ToolbarContent,
  ToolbarItem,
} from "../pf";
import { type IAction, Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { whyNot } from "../project/context";
import { closeForm, go, Link, openForm, usePlace } from "../router";
import { useSession } from "../session";
import { ProjectModal } from "./ProjectModal";

const NO_PROJECTS =
  "You may not create projects. Ask whoever runs this cluster for one, or to be added to one.";

export function ProjectList() {
  const { canCreateProject } = useSession();
  const { data, failures } = useProjectsStream();
  const { query } = usePlace();
  useEffect(() => {
    document.title = "Data Science Projects";
  }, []);
  const projects = data.projects?.items;
  const about = projects?.find(({ name }) => name === query.get("about"));
  const create = (
    <GuardedButton
      reason={canCreateProject ? null : NO_PROJECTS}
      onClick={() => openForm("create-project")}
    >
      Create project
    </GuardedButton>
  );
  return (
    <>
      <PageSection>
        <Title headingLevel="h1">Data Science Projects</Title>
        <p className="muted">View your existing projects or create new projects.</p>
      </PageSection>
      <PageSection isFilled>
        <Shown level="h2" data={projects} failure={failures.all ?? failures.projects} what="the projects">
          {(all) =>
            all.length === 0 ? (
              <Empty
                level="h2"
                title={
                  canCreateProject
                    ? "Start by creating your project"
                    : "Start by requesting a project"
                }
                icon={PlusCircleIcon}
                action={create}
              >
                {canCreateProject
                  ? "A project holds your workbenches, storage, data connections and models."
                  : NO_PROJECTS}
              </Empty>
            ) : (
              <Projects projects={all} create={create} />
            )
          }
        </Shown>
      </PageSection>
      {query.get("form") === "create-project" && canCreateProject && (
        <ProjectModal onClose={closeForm} />
      )}
      {query.get("form") === "edit-project" && about && (
        <ProjectModal key={about.name} project={about} onClose={closeForm} />
      )}
      {query.get("form") === "delete-project" && about && (
        <DeleteProject project={about} onClose={closeForm} />
      )}
    </>
  );
}

export function DeleteProject({ project, onClose, onDeleted }: {
  project: Project;
  onClose: () => void;
  onDeleted?: () => void;
}) {
  return (
    <DeleteModal
      what="project"
      name={project.displayName}
      path={at(project.name)}
      onClose={onClose}
      onDeleted={onDeleted}
    >
      All that is in the project <strong>{project.displayName}</strong> is deleted with it:
      workbenches, storage and its data, data connections, pipelines and models.
    </DeleteModal>
  );
}

type By = "name" | "user";

function Projects({ projects, create }: { projects: Project[]; create: React.ReactNode }) {
  const [wanted, setWanted] = useState("");
  const [by, setBy] = useState<By>("name");
  const needle = wanted.trim().toLowerCase();
  const shown = projects.filter(({ name, displayName, owner }) =>
    (by === "name" ? `${displayName} ${name}` : (owner ?? "")).toLowerCase().includes(needle),
  );
  return (
    <>
      <Toolbar clearAllFilters={() => setWanted("")}>
        <ToolbarContent>
          <ToolbarItem>
            <ToggleGroup aria-label="Filter by">
              <ToggleGroupItem
                text="Name"
                isSelected={by === "name"}
                onChange={() => setBy("name")}
              />
              <ToggleGroupItem
                text="User"
                isSelected={by === "user"}
                onChange={() => setBy("user")}
              />
            </ToggleGroup>
          </ToolbarItem>
          <ToolbarItem>
            <SearchInput
              aria-label={`Filter by ${by}`}
              placeholder={`Filter by ${by}`}
              value={wanted}
              onChange={(_, value) => setWanted(value)}
              onClear={() => setWanted("")}
            />
          </ToolbarItem>
          <ToolbarItem>{create}</ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      {shown.length === 0 ? (
        <Empty
          level="h2"
          title="No projects match"
          action={
            <Button variant="link" onClick={() => setWanted("")}>
              Clear the filter
            </Button>
          }
        >
          No project’s {by} has “{wanted}” in it.
        </Empty>
      ) : (
        <Table aria-label="Data science projects" variant="compact">
          <Thead>
            <Tr>
              <Th modifier="wrap">Name</Th>
              <Th modifier="wrap">Created</Th>
              <Th modifier="wrap">Workbenches</Th>
              <Th screenReaderText="Actions" />
            </Tr>
          </Thead>
          <Tbody>
            {shown.map((project) => (
              <ProjectRow key={project.name} project={project} />
            ))}
          </Tbody>
        </Table>
      )}
    </>
  );
}

function ProjectRow({ project }: { project: Project }) {
  const { name, displayName, description, owner, created, workbenches } = project;
  return (
    <Tr>
      <Td dataLabel="Name">
        <Link href={`/projects/${encodeURIComponent(name)}`}>{displayName}</Link>
        {owner && <div className="muted small">{owner}</div>}
        {description && <div className="small wide">{description}</div>}
      </Td>
      <Td dataLabel="Created">
        <Age of={created} />
      </Td>
      <Td dataLabel="Workbenches">
        {workbenches.length === 0 && "-"}
        {workbenches.map((workbench) => (
          <div key={workbench.name}>
            {workbench.url && workbench.word === "Running" ? (
              <a href={workbench.url} target="_blank" rel="noreferrer">
                {workbench.displayName}
              </a>
            ) : (
              workbench.displayName
            )}{" "}
            <WordLabel word={workbench.word} />
          </div>
        ))}
      </Td>
      <Td isActionCell>
        <RowActions items={projectActions(project)} />
      </Td>
    </Tr>
  );
}

/** Edit, permissions and delete; grey with the reason where a right is missing. */
export function projectActions(project: Project): IAction[] {
  const { name } = project;
  const page = `/projects/${encodeURIComponent(name)}`;
  return [
    guardedAction("Edit project", whyNot(project, "edit"), () => openForm("edit-project", name)),
    guardedAction("Edit permissions", whyNot(project, "share"), () =>
      go(`${page}?section=permissions`),
    ),
    guardedAction("Delete project", whyNot(project, "delete"), () =>
      openForm("delete-project", name),
    ),
  ];
}
