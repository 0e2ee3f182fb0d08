/** Import pipeline: by file or by URL. */
import { useId, useRef, useState } from "react";
import { at, upload, write } from "../api/client";
import type { Pipeline } from "../api/types";
import { type Fault, filled } from "../forms/checks";
import { AreaField, TextField } from "../forms/fields";
import { FormModal } from "../forms/FormModal";
import { useForm } from "../forms/useForm";
import { Button, FormGroup, FormHelperText, HelperText, HelperTextItem, Radio } from "../pf";
import { closeForm } from "../router";
import { useProject } from "./context";

/** The server's limit, in bytes. */
const LARGEST_FILE = 32 * 1024 * 1024;

function addressFault(url: string): Fault {
  try {
    return /^https?:$/.test(new URL(url.trim()).protocol) ? null : "The address begins with http:// or https://.";
  } catch {
    return "Enter the address of the pipeline's YAML: https://….";
  }
}

async function faultOfFile(file: File): Promise<Fault> {
  if (file.size === 0) return `${file.name} is empty.`;
  if (file.size > LARGEST_FILE) return `${file.name} is larger than 32 MiB.`;
  const head = await file.slice(0, 4096).text();
  if (/^kind:\s*Workflow\s*$/m.test(head) && /argoproj\.io/.test(head)) {
    return `${file.name} is an Argo Workflow; a pipeline compiled by the KFP SDK, version 2, is wanted.`;
  }
  return null;
}

export function ImportModal() {
  const { project, live } = useProject();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File | null>(null);
  const [wrong, setWrong] = useState<Fault>(null);
  const there = live.data.pipelines?.items ?? [];
  const form = useForm({
    key: `import ${project.name}`,
    initial: { displayName: "", description: "", mode: "file" as "file" | "url", url: "" },
    check: ({ displayName, mode, url }) => {
      const name = displayName.trim();
      const taken = there.some((other) => other.displayName === name);
      return {
        displayName:
          filled(name, "the pipeline's name") ??
          (name.length > 255 ? `The name has ${name.length} characters; it may have 255.` : null) ??
          (taken ? `A pipeline “${name}” is there already: choose another name.` : null),
        ...(mode === "url"
          ? { url: addressFault(url) }
          : { file: wrong ?? (file === null ? "Choose a file." : null) }),
      };
    },
  });
  const choose = async (chosen: File | undefined) => {
    if (!chosen) return;
    setFile(chosen);
    setWrong(await faultOfFile(chosen));
    form.touch("file");
    if (form.values.displayName.trim() === "") {
      form.set({ displayName: chosen.name.replace(/\.(ya?ml|zip|tar\.gz|tgz)$/i, "") });
    }
  };
  const send = async () => {
    const { displayName, description, mode, url } = form.values;
    const path = at(project.name, "pipelines");
    const named = { displayName: displayName.trim(), description };
    if (mode === "url") await write<Pipeline>("POST", path, { ...named, url: url.trim() });
    else {
      const sent = new FormData();
      sent.set("displayName", named.displayName);
      sent.set("description", named.description);
      sent.set("file", file!);
      await upload<Pipeline>(path, sent);
    }
    closeForm();
  };
  return (
    <FormModal
      title="Import pipeline"
      submit="Import pipeline"
      form={form}
      onSubmit={send}
      onClose={closeForm}
    >
      <TextField form={form} name="displayName" label="Pipeline name" required />
      <AreaField form={form} name="description" label="Pipeline description" />
      <FormGroup role="radiogroup" label="Source" fieldId="source">
        <div className="rows">
          <Radio
            id="by-file"
            name="mode"
            label="Upload a file"
            isChecked={form.values.mode === "file"}
            onChange={() => form.set({ mode: "file" })}
            body={
              form.values.mode === "file" && (
                <div>
                  <Button variant="secondary" onClick={() => input.current?.click()}>
                    Choose a file
                  </Button>{" "}
                  <span className="wide">{file?.name ?? "None chosen"}</span>
                  <input
                    ref={input}
                    id={id}
                    type="file"
                    hidden
                    aria-label="Pipeline file"
                    accept=".yaml,.yml,.zip,.gz,.tgz"
                    onChange={({ target }) => {
                      void choose(target.files?.[0]);
                      // The same file, mended, can be chosen again.
                      target.value = "";
                    }}
                  />
                  {(form.fault("file") || wrong) && (
                    <FormHelperText>
                      <HelperText isLiveRegion>
                        <HelperTextItem variant="error">{wrong ?? form.fault("file")}</HelperTextItem>
                      </HelperText>
                    </FormHelperText>
                  )}
                </div>
              )
            }
          />
          <Radio
            id="by-url"
            name="mode"
            label="Import by url"
            isChecked={form.values.mode === "url"}
            onChange={() => form.set({ mode: "url" })}
            body={form.values.mode === "url" && <TextField form={form} name="url" label="URL" required />}
          />
        </div>
      </FormGroup>
    </FormModal>
  );
}
