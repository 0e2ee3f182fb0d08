/** Deploy model: which model, where it lies, and on which server it answers. */
import { useState } from "react";
import { at, write } from "../api/client";
import type { Catalogue, Model, ModelForm, ModelFormat, Models } from "../api/types";
import { modelPath } from "../forms/checks";
import {
  checkConnection,
  ConnectionFields,
  connectionOf,
  emptyConnection,
} from "../forms/connection";
import { checkName, Fact, NameField, SelectField, TextField } from "../forms/fields";
import { FormModal } from "../forms/FormModal";
import { useForm } from "../forms/useForm";
import { Button, FormGroup, Radio } from "../pf";
import { closeForm } from "../router";
import { useProject, whyNot } from "./context";
import { FolderBrowser } from "./FolderBrowser";
import { checkServing, initialServing, servingOf } from "./serving";
import { AccessFields, SizeFields } from "./ServingParts";

/** "onnx - 1", as the lab's text has it. */
export function formatInWords({ name, version }: ModelFormat): string {
  return version ? `${name} - ${version}` : name;
}

export function ModelModal({ model, server, models, catalogue }: {
  model?: Model;
  /** The server whose button was pressed. */
  server: string | null;
  models: Models;
  catalogue: Catalogue;
}) {
  const { project, live } = useProject();
  const single = (model?.platform ?? models.platform) === "single";
  const [browsing, setBrowsing] = useState(false);
  // Only a connection with a bucket can hold a model.
  const connections = (live.data.connections?.items ?? []).filter(({ bucket }) => bucket);
  const runtimes = catalogue.runtimes.filter(({ platforms }) => platforms.includes("single"));
  const firstRuntime = runtimes.find((runtime) => runtime.default) ?? runtimes[0];
  const form = useForm({
    key: `model ${project.name} ${model?.name ?? ""}`,
    initial: {
      displayName: model?.displayName ?? "",
      name: null as string | null,
      server: model?.server ?? server ?? (models.servers.length === 1 ? models.servers[0]!.name : ""),
      template: model?.runtime?.template ?? firstRuntime?.template ?? "",
      format: model ? formatInWords(model.format) : "",
      mode: "existing" as "existing" | "new",
      "connection.name": model?.connection?.name ?? "",
      path: model?.path ?? "",
      ...emptyConnection("connection."),
      ...initialServing(catalogue, model),
    },
    check: (values) => ({
      ...checkName(values, "model"),
      ...(single
        ? {
            template: values.template ? null : "Choose a serving runtime.",
            ...checkServing(values, catalogue),
          }
        : { server: values.server ? null : "Choose a model server." }),
      format: values.format ? null : "Choose the model's framework.",
      path: modelPath(values.path),
      ...(values.mode === "new"
        ? checkConnection("connection.", values, true)
        : { "connection.name": values["connection.name"] ? null : "Choose a data connection." }),
    }),
    kept: (values) => ({ ...values, "connection.secretKey": "" }),
  });
  const { values } = form;
  const formats = single
    ? (runtimes.find(({ template }) => template === values.template)?.formats ?? model?.runtime?.formats ?? [])
    : (models.servers.find(({ name }) => name === values.server)?.runtime.formats ?? []);
  const send = async () => {
    const format = formats.find((each) => formatInWords(each) === values.format) ?? model?.format;
    const sent: ModelForm = {
      displayName: values.displayName.trim(),
      name: values.name,
      format: format!,
      connection:
        values.mode === "new"
          ? { mode: "new", ...connectionOf("connection.", values) }
          : { mode: "existing", name: values["connection.name"] },
      path: values.path.trim().replace(/^\/+/, ""),
      ...(single
        ? { template: values.template, ...servingOf(values) }
        : { server: values.server }),
    };
    if (model) await write("PUT", at(project.name, "models", model.name), sent);
    else await write("POST", at(project.name, "models"), sent);
    closeForm();
  };
  const chosen = connections.find(({ name }) => name === values["connection.name"]);
  return (
    <FormModal
      title={model ? "Edit model" : "Deploy model"}
      description="Configure properties for deploying your model."
      submit={model ? "Redeploy" : "Deploy"}
      form={form}
      onSubmit={send}
      onClose={closeForm}
    >
      <Fact label="Project">{project.displayName}</Fact>
      <NameField form={form} kind="model" label="Model Name" fixed={model?.name} />
      {single ? (
        <SelectField
          form={form}
          name="template"
          label="Serving runtime"
          required
          disabled={model !== undefined}
          placeholder="Select one"
          choices={runtimes.map(({ template, displayName }) => ({ value: template, label: displayName }))}
        />
      ) : (
        <SelectField
          form={form}
          name="server"
          label="Model server"
          required
          placeholder="Select one"
          disabled={server !== null && model === undefined}
          choices={models.servers.map(({ name, displayName }) => ({ value: name, label: displayName }))}
          onChosen={(name) => form.set({ server: name, format: "" })}
        />
      )}
      <SelectField
        form={form}
        name="format"
        label="Model framework (name - version)"
        required
        placeholder="Select a framework"
        choices={unique([
          ...formats.map(formatInWords),
          ...(model ? [formatInWords(model.format)] : []),
        ]).map((words) => ({ value: words, label: words }))}
      />
      {single && (
        <>
          <SizeFields form={form} catalogue={catalogue} what="model server" />
          <AccessFields form={form} reason={whyNot(project, "bind")} />
        </>
      )}
      <FormGroup role="radiogroup" label="Model location" fieldId="location">
        <div className="rows">
          <Radio
            id="location-existing"
            name="location"
            label="Existing data connection"
            isChecked={values.mode === "existing"}
            onChange={() => form.set({ mode: "existing" })}
            body={
              values.mode === "existing" && (
                <SelectField
                  form={form}
                  name="connection.name"
                  label="Name"
                  required
                  placeholder={connections.length ? "Select one" : "No data connection has a bucket"}
                  help={chosen && `Bucket ${chosen.bucket} at ${chosen.endpoint}.`}
                  choices={connections.map(({ name, displayName }) => ({ value: name, label: displayName }))}
                />
              )
            }
          />
          <Radio
            id="location-new"
            name="location"
            label="New data connection"
            isChecked={values.mode === "new"}
            onChange={() => form.set({ mode: "new" })}
            body={
              values.mode === "new" && (
                <div className="rows">
                  <ConnectionFields form={form} prefix="connection." project={project.name} bucketNeeded />
                </div>
              )
            }
          />
        </div>
      </FormGroup>
      <div className="row two">
        <TextField
          form={form}
          name="path"
          label="Folder path"
          required
          placeholder="onnx/model-v2.onnx"
          help="A folder or a file in the bucket."
        />
        <div className="row-end">
          <Button
            variant="secondary"
            isDisabled={values.mode === "new" || !chosen}
            aria-expanded={browsing}
            onClick={() => setBrowsing(!browsing)}
          >
            Browse
          </Button>
        </div>
      </div>
      {browsing && values.mode === "existing" && chosen && (
        <FolderBrowser
          key={chosen.name}
          project={project.name}
          connection={chosen}
          onChosen={(path) => {
            form.set({ path });
            form.touch("path");
          }}
        />
      )}
    </FormModal>
  );
}

const unique = (words: string[]) => [...new Set(words)];
