/** Overview: what is in the project, with the way to each and the button that comes next. */
import type { ReactNode } from "react";
import {
  Button,
  Card,
  CardBody,
  CardFooter,
  CardTitle,
  Gallery,
  PageSection,
  Title,
} from "../pf";
import { follow, Link } from "../router";
import { useProject } from "./context";

const counted = (count: number, one: string, many: string) =>
  `${count} ${count === 1 ? one : many}`;

export function Overview() {
  const { project, live } = useProject();
  const { workbenches, storages, connections, models, pipelines } = live.data;
  const server = pipelines?.server;
  const serverWords = {
    ready: "The pipeline server runs.",
    starting: "The pipeline server is starting.",
    failed: "The pipeline server failed.",
    unsupported: "The pipeline server’s version is not supported.",
  };
  return (
    <>
      <Group title="Train models">
        <Place section="pipelines-projects" title="Pipelines"
          text={server ? serverWords[server.state] : "No pipeline server is configured."}
          count={counted(pipelines?.items.length ?? 0, "pipeline", "pipelines")} />
        <Place section="workbenches" title="Workbenches"
          text="A workbench is JupyterLab on your storage, with your data connections."
          count={counted(workbenches?.items.length ?? 0, "workbench", "workbenches")} />
      </Group>
      <Group title="Serve models">
        <Place section="model-server" title="Models and model servers"
          text={project.platform === "single"
            ? "Single-model serving enabled: each model has a server of its own."
            : "One model server serves several models."}
          count={`${counted(models?.items.length ?? 0, "model", "models")}${
            project.platform === "single"
              ? ""
              : `, ${counted(models?.servers.length ?? 0, "server", "servers")}`}`} />
      </Group>
      <Group title="Project configuration">
        <Place section="cluster-storages" title="Cluster storage"
          text="Storage keeps files when a workbench stops or goes."
          count={counted(storages?.items.length ?? 0, "storage", "storages")} />
        <Place section="data-connections" title="Data connections"
          text="A data connection is the address and key of a bucket."
          count={counted(connections?.items.length ?? 0, "data connection", "data connections")} />
        {project.can.share !== false && (
          <Place section="permissions" title="Permissions"
            text="Let others see and change what is in the project." />
        )}
      </Group>
    </>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <PageSection>
      <Title headingLevel="h2" size="lg" className="section-head">
        {title}
      </Title>
      <Gallery hasGutter minWidths={{ default: "260px" }}>
        {children}
      </Gallery>
    </PageSection>
  );
}

function Place({ section, title, text, count }: {
  section: string;
  title: string;
  text: string;
  count?: string;
}) {
  const { project } = useProject();
  const to = `/projects/${encodeURIComponent(project.name)}?section=${section}`;
  return (
    <Card isFullHeight className="overview-card">
      <CardTitle component="h3">
        <Link href={to}>{title}</Link>
      </CardTitle>
      <CardBody>
        <p>{text}</p>
      </CardBody>
      <CardFooter>
        <div className="between">
          <span>{count}</span>
          <Button variant="link" isInline component="a" href={to} onClick={follow}
            aria-label={`Go to page ${title}`}>
            Go to page
          </Button>
        </div>
      </CardFooter>
    </Card>
  );
}
