/** Fields of forms: PatternFly's inputs with label, help and the sentence that says what is wrong. */
import { type ReactNode, useId, useState } from "react";
import EyeIcon from "@patternfly/react-icons/dist/dynamic/icons/eye-icon";
import EyeSlashIcon from "@patternfly/react-icons/dist/dynamic/icons/eye-slash-icon";
import {
  Button,
  FormGroup,
  FormHelperText,
  FormSelect,
  FormSelectOption,
  HelperText,
  HelperTextItem,
  InputGroup,
  InputGroupItem,
  NumberInput,
  TextArea,
  TextInput,
} from "../pf";
import { faultOfName, type Kind, limitOf, resourceName } from "./names";
import type { Form } from "./useForm";

interface FieldProperties {
  label: string;
  name: string;
  required?: boolean;
  help?: ReactNode;
  disabled?: boolean;
}

export function Field({
  label,
  id,
  required,
  help,
  fault,
  children,
}: {
  label: string;
  id: string;
  required?: boolean;
  help?: ReactNode;
  fault?: string;
  children: ReactNode;
}) {
  return (
    <FormGroup label={label} fieldId={id} isRequired={required}>
      {children}
      {(fault || help) && (
        <FormHelperText>
          <HelperText id={`${id}-help`} isLiveRegion={Boolean(fault)}>
            {fault ? (
              <HelperTextItem variant="error">{fault}</HelperTextItem>
            ) : (
              <HelperTextItem>{help}</HelperTextItem>
            )}
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
}

/** Something that the form is about and that is not chosen in it. */
export function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <FormGroup role="group" label={label} fieldId={useId()}>
      <span className="wide">{children}</span>
    </FormGroup>
  );
}

type Entry<Values> = FieldProperties & { form: Form<Values> };

function text<Values>(form: Form<Values>, name: string): string {
  return String((form.values as Record<string, unknown>)[name] ?? "");
}

function input<Values>(form: Form<Values>, name: string, id: string, help: ReactNode) {
  const fault = form.fault(name);
  return {
    id,
    name,
    value: text(form, name),
    validated: fault ? ("error" as const) : ("default" as const),
    "aria-describedby": fault || help ? `${id}-help` : undefined,
    onChange: (_: unknown, value: string) => form.set({ [name]: value } as Partial<Values>),
    onBlur: () => form.touch(name),
  };
}

export function TextField<Values>({
  form,
  label,
  name,
  required,
  help,
  disabled,
  placeholder,
  autoFocus,
}: Entry<Values> & { placeholder?: string; autoFocus?: boolean }) {
  const id = useId();
  return (
    <Field {...{ label, id, required, help }} fault={form.fault(name)}>
      <TextInput
        {...input(form, name, id, help)}
        isRequired={required}
        isDisabled={disabled}
        placeholder={placeholder}
        autoFocus={autoFocus}
        autoComplete="off"
      />
    </Field>
  );
}

export function AreaField<Values>({ form, label, name, help, required }: Entry<Values>) {
  const id = useId();
  return (
    <Field {...{ label, id, help, required }} fault={form.fault(name)}>
      <TextArea {...input(form, name, id, help)} resizeOrientation="vertical" rows={2} />
    </Field>
  );
}

export function SecretField<Values>({ form, label, name, required, help }: Entry<Values>) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <Field {...{ label, id, required, help }} fault={form.fault(name)}>
      <InputGroup>
        <InputGroupItem isFill>
          <TextInput
            {...input(form, name, id, help)}
            type={shown ? "text" : "password"}
            isRequired={required}
            autoComplete="new-password"
          />
        </InputGroupItem>
        <InputGroupItem>
          <Button
            variant="control"
            aria-label={`${shown ? "Hide" : "Show"} ${label.toLowerCase()}`}
            onClick={() => setShown(!shown)}
            icon={shown ? <EyeSlashIcon /> : <EyeIcon />}
          />
        </InputGroupItem>
      </InputGroup>
    </Field>
  );
}

export interface Choice {
  value: string;
  label: string;
  disabled?: boolean;
}

export function SelectField<Values>({
  form,
  label,
  name,
  required,
  help,
  disabled,
  choices,
  placeholder,
  onChosen,
}: Entry<Values> & {
  choices: Choice[];
  placeholder?: string;
  onChosen?: (value: string) => void;
}) {
  const id = useId();
  const given = input(form, name, id, help);
  return (
    <Field {...{ label, id, required, help }} fault={form.fault(name)}>
      <FormSelect
        {...given}
        isRequired={required}
        isDisabled={disabled}
        onChange={(event, value) => (onChosen ?? ((chosen) => given.onChange(event, chosen)))(value)}
      >
        {placeholder !== undefined && (
          <FormSelectOption value="" label={placeholder} isPlaceholder isDisabled={required} />
        )}
        {choices.map((choice) => (
          <FormSelectOption
            key={choice.value}
            value={choice.value}
            label={choice.label}
            isDisabled={choice.disabled}
          />
        ))}
      </FormSelect>
    </Field>
  );
}

export function NumberField<Values>({
  form,
  label,
  name,
  required,
  help,
  disabled,
  unit,
  least,
  most,
}: Entry<Values> & { unit?: string; least: number; most: number }) {
  const id = useId();
  const value = Number((form.values as Record<string, unknown>)[name]);
  const set = (next: number) => {
    form.set({ [name]: next } as Partial<Values>);
    form.touch(name);
  };
  return (
    <Field {...{ label, id, required, help }} fault={form.fault(name)}>
      <NumberInput
        value={Number.isNaN(value) ? undefined : value}
        min={least}
        max={most}
        unit={unit}
        isDisabled={disabled}
        validated={form.fault(name) ? "error" : "default"}
        onMinus={() => set((Number.isNaN(value) ? least + 1 : value) - 1)}
        onPlus={() => set((Number.isNaN(value) ? least - 1 : value) + 1)}
        onChange={({ currentTarget }) =>
          set(currentTarget.value === "" ? NaN : Number(currentTarget.value))
        }
        inputName={name}
        inputAriaLabel={label}
        inputProps={{ id, "aria-describedby": `${id}-help` }}
        minusBtnAriaLabel={`${label}: less`}
        plusBtnAriaLabel={`${label}: more`}
        widthChars={6}
      />
    </Field>
  );
}

/** The shown name, and the resource name that comes of it; fixed once the object is there. */
export function NameField<Values extends { displayName: string; name: string | null }>({
  form,
  kind,
  label = "Name",
  fixed,
}: {
  form: Form<Values>;
  kind: Kind;
  label?: string;
  fixed?: string;
}) {
  const { displayName, name } = form.values;
  const derived = resourceName(displayName, kind);
  const edit = () => form.set({ name: derived } as Partial<Values>);
  const made = fixed ?? derived;
  const help =
    fixed === undefined && name !== null ? undefined : displayName.trim() === "" && !fixed ? (
      "The name that is shown. The resource name is made from it."
    ) : (
      <>
        {made ? (
          <>
            The resource name {fixed ? "is" : "will be"} <strong>{made}</strong>.{" "}
          </>
        ) : (
          <>The resource name will be made up. </>
        )}
        {!fixed && (
          <Button variant="link" isInline onClick={edit}>
            Edit resource name
          </Button>
        )}
      </>
    );
  return (
    <>
      <TextField form={form} name="displayName" label={label} required help={help} />
      {fixed === undefined && name !== null && (
        <TextField
          form={form}
          name="name"
          label="Resource name"
          required
          help={`Lower-case letters, digits and dashes, at most ${limitOf(kind)}. It cannot be changed later.`}
        />
      )}
    </>
  );
}

export function checkName(values: { displayName: string; name: string | null }, kind: Kind) {
  const blank = values.displayName.trim() === "" ? "Enter a name." : null;
  return {
    displayName: blank,
    ...(values.name === null ? {} : { name: faultOfName(values.name, kind) }),
  };
}
