/** The dashboard: which page is at which address. Pages that are not the first come when needed. */
import { type ComponentType, lazy, StrictMode, Suspense, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { useRead } from "./api/useRead";
import type { Session } from "./api/types";
import { ProjectList } from "./pages/ProjectList";
import { Boundary } from "./parts/Boundary";
import { Failure, Loading } from "./parts/common";
import { PageSection } from "./pf";
import { go, Link, usePlace } from "./router";
import { SessionContext } from "./session";
import { Shell } from "./shell/Shell";
import { applyTheme } from "./shell/theme";

interface ProjectProperties {
  project: string;
}

const ProjectPage = lazy(() => import("./project/ProjectPage"));
const WorkbenchPage = lazy(() => import("./project/WorkbenchPage"));
const Help = lazy(() => import("./pages/Help"));
const ModelServing = lazy(() => import("./pages/ModelServing"));
const GlobalPipelines = lazy(() => import("./pages/GlobalPipelines"));
const NotebookImages = lazy(() => import("./pages/NotebookImages"));
const ClusterSettings = lazy(() => import("./pages/ClusterSettings"));
const ClassPage = lazy(() => import("./class/ClassPage"));
const ServingRuntimes = lazy(() => import("./pages/ServingRuntimes"));

const PLAIN: Record<string, ComponentType> = {
  help: Help,
  class: ClassPage,
  notebookImages: NotebookImages,
  clusterSettings: ClusterSettings,
  servingRuntimes: ServingRuntimes,
};

const BY_PROJECT: Record<string, ComponentType<{ project: string | null }>> = {
  modelServing: ModelServing,
  pipelines: GlobalPipelines,
};

function Routes() {
  const { parts } = usePlace();
  const [first = "", project, kind, name, action] = parts;
  useEffect(() => {
    if (first === "") go("/projects", { replace: true });
  }, [first]);
  if (first === "" || (first === "projects" && !project)) return <ProjectList />;
  if (first === "projects" && project) return <InProject {...{ project, kind, name, action }} />;
  const byProject = BY_PROJECT[first];
  if (byProject && parts.length <= 2) return draw(byProject, { project: project ?? null });
  const plain = PLAIN[first];
  return plain && parts.length === 1 ? draw(plain, {}) : <Nowhere />;
}

function draw<Properties extends object>(Drawn: ComponentType<Properties>, given: Properties) {
  return <Drawn {...given} />;
}

function InProject({
  project,
  kind,
  name,
  action,
}: ProjectProperties & { kind?: string; name?: string; action?: string }) {
  if (!kind) return <ProjectPage key={project} project={project} />;
  // /spawner and /spawner/NAME are the product's own addresses of the form.
  if (kind === "spawner" && !action) {
    return <WorkbenchPage key={`${project}/${name ?? ""}`} project={project} name={name ?? null} />;
  }
  return <Nowhere />;
}

function Nowhere() {
  return (
    <PageSection>
      <h1>There is no such page</h1>
      <p>
        <Link href="/projects">Data Science Projects</Link> is where everything begins.
      </p>
    </PageSection>
  );
}

function Dashboard() {
  const { path } = usePlace();
  const { data: session, failure, again } = useRead<Session>("/api/session");
  if (session === undefined) {
    return (
      <main>
        <h1 className="pf-v6-screen-reader">Data Science Projects</h1>
        {failure && failure.status !== 401 ? (
          <Failure level="h2" failure={failure} again={again} />
        ) : (
          <Loading what="the dashboard" />
        )}
      </main>
    );
  }
  return (
    <SessionContext.Provider value={session}>
      <Shell>
        <Boundary key={path}>
          <Suspense fallback={<Loading what="the page" />}>
            <Routes />
          </Suspense>
        </Boundary>
      </Shell>
    </SessionContext.Provider>
  );
}

applyTheme();
createRoot(document.getElementById("dashboard")!).render(
  <StrictMode>
    <Dashboard />
  </StrictMode>,
);
