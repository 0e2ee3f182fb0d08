/** Create run and Create schedule: a form made of the pipeline's own parameters. */
import { useState } from "react";
import { at, write } from "../api/client";
import { useRead } from "../api/useRead";
import type { Pipeline, PipelineDetails, PipelineParameter } from "../api/types";
import { AreaField, Fact, Field, NumberField, SelectField, TextField } from "../forms/fields";
import { FormModal } from "../forms/FormModal";
import { type Form, useForm } from "../forms/useForm";
import { Shown } from "../parts/common";
import {
  Checkbox,
  FormSection,
  FormSelect,
  FormSelectOption,
  Modal,
  ModalBody,
  ModalHeader,
  Radio,
  TextArea,
  TextInput,
} from "../pf";
import { closeForm } from "../router";
import { useToasts } from "../shell/toasts";
import { useProject } from "./context";
import { checkRun, runOf, type RunValues, scheduleOf, SECONDS, shownDefault } from "./runValues";

interface Properties {
  pipeline: Pipeline;
  scheduled?: boolean;
}

export function RunModal({ pipeline, scheduled = false }: Properties) {
  const { project } = useProject();
  const path = at(project.name, "pipelines", pipeline.id);
  const { data, failure } = useRead<PipelineDetails>(path);
  const title = scheduled ? "Create schedule" : "Create run";
  if (data) return <Loaded details={data} scheduled={scheduled} title={title} />;
  return (
    <Modal isOpen variant="medium" onClose={closeForm} aria-labelledby="run-title">
      <ModalHeader title={title} labelId="run-title" />
      <ModalBody>
        <Shown data={data} failure={failure} what="the pipeline">
          {() => null}
        </Shown>
      </ModalBody>
    </Modal>
  );
}

const defaults = (parameters: PipelineParameter[]) =>
  Object.fromEntries(parameters.map((parameter) => [parameter.name, shownDefault(parameter)]));

function Loaded({ details, scheduled, title }: {
  details: PipelineDetails;
  scheduled: boolean;
  title: string;
}) {
  const { project } = useProject();
  const toast = useToasts();
  const first = details.versions[0];
  const [version, setVersion] = useState(first?.id ?? "");
  const parameters = details.versions.find(({ id }) => id === version)?.parameters ?? [];
  const form = useForm<RunValues>({
    key: `${title} ${project.name} ${details.id}`,
    initial: {
      displayName: "",
      description: "",
      version: first?.id ?? "",
      parameters: defaults(parameters),
      trigger: "periodic",
      every: 1,
      unit: "week",
      cron: "0 0 0 * * *",
      maximumConcurrent: 10,
      start: "",
      end: "",
      catchUp: true,
    },
    check: (values) => checkRun(values, parameters, scheduled),
  });
  const send = async () => {
    if (scheduled) {
      await write("POST", at(project.name, "schedules"), scheduleOf(form.values, details.id, parameters));
    } else {
      await write("POST", at(project.name, "runs"), runOf(form.values, details.id, parameters));
    }
    const name = form.values.displayName.trim();
    toast({ variant: "success", title: scheduled ? `${name} is scheduled` : `${name} is started` });
    closeForm();
  };
  return (
    <FormModal title={title} submit={title} form={form} onSubmit={send} onClose={closeForm}>
      <TextField form={form} name="displayName" label="Name" required />
      <AreaField form={form} name="description" label="Description" />
      <Fact label="Pipeline">{details.displayName}</Fact>
      <SelectField
        form={form}
        name="version"
        label="Pipeline version"
        required
        choices={details.versions.map(({ id, displayName }) => ({ value: id, label: displayName }))}
        onChosen={(id) => {
          const next = details.versions.find((each) => each.id === id)?.parameters ?? [];
          setVersion(id);
          // What was typed stays where the other version has a parameter of that name.
          const kept = { ...defaults(next) };
          for (const key of Object.keys(kept)) {
            kept[key] = form.values.parameters[key] ?? kept[key]!;
          }
          form.set({ version: id, parameters: kept });
        }}
      />
      {scheduled && <TriggerFields form={form} />}
      <FormSection title="Parameters" titleElement="h2">
        {parameters.length === 0 && <p className="muted">This pipeline has no parameters.</p>}
        {parameters.map((parameter) => (
          <ParameterField key={parameter.name} form={form} parameter={parameter} />
        ))}
      </FormSection>
    </FormModal>
  );
}

function ParameterField({ form, parameter }: {
  form: Form<RunValues>;
  parameter: PipelineParameter;
}) {
  const { name, type, optional, description } = parameter;
  const id = `parameter-${name}`;
  const key = `parameters.${name}`;
  const value = form.values.parameters[name] ?? "";
  const set = (text: string) => {
    form.set({ parameters: { ...form.values.parameters, [name]: text } });
    form.touch(key);
  };
  const kind = type.toUpperCase();
  const large = kind === "LIST" || kind === "STRUCT";
  const help = [description, TYPES[kind]].filter(Boolean).join(" ");
  const given = { id, value, onChange: (_: unknown, text: string) => set(text) };
  return (
    <Field label={name} id={id} required={!optional} help={help} fault={form.fault(key)}>
      {kind === "BOOLEAN" ? (
        <FormSelect {...given}>
          <FormSelectOption value="true" label="true" />
          <FormSelectOption value="false" label="false" />
        </FormSelect>
      ) : large ? (
        <TextArea {...given} resizeOrientation="vertical" rows={3} />
      ) : (
        <TextInput {...given} autoComplete="off" />
      )}
    </Field>
  );
}

const TYPES: Record<string, string> = {
  NUMBER_INTEGER: "A whole number.",
  NUMBER_DOUBLE: "A number.",
  LIST: "A list, as JSON.",
  STRUCT: "An object, as JSON.",
};

function TriggerFields({ form }: { form: Form<RunValues> }) {
  const { trigger, start, end, catchUp } = form.values;
  const shown = {
    ...form,
    values: { ...form.values, "trigger.cron": form.values.cron, "trigger.seconds": form.values.every },
    set: (change: Record<string, unknown>) => {
      const { "trigger.cron": cron, "trigger.seconds": every, ...rest } = change;
      form.set({
        ...(rest as Partial<RunValues>),
        ...(cron === undefined ? {} : { cron: String(cron) }),
        ...(every === undefined ? {} : { every: Number(every) }),
      });
    },
  };
  const time = (name: "start" | "end", label: string, value: string) => (
    <Field label={label} id={name} fault={form.fault(name)}>
      <TextInput
        id={name}
        type="datetime-local"
        value={value}
        onChange={(_, text) => {
          form.set({ [name]: text });
          form.touch("end");
        }}
      />
    </Field>
  );
  return (
    <FormSection title="Trigger" titleElement="h2">
      <Radio
        id="periodic"
        name="trigger"
        label="Periodic"
        isChecked={trigger === "periodic"}
        onChange={() => form.set({ trigger: "periodic" })}
        body={
          trigger === "periodic" && (
            <div className="row close">
              <NumberField form={shown} name="trigger.seconds" label="Run every" required least={1} most={9999} />
              <SelectField
                form={form}
                name="unit"
                label="Unit"
                choices={Object.keys(SECONDS).map((unit) => ({ value: unit, label: `${unit}s` }))}
              />
            </div>
          )
        }
      />
      <Radio
        id="cron"
        name="trigger"
        label="Cron"
        isChecked={trigger === "cron"}
        onChange={() => form.set({ trigger: "cron" })}
        body={
          trigger === "cron" && (
            <TextField
              form={shown}
              name="trigger.cron"
              label="Cron expression"
              required
              help="second minute hour day month weekday"
            />
          )
        }
      />
      <NumberField
        form={form}
        name="maximumConcurrent"
        label="Maximum concurrent runs"
        required
        least={1}
        most={10}
      />
      {time("start", "Start date", start)}
      {time("end", "End date", end)}
      <Checkbox
        id="catch-up"
        label="Catch up"
        description="Runs that were missed while the schedule was off are made up for."
        isChecked={catchUp}
        onChange={(_, checked) => form.set({ catchUp: checked })}
      />
    </FormSection>
  );
}
