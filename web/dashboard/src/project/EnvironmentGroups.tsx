/** Environment variables: groups of keys and values, typed or from a file. */
import { useRef, useState } from "react";
import { Field } from "../forms/fields";
import type { Form } from "../forms/useForm";
import { Alert, Button, FormSelect, FormSelectOption, TextInput } from "../pf";
import { type VariableGroup, type VariableRow, variablesOfFile, type WorkbenchValues } from "./workbenchValues";

const EMPTY: VariableRow = { key: "", value: "" };

export function EnvironmentGroups({ form }: { form: Form<WorkbenchValues> }) {
  const groups = form.values.variables;
  const set = (variables: VariableGroup[]) => form.set({ variables });
  const change = (index: number, part: Partial<VariableGroup>) =>
    set(groups.map((group, at) => (at === index ? { ...group, ...part } : group)));
  return (
    <>
      {groups.map((group, index) => (
        <Group
          key={index}
          form={form}
          index={index}
          group={group}
          onChange={(part) => change(index, part)}
          onRemove={() => set(groups.filter((_, at) => at !== index))}
        />
      ))}
      <div>
        <Button
          variant="link"
          isInline
          onClick={() => set([...groups, { kind: "configmap", name: null, rows: [EMPTY] }])}
        >
          Add variable
        </Button>
      </div>
    </>
  );
}

function Group({ form, index, group, onChange, onRemove }: {
  form: Form<WorkbenchValues>;
  index: number;
  group: VariableGroup;
  onChange: (part: Partial<VariableGroup>) => void;
  onRemove: () => void;
}) {
  const [unread, setUnread] = useState<string | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const setRow = (at: number, part: Partial<VariableRow>) =>
    onChange({ rows: group.rows.map((row, each) => (each === at ? { ...row, ...part } : row)) });
  const readFile = async (chosen: File | undefined) => {
    if (!chosen) return;
    try {
      onChange({ rows: await variablesOfFile(await chosen.text(), group.kind) });
      setUnread(null);
    } catch (error) {
      setUnread((error as Error).message);
    }
  };
  const word = group.kind === "secret" ? "Secret" : "Config Map";
  const label = `variable group ${index + 1}`;
  return (
    <div className="boxed" role="group" aria-label={`Environment ${label}`}>
      <div className="row two">
        <Field label="Variable type" id={`type-${index}`}>
          <FormSelect
            id={`type-${index}`}
            value={group.kind}
            isDisabled={group.name !== null}
            onChange={(_, kind) => onChange({ kind: kind as VariableGroup["kind"] })}
          >
            <FormSelectOption value="configmap" label="Config Map" />
            <FormSelectOption value="secret" label="Secret" />
          </FormSelect>
        </Field>
        <div className="row-end">
          <Button variant="link" aria-label={`Remove ${label}`} onClick={onRemove}>
            Remove
          </Button>
        </div>
      </div>
      {group.rows.map((row, at) => (
        <Row
          key={at}
          form={form}
          name={`variables.${index}.${at}`}
          row={row}
          secret={group.kind === "secret"}
          onChange={(part) => setRow(at, part)}
          onRemove={() => onChange({ rows: group.rows.filter((_, each) => each !== at) })}
        />
      ))}
      {form.fault(`variables.${index}`) && (
        <Alert component="p" isInline isPlain variant="danger" title={form.fault(`variables.${index}`)} />
      )}
      {unread && <Alert component="p" isInline isLiveRegion variant="danger" title={unread} />}
      <div className="page-form-buttons">
        <Button variant="link" isInline onClick={() => onChange({ rows: [...group.rows, EMPTY] })}>
          Add another key / value
        </Button>
        <Button variant="link" isInline onClick={() => file.current?.click()}>
          Upload a {word} as YAML
        </Button>
        <input
          ref={file}
          type="file"
          hidden
          aria-label={`File of ${label}`}
          accept=".yaml,.yml"
          onChange={({ target }) => {
            void readFile(target.files?.[0]);
            target.value = "";
          }}
        />
      </div>
    </div>
  );
}

function Row({ form, name, row, secret, onChange, onRemove }: {
  form: Form<WorkbenchValues>;
  name: string;
  row: VariableRow;
  secret: boolean;
  onChange: (part: Partial<VariableRow>) => void;
  onRemove: () => void;
}) {
  return (
    <div className="row">
      <Field label="Key" id={`${name}.key`} required fault={form.fault(`${name}.key`)}>
        <TextInput
          id={`${name}.key`}
          value={row.key}
          isRequired
          autoComplete="off"
          onChange={(_, key) => onChange({ key })}
          onBlur={() => form.touch(`${name}.key`)}
        />
      </Field>
      <Field label="Value" id={`${name}.value`} required fault={form.fault(`${name}.value`)}>
        <TextInput
          id={`${name}.value`}
          value={row.value}
          isRequired
          type={secret ? "password" : "text"}
          autoComplete="new-password"
          onChange={(_, value) => onChange({ value })}
          onBlur={() => form.touch(`${name}.value`)}
        />
      </Field>
      <div className="row-end">
        <Button variant="link" aria-label={`Remove key ${row.key}`} onClick={onRemove}>
          Remove
        </Button>
      </div>
    </div>
  );
}
