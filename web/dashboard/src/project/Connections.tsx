/** Data connections: address and key of a bucket, and what uses each. */
import { useState } from "react";
import { at, write } from "../api/client";
import { useRead } from "../api/useRead";
import type { Connection, ConnectionForm } from "../api/types";
import {
  checkConnection,
  ConnectionFields,
  connectionOf,
  emptyConnection,
  TrialResult,
  tryConnection,
} from "../forms/connection";
import { FormModal } from "../forms/FormModal";
import { useForm } from "../forms/useForm";
import { Empty, GuardedButton, Section, Shown } from "../parts/common";
import { DeleteModal } from "../parts/DeleteModal";
import { guardedAction, RowActions } from "../parts/RowActions";
import {
  Alert,
  Button,
  Checkbox,
  FormGroup,
  Modal,
  ModalBody,
  ModalHeader,
} from "../pf";
import { Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { closeForm, openForm, usePlace } from "../router";
import { useProject, whyNot } from "./context";

export default function Connections() {
  const { project, live } = useProject();
  const { query } = usePlace();
  const items = live.data.connections?.items;
  const reason = whyNot(project, "write");
  const add = (
    <GuardedButton reason={reason} onClick={() => openForm("connection")}>
      Add data connection
    </GuardedButton>
  );
  const about = items?.find(({ name }) => name === query.get("about"));
  const form = query.get("form");
  return (
    <Section title="Data connections" id="connections" action={items?.length ? add : null}>
      <Shown data={items} failure={live.failures.connections} what="the data connections">
        {(all) =>
          all.length === 0 ? (
            <Empty title="Start by adding a data connection" action={add}>
              A data connection is the address and the key of a bucket. Workbenches, pipelines and
              models use it by its name.
            </Empty>
          ) : (
            <ConnectionTable connections={all} reason={reason} />
          )
        }
      </Shown>
      {form === "connection" && !query.get("about") && <ConnectionModal />}
      {form === "connection" && about && <EditConnection connection={about} />}
      {form === "delete-connection" && about && (
        <DeleteModal
          what="data connection"
          name={about.displayName}
          path={at(project.name, "connections", about.name)}
          onClose={closeForm}
        >
          The data connection <strong>{about.displayName}</strong> is deleted
          {about.connected.length > 0 && (
            <>
              {" "}
              and taken out of {about.connected.map(({ displayName }) => displayName).join(", ")}
            </>
          )}
          . What is in the bucket stays.
        </DeleteModal>
      )}
    </Section>
  );
}

const USES = { workbench: "workbench", model: "model", pipelines: "pipeline server" };

function ConnectionTable({ connections, reason }: {
  connections: Connection[];
  reason: string | null;
}) {
  const guarded = (title: string, form: string, name: string) =>
    guardedAction(title, reason, () => openForm(form, name));
  return (
    <Table aria-label="Data connections" variant="compact">
      <Thead>
        <Tr>
          <Th modifier="wrap">Name</Th>
          <Th modifier="wrap">Type</Th>
          <Th modifier="wrap">Connected workbenches</Th>
          <Th modifier="wrap">Provider</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {connections.map((connection) => (
          <Tr key={connection.name}>
            <Td dataLabel="Name">
              {connection.displayName}
              <div className="muted small">{connection.name}</div>
            </Td>
            <Td dataLabel="Type">{connection.type}</Td>
            <Td dataLabel="Connected workbenches">
              {connection.connected.length === 0 && "-"}
              {connection.connected.map(({ kind, name, displayName }) => (
                <div key={`${kind}/${name}`}>
                  {displayName}
                  {kind !== "workbench" && <span className="muted small"> {USES[kind]}</span>}
                </div>
              ))}
            </Td>
            <Td dataLabel="Provider" className="wide">
              {connection.endpoint ?? "-"}
              {connection.bucket && <div className="muted small">bucket {connection.bucket}</div>}
              {connection.fault && (
                <Alert component="p" variant="warning" isInline isPlain title={connection.fault} />
              )}
            </Td>
            <Td isActionCell>
              <RowActions
                items={[
                  guarded("Edit data connection", "connection", connection.name),
                  guarded("Delete data connection", "delete-connection", connection.name),
                ]}
              />
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

function EditConnection({ connection }: { connection: Connection }) {
  const { project } = useProject();
  const path = at(project.name, "connections", connection.name);
  const { data, failure } = useRead<Connection & { form: ConnectionForm }>(path);
  if (data) return <ConnectionModal name={data.name} initial={data.form} />;
  return (
    <Modal isOpen variant="medium" onClose={closeForm} aria-labelledby="edit-connection">
      <ModalHeader title="Edit data connection" labelId="edit-connection" />
      <ModalBody>
        <Shown data={data} failure={failure} what="the data connection">
          {() => null}
        </Shown>
      </ModalBody>
    </Modal>
  );
}

function ConnectionModal({ name, initial }: { name?: string; initial?: ConnectionForm }) {
  const { project, live } = useProject();
  const word = name ? "Update data connection" : "Add data connection";
  const form = useForm({
    key: `connection ${project.name} ${name ?? ""}`,
    initial: { ...emptyConnection("", initial), workbenches: initial?.workbenches ?? [] },
    check: (values) => checkConnection("", values),
    kept: (values) => ({ ...values, secretKey: "" }),
  });
  const sent = connectionOf("", form.values, form.values.workbenches);
  const now = JSON.stringify(sent);
  // What was tried and does not work; saving it all the same is a second button.
  const [broken, setBroken] = useState<{ of: string; message: string } | null>(null);
  const save = async () => {
    if (name) await write("PUT", at(project.name, "connections", name), sent);
    else await write("POST", at(project.name, "connections"), sent);
    closeForm();
  };
  const tryAndSave = async () => {
    setBroken(null);
    const trial = await tryConnection(form, "", project.name);
    if (trial.ok) await save();
    else setBroken({ of: now, message: trial.message });
  };
  const failed = broken !== null && broken.of === now;
  return (
    <FormModal
      title={name ? "Edit data connection" : "Add data connection"}
      description="The connection is tried before it is saved."
      submit={word}
      form={form}
      onSubmit={tryAndSave}
      onClose={closeForm}
      footer={
        failed && (
          <Button variant="secondary" isDisabled={form.busy} onClick={() => void form.submit(save)}>
            Save all the same
          </Button>
        )
      }
    >
      {failed && <TrialResult ok={false} message={broken.message} />}
      <ConnectionFields form={form} prefix="" project={project.name} />
      <FormGroup role="group" label="Connected workbenches" fieldId="connected">
        {(live.data.workbenches?.items ?? []).map((workbench) => (
          <Checkbox
            key={workbench.name}
            id={`connect-${workbench.name}`}
            label={workbench.displayName}
            description={
              workbench.status.word === "Running" ? "It runs: it restarts when this changes." : ""
            }
            isChecked={form.values.workbenches.includes(workbench.name)}
            onChange={(_, checked) =>
              form.set({
                workbenches: checked
                  ? [...form.values.workbenches, workbench.name]
                  : form.values.workbenches.filter((other) => other !== workbench.name),
              })
            }
          />
        ))}
        {live.data.workbenches?.items.length === 0 && (
          <span className="muted">There is no workbench yet.</span>
        )}
      </FormGroup>
    </FormModal>
  );
}
