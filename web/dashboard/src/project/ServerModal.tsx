/** Configure server: the lab text's word for what later versions call Add model server. */
import { at, write } from "../api/client";
import type { Catalogue, Server, ServerForm } from "../api/types";
import { faultOfName } from "../forms/names";
import { SelectField, TextField } from "../forms/fields";
import { FormModal } from "../forms/FormModal";
import { useForm } from "../forms/useForm";
import { closeForm } from "../router";
import { resourceName } from "../forms/names";
import { useProject, whyNot } from "./context";
import { checkServing, initialServing, servingOf } from "./serving";
import { AccessFields, SizeFields } from "./ServingParts";

export function ServerModal({ server, catalogue }: { server?: Server; catalogue: Catalogue }) {
  const { project } = useProject();
  const runtimes = catalogue.runtimes.filter(({ platforms }) => platforms.includes("multi"));
  const first = runtimes.find((runtime) => runtime.default) ?? runtimes[0];
  const form = useForm({
    key: `server ${project.name} ${server?.name ?? ""}`,
    initial: {
      displayName: server?.displayName ?? "",
      template: server?.runtime.template ?? first?.template ?? "",
      ...initialServing(catalogue, server),
    },
    check: (values) => ({
      displayName: nameFault(values.displayName),
      template: values.template || server ? null : "Choose a serving runtime.",
      ...checkServing(values, catalogue),
    }),
  });
  const derived = resourceName(form.values.displayName, "server");
  const send = async () => {
    const { displayName, template } = form.values;
    const sent: ServerForm = {
      ...(displayName.trim() ? { displayName: displayName.trim() } : {}),
      template: template || null,
      ...servingOf(form.values),
    };
    if (server) await write("PUT", at(project.name, "servers", server.name), sent);
    else await write("POST", at(project.name, "servers"), sent);
    closeForm();
  };
  const known = runtimes.some(({ template }) => template === form.values.template);
  return (
    <FormModal
      title={server ? "Edit model server" : "Configure model server"}
      submit={server ? "Update" : "Configure"}
      form={form}
      onSubmit={send}
      onClose={closeForm}
    >
      <TextField
        form={form}
        name="displayName"
        label="Model server name"
        placeholder="model-server"
        help={
          <>
            The resource name {server ? "is" : "will be"}{" "}
            <strong>{server?.name ?? (derived || "model-server")}</strong>.
          </>
        }
      />
      <SelectField
        form={form}
        name="template"
        label="Serving runtime"
        required={server === undefined}
        disabled={server !== undefined}
        placeholder="Select one"
        choices={[
          ...runtimes.map(({ template, displayName }) => ({ value: template, label: displayName })),
          ...(server && !known
            ? [{ value: form.values.template, label: server.runtime.displayName }]
            : []),
        ]}
      />
      <SizeFields form={form} catalogue={catalogue} what="model server" />
      <AccessFields form={form} reason={whyNot(project, "bind")} />
    </FormModal>
  );
}

function nameFault(shown: string): string | null {
  if (shown.trim() === "") return null;
  const name = resourceName(shown, "server");
  return name === "" ? "Of this name nothing can be kept: use letters or digits." : faultOfName(name, "server");
}
