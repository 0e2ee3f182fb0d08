/** Workbenches: the table, with start, stop, open, and the window that follows a start. */
import { useState } from "react";
import { at, inWords, write } from "../api/client";
import type { Workbench } from "../api/types";
import { Empty, GuardedButton, Section, Shown } from "../parts/common";
import { DeleteModal } from "../parts/DeleteModal";
import { guardedAction, RowActions } from "../parts/RowActions";
import { ExpandableRowContent, Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { closeForm, follow, go, openForm, usePlace } from "../router";
import { useToasts } from "../shell/toasts";
import { useProject, whyNot } from "./context";
import { StopModal, stopsSilently } from "./StopModal";
import { StatusWindow, WorkbenchWord } from "./WorkbenchStatus";

export function Workbenches() {
  const { project, live } = useProject();
  const { query } = usePlace();
  const items = live.data.workbenches?.items;
  const reason = whyNot(project, "write");
  const page = `/projects/${encodeURIComponent(project.name)}/spawner`;
  const create = (
    <GuardedButton reason={reason} component="a" href={page} onClick={follow}>
      Create workbench
    </GuardedButton>
  );
  const about = items?.find(({ name }) => name === query.get("about"));
  const form = query.get("form");
  return (
    <Section title="Workbenches" id="workbenches" action={items?.length ? create : null}>
      <Shown data={items} failure={live.failures.workbenches} what="the workbenches">
        {(all) =>
          all.length === 0 ? (
            <Empty title="Start by creating a workbench" action={create}>
              A workbench is JupyterLab in this project: an image, a size, storage that stays, and
              the data connections that its notebooks use.
            </Empty>
          ) : (
            <WorkbenchTable workbenches={all} />
          )
        }
      </Shown>
      {form === "workbench-status" && about && (
        <StatusWindow workbench={about} onClose={closeForm} />
      )}
      {form === "delete-workbench" && about && (
        <DeleteModal
          what="workbench"
          name={about.displayName}
          path={at(project.name, "workbenches", about.name)}
          onClose={closeForm}
        >
          The workbench <strong>{about.displayName}</strong> and its environment variables are
          deleted. Its cluster storage and data connections stay.
        </DeleteModal>
      )}
    </Section>
  );
}

function WorkbenchTable({ workbenches }: { workbenches: Workbench[] }) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <Table aria-label="Workbenches" variant="compact" isExpandable>
      <Thead>
        <Tr>
          <Th screenReaderText="Details" />
          <Th modifier="wrap">Name</Th>
          <Th modifier="wrap">Notebook image</Th>
          <Th modifier="wrap">Container size</Th>
          <Th modifier="wrap">Status</Th>
          <Th screenReaderText="Start or stop" />
          <Th screenReaderText="Open" />
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      {workbenches.map((workbench, index) => (
        <WorkbenchRow
          key={workbench.name}
          workbench={workbench}
          index={index}
          open={open === workbench.name}
          onToggle={() => setOpen(open === workbench.name ? null : workbench.name)}
        />
      ))}
    </Table>
  );
}

/** Start or stop once: the button is grey until the server has answered. */
export function useSwitch(workbench: Workbench) {
  const { project } = useProject();
  const toast = useToasts();
  const [busy, setBusy] = useState(false);
  const turn = async (action: "start" | "stop") => {
    if (busy) return;
    setBusy(true);
    try {
      await write("POST", at(project.name, "workbenches", workbench.name, action));
    } catch (error) {
      const title = `${workbench.displayName} could not be ${action === "start" ? "started" : "stopped"}`;
      toast({ variant: "danger", title, body: inWords(error) });
    } finally {
      setBusy(false);
    }
  };
  return { busy, turn };
}

function WorkbenchRow({ workbench, index, open, onToggle }: {
  workbench: Workbench;
  index: number;
  open: boolean;
  onToggle: () => void;
}) {
  const { project } = useProject();
  const { name, displayName, description, image, size, status } = workbench;
  const edit = `/projects/${encodeURIComponent(project.name)}/spawner/${encodeURIComponent(name)}`;
  const moving = status.word === "Starting" || status.word === "Stopping";
  const reason = whyNot(project, "write");
  const editReason =
    reason ?? (moving ? `It cannot be edited while it is ${status.word.toLowerCase()}.` : null);
  return (
    <Tbody isExpanded={open}>
      <Tr>
        <Td
          expand={{ rowIndex: index, isExpanded: open, onToggle, expandId: "workbench-" }}
        />
        <Td dataLabel="Name">
          {displayName}
          {description && <div className="muted small wide">{description}</div>}
        </Td>
        <Td dataLabel="Notebook image">
          {image.displayName}
          <div className="muted small">
            {image.available ? image.tag : `${image.tag}: this version is not there any more`}
          </div>
        </Td>
        <Td dataLabel="Container size">{size.name}</Td>
        <Td dataLabel="Status">
          <WorkbenchWord workbench={workbench} />
        </Td>
        <Td dataLabel="Start or stop">
          <Turn workbench={workbench} reason={reason} />
        </Td>
        <Td dataLabel="Open">
          <OpenLink workbench={workbench} />
        </Td>
        <Td isActionCell>
          <RowActions
            items={[
              guardedAction("Edit workbench", editReason, () => go(edit)),
              guardedAction("Delete workbench", reason, () => openForm("delete-workbench", name)),
            ]}
          />
        </Td>
      </Tr>
      {open && (
        <Tr isExpanded>
          <Td />
          <Td colSpan={7}>
            <ExpandableRowContent>
              <Details workbench={workbench} />
            </ExpandableRowContent>
          </Td>
        </Tr>
      )}
    </Tbody>
  );
}

function Turn({ workbench, reason }: { workbench: Workbench; reason: string | null }) {
  const { busy, turn } = useSwitch(workbench);
  const [asking, setAsking] = useState(false);
  const { word } = workbench.status;
  if (word === "Stopping") return null;
  if (word === "Stopped") {
    return (
      <GuardedButton variant="link" isInline reason={reason} isDisabled={busy}
        aria-label={`Start ${workbench.displayName}`} onClick={() => void turn("start")}>
        Start
      </GuardedButton>
    );
  }
  const stop = () => (stopsSilently() ? void turn("stop") : setAsking(true));
  return (
    <>
      <GuardedButton variant="link" isInline reason={reason} isDisabled={busy}
        aria-label={`Stop ${workbench.displayName}`} onClick={stop}>
        Stop
      </GuardedButton>
      {asking && (
        <StopModal
          workbench={workbench}
          onClose={() => setAsking(false)}
          onStop={() => {
            setAsking(false);
            void turn("stop");
          }}
        />
      )}
    </>
  );
}

export function OpenLink({ workbench }: { workbench: Workbench }) {
  const { url, status, displayName } = workbench;
  if (url !== null && status.word === "Running") {
    return (
      <a href={url} target="_blank" rel="noreferrer" aria-label={`Open ${displayName}`}>
        Open
      </a>
    );
  }
  const reason =
    status.word === "Running"
      ? "It has no address yet."
      : "A workbench can be opened while it is running.";
  return (
    <GuardedButton variant="link" isInline reason={reason} aria-label={`Open ${displayName}`}>
      Open
    </GuardedButton>
  );
}

function Details({ workbench }: { workbench: Workbench }) {
  const { storages, connections, variables, image, size, accelerator } = workbench;
  return (
    <div className="expanded">
      <Facts title="Workbench storages" none="No storage">
        {storages.map(({ name, displayName, sizeGiB, path }) => (
          <li key={name}>
            {displayName}
            {sizeGiB ? ` (${sizeGiB} GiB)` : ""} <span className="muted small">{path}</span>
          </li>
        ))}
      </Facts>
      <Facts title="Packages" none="The image names none">
        {image.software.concat(image.packages).map(({ name, version }) => (
          <li key={name}>
            {name} {version}
          </li>
        ))}
      </Facts>
      <Facts title="Limits">
        <li>
          {size.limits.cpu} CPU, {size.limits.memory} memory
        </li>
        <li className="muted small">
          {size.requests.cpu} CPU, {size.requests.memory} memory requested
        </li>
        {accelerator && (
          <li>
            {accelerator.count} × {accelerator.identifier}
          </li>
        )}
      </Facts>
      <Facts title="Data connections" none="None">
        {connections.map(({ name, displayName }) => (
          <li key={name}>{displayName}</li>
        ))}
      </Facts>
      {variables.length > 0 && (
        <Facts title="Environment variables">
          {variables.flatMap(({ name, keys }) =>
            keys.map((key) => <li key={`${name}/${key}`}>{key}</li>),
          )}
        </Facts>
      )}
    </div>
  );
}

function Facts({ title, none, children }: {
  title: string;
  none?: string;
  children: React.ReactNode;
}) {
  const empty = Array.isArray(children) && children.length === 0;
  return (
    <div>
      <strong>{title}</strong>
      {empty ? <p className="muted">{none}</p> : <ul>{children}</ul>}
    </div>
  );
}

