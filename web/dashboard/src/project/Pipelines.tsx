/** Pipelines: the server and its state, the pipelines on it, their runs and schedules. */
import { at } from "../api/client";
import type { Pipelines as PipelinesOf, PipelineServer } from "../api/types";
import { Empty, GuardedButton, Section, Shown } from "../parts/common";
import { DeleteModal } from "../parts/DeleteModal";
import { Alert, Button, Spinner } from "../pf";
import { closeForm, openForm, usePlace } from "../router";
import { useProject, whyNot } from "./context";
import { ImportModal } from "./ImportModal";
import { PipelineServerModal } from "./PipelineServerModal";
import { PipelineTables } from "./PipelineTables";
import { RunModal } from "./RunModal";

export default function Pipelines() {
  const { project, live } = useProject();
  const pipelines = live.data.pipelines;
  const reason = whyNot(project, "write");
  const server = pipelines?.server ?? null;
  const ready = server?.state === "ready";
  return (
    <Section
      title="Pipelines"
      id="pipelines"
      action={
        ready && (
          <GuardedButton reason={reason} onClick={() => openForm("import-pipeline")}>
            Import pipeline
          </GuardedButton>
        )
      }
    >
      <Shown data={pipelines} failure={live.failures.pipelines} what="the pipelines">
        {(all) => <State pipelines={all} reason={reason} />}
      </Shown>
      {pipelines && <Forms pipelines={pipelines} />}
    </Section>
  );
}

function State({ pipelines, reason }: { pipelines: PipelinesOf; reason: string | null }) {
  const { server } = pipelines;
  if (server === null) {
    return (
      <Empty
        title="Enable pipelines"
        action={
          <GuardedButton reason={reason} onClick={() => openForm("pipeline-server")}>
            Configure pipeline server
          </GuardedButton>
        }
      >
        To create or use pipelines, you must first configure a pipeline server in this project. It
        keeps what its steps make in a bucket.
      </Empty>
    );
  }
  if (server.state === "starting") {
    return (
      <Empty title="The pipeline server is starting" icon={Turning} action={<Remove reason={reason} />}>
        {server.message ?? "This takes a minute or two; the page shows when it is ready."}
      </Empty>
    );
  }
  if (server.state !== "ready") {
    return (
      <Alert
        component="p"
        isInline
        variant="danger"
        title={
          server.state === "failed"
            ? "Pipeline server failed"
            : "Unsupported pipeline and pipeline server version"
        }
        actionLinks={<Remove reason={reason} />}
      >
        {server.cause ?? server.message}
      </Alert>
    );
  }
  return (
    <>
      <ServerLine server={server} reason={reason} />
      {pipelines.items.length === 0 ? (
        <Empty
          title="Start by importing a pipeline"
          action={
            <GuardedButton reason={reason} onClick={() => openForm("import-pipeline")}>
              Import pipeline
            </GuardedButton>
          }
        >
          A pipeline is steps that run one after the other. Elyra in a workbench sends its own here;
          their runs are below.
        </Empty>
      ) : null}
      <PipelineTables pipelines={pipelines.items} reason={reason} />
    </>
  );
}

const Turning = () => <Spinner aria-label="The pipeline server is starting" />;

function Remove({ reason }: { reason: string | null }) {
  return (
    <GuardedButton
      variant="link"
      isInline
      reason={reason}
      onClick={() => openForm("delete-pipeline-server")}
    >
      Delete pipeline server
    </GuardedButton>
  );
}

function ServerLine({ server, reason }: { server: PipelineServer; reason: string | null }) {
  return (
    <div className="page-form-buttons section-head">
      <span className="muted wide">
        Pipeline server <strong>{server.name}</strong>
        {server.bucket && `, bucket ${server.bucket}`}
        {server.endpoint && ` at ${server.endpoint}`}
      </span>
      {server.url && (
        <Button variant="link" isInline component="a" href={server.url} target="_blank" rel="noreferrer">
          Open runs, graphs and logs
        </Button>
      )}
      <Remove reason={reason} />
    </div>
  );
}

function Forms({ pipelines }: { pipelines: PipelinesOf }) {
  const { project } = useProject();
  const { query } = usePlace();
  const form = query.get("form");
  const about = query.get("about");
  const pipeline = pipelines.items.find(({ id }) => id === about);
  const { server } = pipelines;
  if (form === "pipeline-server" && server === null) return <PipelineServerModal />;
  if (form === "import-pipeline") return <ImportModal />;
  if (form === "run" && pipeline) return <RunModal key={about} pipeline={pipeline} />;
  if (form === "schedule" && pipeline) return <RunModal key={about} pipeline={pipeline} scheduled />;
  if (form === "delete-pipeline-server" && server) {
    return (
      <DeleteModal
        what="pipeline server"
        name={server.name}
        path={at(project.name, "pipeline-server")}
        onClose={closeForm}
      >
        All pipelines, runs and schedules of this project are deleted with the server. What its
        steps wrote to the bucket stays.
      </DeleteModal>
    );
  }
  if (form === "delete-pipeline" && pipeline) {
    return (
      <DeleteModal
        what="pipeline"
        name={pipeline.displayName}
        path={at(project.name, "pipelines", pipeline.id)}
        onClose={closeForm}
      >
        The pipeline <strong>{pipeline.displayName}</strong> and its versions are deleted. Its runs
        stay.
      </DeleteModal>
    );
  }
  return null;
}
