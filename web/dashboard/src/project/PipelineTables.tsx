/** Pipelines, and the runs and schedules that were made of them. */
import { type ReactNode, useState } from "react";
import { at, inWords, type Refusal, write } from "../api/client";
import { useRead } from "../api/useRead";
import type { Items, Pipeline, PipelineDetails, Run, Schedule } from "../api/types";
import { Age, Shown } from "../parts/common";
import { guardedAction, RowActions } from "../parts/RowActions";
import { Label, type LabelProps, Switch, Title } from "../pf";
import { Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { openForm } from "../router";
import { useToasts } from "../shell/toasts";
import { useProject } from "./context";
import { triggerInWords } from "./runValues";

/** Milliseconds between looks at runs and schedules, of which the stream does not tell. */
const LOOK_AGAIN = 3000;

export function PipelineTables({ pipelines, reason }: {
  pipelines: Pipeline[];
  reason: string | null;
}) {
  return (
    <div className="rows">
      {pipelines.length > 0 && <PipelineTable pipelines={pipelines} reason={reason} />}
      <Runs />
      <Schedules reason={reason} />
    </div>
  );
}

function PipelineTable({ pipelines, reason }: { pipelines: Pipeline[]; reason: string | null }) {
  const guarded = (title: string, form: string, id: string) =>
    guardedAction(title, reason, () => openForm(form, id));
  return (
    <Table aria-label="Pipelines" variant="compact">
      <Thead>
        <Tr>
          <Th modifier="wrap">Pipeline</Th>
          <Th modifier="wrap">Total versions</Th>
          <Th modifier="wrap">Created</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {pipelines.map(({ id, displayName, description, versions, created }) => (
          <Tr key={id}>
            <Td dataLabel="Pipeline">
              {displayName}
              {description && <div className="muted small wide">{description}</div>}
            </Td>
            <Td dataLabel="Total versions">{versions ?? <CountedVersions pipeline={id} />}</Td>
            <Td dataLabel="Created">
              <Age of={created} />
            </Td>
            <Td isActionCell>
              <RowActions
                items={[
                  guarded("Create run", "run", id),
                  guarded("Create schedule", "schedule", id),
                  guarded("Delete pipeline", "delete-pipeline", id),
                ]}
              />
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

/** The list of pipelines knows no counts: each is asked for once, when its row is drawn. */
function CountedVersions({ pipeline }: { pipeline: string }) {
  const { project } = useProject();
  const { data } = useRead<PipelineDetails>(at(project.name, "pipelines", pipeline));
  return <>{data ? data.versions.length : "-"}</>;
}

const STATES: Record<string, Pick<LabelProps, "color" | "status">> = {
  SUCCEEDED: { status: "success" },
  FAILED: { status: "danger" },
  RUNNING: { color: "blue" },
  PENDING: { color: "grey" },
  CANCELING: { color: "orange" },
  CANCELED: { color: "grey" },
  PAUSED: { color: "grey" },
};

/** "SUCCEEDED" is the API's word, "Succeeded" the page's. */
export function stateInWords(state: string | null): string {
  if (!state || state === "RUNTIME_STATE_UNSPECIFIED") return "-";
  return state.charAt(0).toUpperCase() + state.slice(1).toLowerCase();
}

/** A list that is shown under its title, and says in its place that it is empty. */
function TitledTable<Item>({ title, data, failure, columns, children }: {
  title: string;
  data: Items<Item> | undefined;
  failure: Refusal | undefined;
  columns: string[];
  children: (item: Item) => ReactNode;
}) {
  const what = title.toLowerCase();
  return (
    <div>
      <Title headingLevel="h3" size="lg">
        {title}
      </Title>
      <Shown data={data} failure={failure} what={`the ${what}`}>
        {({ items }) => (
          <Table aria-label={title} variant="compact">
            <Thead>
              <Tr>
                {columns.map((column) =>
                  column === "Actions" ? (
                    <Th key={column} screenReaderText={column} />
                  ) : (
                    <Th key={column} modifier="wrap">
                      {column}
                    </Th>
                  ),
                )}
              </Tr>
            </Thead>
            <Tbody>
              {items.map(children)}
              {items.length === 0 && (
                <Tr>
                  <Td colSpan={columns.length} className="muted">
                    No {what} yet.
                  </Td>
                </Tr>
              )}
            </Tbody>
          </Table>
        )}
      </Shown>
    </div>
  );
}

function Runs() {
  const { project } = useProject();
  const { data, failure } = useRead<Items<Run>>(at(project.name, "runs"), LOOK_AGAIN);
  const columns = ["Run", "Started", "Duration", "Status"];
  return (
    <TitledTable title="Runs" {...{ data, failure, columns }}>
      {(run) => (
        <Tr key={run.id}>
          <Td dataLabel="Run">
            {run.url ? (
              <a href={run.url} target="_blank" rel="noreferrer">
                {run.displayName}
              </a>
            ) : (
              run.displayName
            )}
          </Td>
          <Td dataLabel="Started">
            <Age of={run.created} />
          </Td>
          <Td dataLabel="Duration">{duration(run.created, run.finished)}</Td>
          <Td dataLabel="Status">
            <Label isCompact {...STATES[run.state?.toUpperCase() ?? ""]}>
              {stateInWords(run.state)}
            </Label>
          </Td>
        </Tr>
      )}
    </TitledTable>
  );
}

export function duration(from: string, to: string | null): string {
  if (to === null) return "-";
  const seconds = Math.max(0, Math.round((new Date(to).getTime() - new Date(from).getTime()) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function Schedules({ reason }: { reason: string | null }) {
  const { project } = useProject();
  const { data, failure, again } = useRead<Items<Schedule>>(at(project.name, "schedules"), LOOK_AGAIN);
  const columns = ["Schedule", "Trigger", "Next", "Status", "Created", "Actions"];
  return (
    <TitledTable title="Schedules" {...{ data, failure, columns }}>
      {(schedule) => (
        <ScheduleRow key={schedule.id} schedule={schedule} reason={reason} again={again} />
      )}
    </TitledTable>
  );
}

function ScheduleRow({ schedule, reason, again }: {
  schedule: Schedule;
  reason: string | null;
  again: () => void;
}) {
  const { project } = useProject();
  const toast = useToasts();
  const [busy, setBusy] = useState(false);
  const path = at(project.name, "schedules", schedule.id);
  const run = async (method: "POST" | "DELETE", where: string) => {
    setBusy(true);
    try {
      await write(method, where);
      again();
    } catch (error) {
      toast({ variant: "danger", title: `${schedule.displayName}: nothing was changed`, body: inWords(error) });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Tr>
      <Td dataLabel="Schedule">{schedule.displayName}</Td>
      <Td dataLabel="Trigger">{triggerInWords(schedule.trigger)}</Td>
      <Td dataLabel="Next">{schedule.next ? new Date(schedule.next).toLocaleString("en") : "-"}</Td>
      <Td dataLabel="Status">
        <Switch
          aria-label={`${schedule.displayName} is on`}
          isChecked={schedule.enabled}
          isDisabled={busy || reason !== null}
          onChange={(_, on) => void run("POST", `${path}/${on ? "enable" : "disable"}`)}
        />
      </Td>
      <Td dataLabel="Created">
        <Age of={schedule.created} />
      </Td>
      <Td isActionCell>
        <RowActions
          busy={busy}
          items={[guardedAction("Delete schedule", reason, () => void run("DELETE", path))]}
        />
      </Td>
    </Tr>
  );
}
