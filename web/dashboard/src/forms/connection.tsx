/** The fields of a data connection, and its trial before it is saved. */
import { useState } from "react";
import { at, inWords, write } from "../api/client";
import type { ConnectionForm, Trial } from "../api/types";
import { Alert, Button } from "../pf";
import { bucket, endpoint, filled } from "./checks";
import { SecretField, TextField } from "./fields";
import type { Faults, Form } from "./useForm";

/** Values of the fields by their names below a prefix: "connection.endpoint" or "endpoint". */
export type ConnectionValues<Prefix extends string> = Record<
  `${Prefix}${"displayName" | "accessKey" | "secretKey" | "endpoint" | "region" | "bucket"}`,
  string
>;

const FIELDS = ["displayName", "accessKey", "secretKey", "endpoint", "region", "bucket"] as const;

export function emptyConnection<Prefix extends string>(
  prefix: Prefix,
  given: Partial<ConnectionForm> = {},
): ConnectionValues<Prefix> {
  const values = FIELDS.map((field) => [`${prefix}${field}`, given[field] ?? ""]);
  return Object.fromEntries(values) as ConnectionValues<Prefix>;
}

/** The form as the server takes it. */
export function connectionOf<Prefix extends string>(
  prefix: Prefix,
  values: ConnectionValues<Prefix>,
  workbenches: string[] = [],
): ConnectionForm {
  const value = (field: (typeof FIELDS)[number]) =>
    (values[`${prefix}${field}` as keyof ConnectionValues<Prefix>] as string).trim();
  return {
    displayName: value("displayName"),
    accessKey: value("accessKey"),
    secretKey: value("secretKey"),
    endpoint: value("endpoint"),
    region: value("region"),
    bucket: value("bucket"),
    workbenches,
  };
}

export function checkConnection<Prefix extends string>(
  prefix: Prefix,
  values: ConnectionValues<Prefix>,
  bucketNeeded = false,
): Faults {
  const form = connectionOf(prefix, values);
  const faults: Faults = {
    displayName: filled(form.displayName, "a name"),
    accessKey: filled(form.accessKey, "the access key"),
    secretKey: filled(form.secretKey, "the secret key"),
    endpoint: endpoint(form.endpoint),
    bucket: (bucketNeeded ? filled(form.bucket, "the bucket") : null) ?? bucket(form.bucket),
  };
  return Object.fromEntries(
    Object.entries(faults).map(([field, fault]) => [`${prefix}${field}`, fault]),
  );
}

export function ConnectionFields<Prefix extends string, Values extends ConnectionValues<Prefix>>({
  form,
  prefix,
  project,
  bucketNeeded = false,
  named = true,
}: {
  form: Form<Values>;
  prefix: Prefix;
  project: string;
  bucketNeeded?: boolean;
  /** Whether the reader names it. */
  named?: boolean;
}) {
  const field = (name: (typeof FIELDS)[number], label: string, required = false, help?: string) => (
    <TextField form={form} name={`${prefix}${name}`} {...{ label, required, help }} />
  );
  return (
    <>
      {named && field("displayName", "Name", true)}
      {field("accessKey", "Access key", true)}
      <SecretField form={form} name={`${prefix}secretKey`} label="Secret key" required />
      {field("endpoint", "Endpoint", true, "The store’s URL. Without http:// it is https.")}
      {field("region", "Region")}
      {field("bucket", "Bucket", bucketNeeded)}
      <TryButton form={form} prefix={prefix} project={project} />
    </>
  );
}

/** Try the connection; what is wrong is shown at its field. Returns whether it works. */
export async function tryConnection<Prefix extends string, Values extends ConnectionValues<Prefix>>(
  form: Form<Values>,
  prefix: Prefix,
  project: string,
): Promise<Trial> {
  const sent = connectionOf(prefix, form.values);
  const trial = await write<Trial>("POST", at(project, "connections", "try"), sent);
  const told = Object.entries(trial.fields).map(([field, text]) => [`${prefix}${field}`, text]);
  form.tell(Object.fromEntries(told) as Record<string, string>);
  return trial;
}

function TryButton<Prefix extends string, Values extends ConnectionValues<Prefix>>({
  form,
  prefix,
  project,
}: {
  form: Form<Values>;
  prefix: Prefix;
  project: string;
}) {
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<{ ok: boolean; message: string; of: string } | null>(null);
  const now = JSON.stringify(connectionOf(prefix, form.values));
  const possible = Object.values(checkConnection(prefix, form.values)).every((fault) => !fault);
  const run = async () => {
    setBusy(true);
    try {
      const { ok, message } = await tryConnection(form, prefix, project);
      setResult({ ok, message, of: now });
    } catch (error) {
      setResult({ ok: false, message: inWords(error), of: now });
    } finally {
      setBusy(false);
    }
  };
  return (
    <div>
      <Button
        variant="secondary"
        isDisabled={!possible || busy}
        isLoading={busy}
        onClick={() => void run()}
      >
        Try the connection
      </Button>
      {result && result.of === now && (
        <TrialResult ok={result.ok} message={result.message} />
      )}
    </div>
  );
}

export function TrialResult({ ok, message }: { ok: boolean; message: string }) {
  return (
    <Alert
      component="p"
      isInline
      isLiveRegion
      variant={ok ? "success" : "warning"}
      title={ok ? "The connection works" : "The connection does not work"}
    >
      {message}
    </Alert>
  );
}
