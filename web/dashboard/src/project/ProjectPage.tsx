/** One project: tabs whose choice is part of the address, so that back and reload keep it. */
import { type ComponentType, lazy, Suspense, useEffect, useState } from "react";
import { useProjectStream } from "../api/live";
import { DeleteProject } from "../pages/ProjectList";
import { ProjectModal } from "../pages/ProjectModal";
import { Failure, Loading } from "../parts/common";
import {
  Breadcrumb,
  BreadcrumbItem,
  Dropdown,
  DropdownItem,
  DropdownList,
  MenuToggle,
  PageSection,
  Tab,
  TabContent,
  Tabs,
  TabTitleText,
  Title,
} from "../pf";
import { closeForm, go, Link, openForm, usePlace, withQuery } from "../router";
import { ProjectContext, useProject } from "./context";
import { Overview } from "./Overview";
import { Workbenches } from "./Workbenches";

const Pipelines = lazy(() => import("./Pipelines"));
const Models = lazy(() => import("./Models"));
const Storages = lazy(() => import("./Storages"));
const Connections = lazy(() => import("./Connections"));
const Permissions = lazy(() => import("./Permissions"));

/** Sections by the product's own ids, in its order. */
const SECTIONS: [string, string, ComponentType][] = [
  ["overview", "Overview", Overview],
  ["workbenches", "Workbenches", Workbenches],
  ["pipelines-projects", "Pipelines", Pipelines],
  ["model-server", "Models", Models],
  ["cluster-storages", "Cluster storage", Storages],
  ["data-connections", "Data connections", Connections],
  ["permissions", "Permissions", Permissions],
];

export default function ProjectPage({ project }: { project: string }) {
  const live = useProjectStream(project);
  const loaded = live.data.project;
  useEffect(() => {
    document.title = `${loaded?.displayName ?? project} · Data Science Projects`;
  }, [loaded?.displayName, project]);
  if (live.failures.all && !loaded) {
    return (
      <PageSection>
        <Crumbs name={project} />
        <Title headingLevel="h1">{project}</Title>
        <Failure failure={live.failures.all} level="h2" />
      </PageSection>
    );
  }
  if (!loaded) {
    return (
      <PageSection>
        <Crumbs name={project} />
        <Title headingLevel="h1">{project}</Title>
        <Loading what="the project" />
      </PageSection>
    );
  }
  return (
    <ProjectContext.Provider value={{ project: loaded, live }}>
      <Loaded />
    </ProjectContext.Provider>
  );
}

export function Crumbs({ name, to, here }: { name: string; to?: string; here?: string }) {
  return (
    <Breadcrumb>
      <BreadcrumbItem render={({ className }) => (
        <Link className={className} href="/projects">Data Science Projects</Link>
      )} />
      {here ? (
        <BreadcrumbItem render={({ className }) => (
          <Link className={className} href={to}>{name}</Link>
        )} />
      ) : null}
      <BreadcrumbItem isActive>{here ?? name}</BreadcrumbItem>
    </Breadcrumb>
  );
}

function Loaded() {
  const { project } = useProject();
  const { query } = usePlace();
  const form = query.get("form");
  const sections = SECTIONS.filter(([id]) => id !== "permissions" || project.can.share !== false);
  const asked = query.get("section");
  const [current, label, Section] = sections.find(([id]) => id === asked) ?? sections[0]!;
  useEffect(() => {
    // Unknown or missing: the first tab, in the address too.
    if (asked !== current) go(withQuery({ section: current }), { replace: true });
    // On a narrow screen the tabs scroll; the chosen one must be seen.
    document.querySelector(".pf-v6-c-tabs__item.pf-m-current")?.scrollIntoView({
      block: "nearest",
      inline: "center",
    });
  }, [asked, current]);
  return (
    <>
      <PageSection>
        <Crumbs name={project.displayName} />
        <div className="between">
          <div>
            <Title headingLevel="h1" className="wide">
              {project.displayName}
            </Title>
            {project.description && <p className="muted wide">{project.description}</p>}
          </div>
          <div>
            <Actions />
          </div>
        </div>
      </PageSection>
      <PageSection type="tabs" padding={{ default: "noPadding" }}>
        <Tabs
          activeKey={current}
          aria-label="Sections of the project"
          usePageInsets
          inset={{ default: "insetLg" }}
        >
          {sections.map(([id, label]) => (
            <Tab
              key={id}
              eventKey={id}
              tabContentId={`section-${id}`}
              href={`/projects/${encodeURIComponent(project.name)}?section=${id}`}
              title={<TabTitleText>{label}</TabTitleText>}
              onClick={(event) => {
                event.preventDefault();
                go(`/projects/${encodeURIComponent(project.name)}?section=${id}`);
              }}
            />
          ))}
        </Tabs>
      </PageSection>
      <TabContent
        id={`section-${current}`}
        eventKey={current}
        activeKey={current}
        aria-label={label}
        className="tab-content"
      >
        <Suspense fallback={<Loading what="the section" />}>
          <Section />
        </Suspense>
      </TabContent>
      {form === "edit-project" && <ProjectModal project={project} onClose={closeForm} />}
      {form === "delete-project" && (
        <DeleteProject
          project={project}
          onClose={closeForm}
          onDeleted={() => go("/projects", { replace: true })}
        />
      )}
    </>
  );
}

function Actions() {
  const { project } = useProject();
  const [open, setOpen] = useState(false);
  if (project.can.edit === false && project.can.delete === false) return null;
  const item = (ability: "edit" | "delete", label: string, form: string) => (
    <DropdownItem
      key={form}
      isAriaDisabled={project.can[ability] === false}
      tooltipProps={
        project.can[ability] === false ? { content: project.reasons[ability] } : undefined
      }
      onClick={() => openForm(form)}
    >
      {label}
    </DropdownItem>
  );
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: "right" }}
      toggle={(ref) => (
        <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)}>
          Actions
        </MenuToggle>
      )}
    >
      <DropdownList>
        {item("edit", "Edit project", "edit-project")}
        {item("delete", "Delete project", "delete-project")}
      </DropdownList>
    </Dropdown>
  );
}
