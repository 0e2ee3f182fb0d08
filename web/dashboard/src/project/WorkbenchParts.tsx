/** The sections of the workbench form that have more than plain fields. */
import type { NotebookImage, Size } from "../api/types";
import { ConnectionFields } from "../forms/connection";
import { AreaField, NumberField, SelectField, TextField } from "../forms/fields";
import type { Form } from "../forms/useForm";
import { Alert, Button, Checkbox, FormSection, Popover, Radio } from "../pf";
import { EnvironmentGroups } from "./EnvironmentGroups";
import type { Surroundings } from "./WorkbenchPage";
import { firstTag, LARGEST_GIB, storageName, type WorkbenchValues } from "./workbenchValues";

export interface PartProperties extends Surroundings {
  form: Form<WorkbenchValues>;
}

export function ImagePart({ form, catalogue }: PartProperties) {
  const { stream, tag } = form.values;
  const images = [...catalogue.images].sort((one, other) => one.order - other.order);
  const image = images.find((each) => each.stream === stream);
  const versions = image?.versions.filter((each) => each.available || each.tag === tag) ?? [];
  const version = versions.find((each) => each.tag === tag);
  // The fields' names are the server's; the values are kept under their own.
  const shown = { ...form, values: { ...form.values, "image.stream": stream, "image.tag": tag } };
  const unavailable = (each: NotebookImage) => firstTag(each) === "";
  return (
    <FormSection title="Notebook image" titleElement="h2" id="notebook-image">
      <SelectField
        form={shown}
        name="image.stream"
        label="Image selection"
        required
        placeholder="Select one"
        help={image?.description}
        choices={images.map((each) => ({
          value: each.stream,
          label: unavailable(each) ? `${each.displayName} (not available)` : each.displayName,
          disabled: unavailable(each),
        }))}
        onChosen={(chosen) => {
          const next = images.find((each) => each.stream === chosen);
          form.set({ stream: chosen, tag: firstTag(next) });
          form.touch("image.tag");
        }}
      />
      {versions.length > 1 && (
        <SelectField
          form={shown}
          name="image.tag"
          label="Version selection"
          required
          choices={versions.map((each) => ({
            value: each.tag,
            label: each.recommended ? `${each.tag} (Recommended)` : each.tag,
            disabled: !each.available,
          }))}
          onChosen={(chosen) => form.set({ tag: chosen })}
        />
      )}
      {versions.length <= 1 && form.fault("image.tag") && (
        <Alert component="p" isInline variant="danger" title={form.fault("image.tag")} />
      )}
      {image?.gpu && catalogue.accelerators.length === 0 && (
        <Alert component="p" isInline variant="warning" title="This image is for GPUs, and no node here has one">
          It is larger than the others and no faster without a GPU.
        </Alert>
      )}
      {version && (
        <Popover
          headerContent="Packages included"
          headerComponent="h3"
          bodyContent={
            <ul className="packages">
              {version.software.concat(version.packages).map((each) => (
                <li key={each.name}>
                  {each.name} {each.version}
                </li>
              ))}
              {version.software.length + version.packages.length === 0 && (
                <li>The image names none.</li>
              )}
            </ul>
          }
        >
          <div>
            <Button variant="link" isInline>
              View package information
            </Button>
          </div>
        </Popover>
      )}
    </FormSection>
  );
}

export function sizeInWords({ limits, requests }: Size): string {
  return `Limits: ${limits.cpu} CPU, ${limits.memory} memory. Requests: ${requests.cpu} CPU, ${requests.memory} memory.`;
}

export function SizePart({ form, catalogue, existing }: PartProperties) {
  const sizes = [...catalogue.sizes];
  // A workbench whose resources match no size keeps them.
  if (existing && !sizes.some(({ name }) => name === existing.size.name)) sizes.push(existing.size);
  const size = sizes.find(({ name }) => name === form.values.size);
  const accelerator = catalogue.accelerators.find(
    ({ identifier }) => identifier === form.values.accelerator,
  );
  const shown = {
    ...form,
    values: { ...form.values, "accelerator.count": form.values.acceleratorCount },
    set: (change: Partial<Record<string, unknown>>) =>
      form.set(
        "accelerator.count" in change
          ? { acceleratorCount: change["accelerator.count"] as number }
          : (change as Partial<WorkbenchValues>),
      ),
  };
  return (
    <FormSection title="Deployment size" titleElement="h2" id="deployment-size">
      <SelectField
        form={form}
        name="size"
        label="Container size"
        required
        help={size && sizeInWords(size)}
        choices={sizes.map(({ name, limits }) => ({
          value: name,
          label: `${name} (${limits.cpu} CPU, ${limits.memory})`,
        }))}
      />
      {(catalogue.accelerators.length > 0 || form.values.accelerator) && (
        <SelectField
          form={form}
          name="accelerator"
          label="Accelerator"
          choices={[
            { value: "", label: "None" },
            ...catalogue.accelerators.map(({ identifier, displayName, available }) => ({
              value: identifier,
              label: `${displayName} (${available} available)`,
            })),
          ]}
        />
      )}
      {accelerator && (
        <NumberField
          form={shown}
          name="accelerator.count"
          label="Number of accelerators"
          required
          least={1}
          most={accelerator.available}
        />
      )}
    </FormSection>
  );
}

export function EnvironmentPart({ form }: PartProperties) {
  return (
    <FormSection title="Environment variables" titleElement="h2" id="environment-variables">
      <EnvironmentGroups form={form} />
    </FormSection>
  );
}

export function StoragePart({ form, catalogue, storages, existing }: PartProperties) {
  const { storageMode } = form.values;
  const choose = (mode: "new" | "existing") => form.set({ storageMode: mode });
  const shown = {
    ...form,
    values: { ...form.values, "storage.displayName": storageName(form.values) },
  };
  const classes = catalogue.storageClasses.filter(({ enabled }) => enabled);
  return (
    <FormSection title="Cluster storage" titleElement="h2" id="cluster-storage">
      <Alert isInline variant="info" title="Cluster storage will mount to /" component="p" />
      <Radio
        id="new-storage"
        name="storage-mode"
        label="Create new persistent storage"
        isChecked={storageMode === "new"}
        onChange={() => choose("new")}
        body={
          storageMode === "new" && (
            <div className="rows">
              <TextField form={shown} name="storage.displayName" label="Name" required />
              <AreaField form={form} name="storage.description" label="Description" />
              <SelectField
                form={form}
                name="storage.storageClass"
                label="Storage class"
                disabled={classes.length <= 1}
                choices={[
                  { value: "", label: classes.find((each) => each.default)?.displayName ?? "The default" },
                  ...classes
                    .filter((each) => !each.default)
                    .map((each) => ({ value: each.name, label: each.displayName })),
                ]}
              />
              <NumberField
                form={form}
                name="storage.sizeGiB"
                label="Persistent storage size"
                unit="GiB"
                required
                least={1}
                most={LARGEST_GIB}
              />
            </div>
          )
        }
      />
      <Radio
        id="existing-storage"
        name="storage-mode"
        label="Use existing persistent storage"
        isChecked={storageMode === "existing"}
        onChange={() => choose("existing")}
        body={
          storageMode === "existing" && (
            <SelectField
              form={form}
              name="storage.name"
              label="Persistent storage"
              required
              placeholder={storages.length ? "Select a persistent storage" : "There is none"}
              choices={storages.map(({ name, displayName, sizeGiB, connected }) => ({
                value: name,
                label: `${displayName} (${sizeGiB} GiB)${usedBy(
                  connected.filter((each) => each.name !== existing?.name),
                )}`,
              }))}
            />
          )
        }
      />
    </FormSection>
  );
}

function usedBy(connected: { displayName: string }[]): string {
  return connected.length ? `, used by ${connected.map((each) => each.displayName).join(", ")}` : "";
}

export function ConnectionPart({ form, project, connections }: PartProperties) {
  const { connected, connectionMode } = form.values;
  return (
    <FormSection title="Data connections" titleElement="h2" id="data-connections">
      <Checkbox
        id="connected"
        label="Use a data connection"
        isChecked={connected}
        onChange={(_, checked) =>
          form.set({
            connected: checked,
            connectionMode: connections.length ? "existing" : "new",
          })
        }
      />
      {connected && (
        <>
          <Radio
            id="new-connection"
            name="connection-mode"
            label="Create new data connection"
            isChecked={connectionMode === "new"}
            onChange={() => form.set({ connectionMode: "new" })}
            body={
              connectionMode === "new" && (
                <div className="rows">
                  <ConnectionFields form={form} prefix="connection." project={project.name} />
                </div>
              )
            }
          />
          <Radio
            id="existing-connection"
            name="connection-mode"
            label="Use existing data connection"
            isChecked={connectionMode === "existing"}
            onChange={() => form.set({ connectionMode: "existing" })}
            body={
              connectionMode === "existing" && (
                <SelectField
                  form={form}
                  name="connection.name"
                  label="Data connection"
                  required
                  placeholder={connections.length ? "Select a data connection" : "There is none"}
                  choices={connections.map(({ name, displayName }) => ({
                    value: name,
                    label: displayName,
                  }))}
                />
              )
            }
          />
        </>
      )}
    </FormSection>
  );
}
