/** The fields that the forms of a model server and of a model share. */
import type { Catalogue } from "../api/types";
import { Field, NumberField, SelectField, TextField } from "../forms/fields";
import type { Form } from "../forms/useForm";
import { Alert, Button, Checkbox, FormGroup, TextInput } from "../pf";
import { MOST_REPLICAS, type ServingValues } from "./serving";
import { sizeInWords } from "./WorkbenchParts";

export function SizeFields<Values extends ServingValues>({
  form,
  catalogue,
  what,
}: {
  form: Form<Values>;
  catalogue: Catalogue;
  what: string;
}) {
  const size = catalogue.modelSizes.find(({ name }) => name === form.values.size);
  const amount = (name: string, label: string) => (
    <TextField form={form} name={name} label={label} required />
  );
  return (
    <>
      <NumberField
        form={form}
        name="replicas"
        label={`Number of ${what} replicas to deploy`}
        required
        least={catalogue.serverReplicas.minimum}
        most={MOST_REPLICAS}
      />
      <SelectField
        form={form}
        name="size"
        label="Model server size"
        required
        help={size && sizeInWords(size)}
        choices={[
          ...catalogue.modelSizes.filter(({ name }) => name !== "Custom").map(({ name }) => ({ value: name, label: name })),
          { value: "Custom", label: "Custom" },
        ]}
      />
      {form.values.size === "Custom" && (
        <>
          {amount("custom.requests.cpu", "CPUs requested")}
          {amount("custom.requests.memory", "Memory requested")}
          {amount("custom.limits.cpu", "CPU limit")}
          {amount("custom.limits.memory", "Memory limit")}
        </>
      )}
    </>
  );
}

export function AccessFields<Values extends ServingValues>({
  form,
  reason,
}: {
  form: Form<Values>;
  /** Why route and tokens may not be chosen; null where they may. */
  reason: string | null;
}) {
  const { route, auth, tokens } = form.values;
  const set = (change: Partial<ServingValues>) => form.set(change as Partial<Values>);
  const first = tokens.length ? tokens : ["default-name"];
  return (
    <>
      <FormGroup role="group" label="Model route" fieldId="route">
        <Checkbox
          id="route"
          label="Make deployed models available through an external route"
          isChecked={route}
          isDisabled={reason !== null}
          description={reason ?? undefined}
          onChange={(_, checked) =>
            set(checked ? { route: true, auth: true, tokens: first } : { route: false })
          }
        />
      </FormGroup>
      <FormGroup role="group" label="Token authorization" fieldId="auth">
        <Checkbox
          id="auth"
          label="Require token authentication"
          isChecked={auth}
          isDisabled={reason !== null}
          description={reason ?? undefined}
          onChange={(_, checked) => set({ auth: checked, tokens: checked ? first : tokens })}
        />
      </FormGroup>
      {route && !auth && (
        <Alert
          component="p"
          isInline
          variant="warning"
          title="Whoever reaches the route can use the models without a token"
        />
      )}
      {auth && <TokenNames form={form} />}
    </>
  );
}

function TokenNames<Values extends ServingValues>({ form }: { form: Form<Values> }) {
  const { tokens } = form.values;
  const set = (names: string[]) => form.set({ tokens: names } as Partial<Values>);
  return (
    <FormGroup role="group" label="Service account" fieldId="service-accounts" className="tokens">
      <p className="small muted">
        For each name a Secret with a token is made. It names the token, not a service account.
      </p>
      {tokens.map((name, index) => (
        <div className="row two" key={index}>
          <Field
            label="Service account name"
            id={`token-${index}`}
            required
            fault={form.fault(`tokens.${index}`)}
          >
            <TextInput
              id={`token-${index}`}
              value={name}
              isRequired
              autoComplete="off"
              onChange={(_, value) => {
                form.touch(`tokens.${index}`);
                set(tokens.map((other, at) => (at === index ? value : other)));
              }}
            />
          </Field>
          <div className="row-end">
            <Button
              variant="link"
              aria-label={`Remove service account ${name}`}
              onClick={() => set(tokens.filter((_, at) => at !== index))}
            >
              Remove
            </Button>
          </div>
        </div>
      ))}
      <div>
        <Button variant="link" isInline onClick={() => set([...tokens, ""])}>
          Add a service account
        </Button>
      </div>
    </FormGroup>
  );
}
