/** Configure pipeline server: bucket and key, filled from a data connection, and the database. */
import { useState } from "react";
import { at, inWords, read, write } from "../api/client";
import type { Connection, ConnectionForm } from "../api/types";
import { filled, wholeNumber } from "../forms/checks";
import {
  checkConnection,
  ConnectionFields,
  connectionOf,
  emptyConnection,
} from "../forms/connection";
import { NumberField, SecretField, SelectField, TextField } from "../forms/fields";
import { FormModal } from "../forms/FormModal";
import { type Faults, useForm } from "../forms/useForm";
import { Alert, ExpandableSection, FormGroup, Radio } from "../pf";
import { closeForm } from "../router";
import { useProject } from "./context";

export function PipelineServerModal() {
  const { project, live } = useProject();
  const connections = live.data.connections?.items ?? [];
  const [advanced, setAdvanced] = useState(false);
  const [unread, setUnread] = useState<string | null>(null);
  const form = useForm({
    key: `pipeline-server ${project.name}`,
    initial: {
      from: "",
      // Its Secret has a name of its own, so the form asks for none.
      ...emptyConnection("connection.", { displayName: "Pipeline server", region: "us-east-1" }),
      external: false,
      "database.host": "",
      "database.port": 3306,
      "database.username": "",
      "database.password": "",
      "database.name": "",
    },
    check: (values): Faults => ({
      ...checkConnection("connection.", values, true),
      "connection.region": filled(values["connection.region"], "the region"),
      ...(values.external
        ? {
            "database.host": filled(values["database.host"], "the host"),
            "database.port": wholeNumber(values["database.port"], 1, 65535),
            "database.username": filled(values["database.username"], "the username"),
            "database.password": filled(values["database.password"], "the password"),
            "database.name": filled(values["database.name"], "the database"),
          }
        : {}),
    }),
    kept: (values) => ({ ...values, "connection.secretKey": "", "database.password": "" }),
  });
  const fill = async (name: string) => {
    form.set({ from: name });
    if (name === "") return;
    try {
      const path = at(project.name, "connections", name);
      const { form: given } = await read<Connection & { form: ConnectionForm }>(path);
      form.set({
        ...emptyConnection("connection.", { ...given, region: given.region || "us-east-1" }),
      });
      setUnread(null);
    } catch (error) {
      setUnread(inWords(error));
    }
  };
  const send = async () => {
    const { values } = form;
    const database = values.external
      ? {
          host: values["database.host"].trim(),
          port: values["database.port"],
          username: values["database.username"].trim(),
          password: values["database.password"],
          name: values["database.name"].trim(),
        }
      : null;
    const connection = { mode: "new", ...connectionOf("connection.", values) };
    await write("POST", at(project.name, "pipeline-server"), { connection, database });
    closeForm();
  };
  return (
    <FormModal
      title="Configure pipeline server"
      description="Configuring a pipeline server enables you to create and manage pipelines."
      submit="Configure pipeline server"
      form={form}
      onSubmit={send}
      onClose={closeForm}
    >
      <SelectField
        form={form}
        name="from"
        label="Fill from a data connection"
        placeholder={connections.length ? "Type the fields, or choose one" : "There is none"}
        choices={connections.map(({ name, displayName }) => ({ value: name, label: displayName }))}
        onChosen={(name) => void fill(name)}
      />
      {unread && <Alert component="p" isInline isLiveRegion variant="danger" title={unread} />}
      <ConnectionFields form={form} prefix="connection." project={project.name} bucketNeeded named={false} />
      <ExpandableSection
        toggleText="Show advanced database options"
        isExpanded={advanced}
        onToggle={(_, expanded) => setAdvanced(expanded)}
      >
        <FormGroup role="radiogroup" label="Database" fieldId="database">
          <Radio
            id="own-database"
            name="database-kind"
            label="Use default database stored on your cluster"
            isChecked={!form.values.external}
            onChange={() => form.set({ external: false })}
          />
          <Radio
            id="external-database"
            name="database-kind"
            label="Connect to external MySQL database"
            isChecked={form.values.external}
            onChange={() => form.set({ external: true })}
            body={
              form.values.external && (
                <div className="rows">
                  <TextField form={form} name="database.host" label="Host" required />
                  <NumberField form={form} name="database.port" label="Port" required least={1} most={65535} />
                  <TextField form={form} name="database.username" label="Username" required />
                  <SecretField form={form} name="database.password" label="Password" required />
                  <TextField form={form} name="database.name" label="Database" required />
                </div>
              )
            }
          />
        </FormGroup>
      </ExpandableSection>
    </FormModal>
  );
}
