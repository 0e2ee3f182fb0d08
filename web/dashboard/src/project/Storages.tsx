/** Cluster storage: volumes that outlive workbenches, and where each is mounted. */
import { at, write } from "../api/client";
import type { Catalogue, Storage, StorageForm } from "../api/types";
import { mountFolder, wholeNumber } from "../forms/checks";
import { AreaField, checkName, Field, NameField, NumberField, SelectField } from "../forms/fields";
import { FormModal } from "../forms/FormModal";
import { WithCatalogue } from "../forms/WithCatalogue";
import { type Faults, useForm } from "../forms/useForm";
import { Empty, GuardedButton, Section, Shown } from "../parts/common";
import { DeleteModal } from "../parts/DeleteModal";
import { guardedAction, RowActions } from "../parts/RowActions";
import { Alert, Button, FormSelect, FormSelectOption, TextInput } from "../pf";
import { Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { closeForm, openForm, usePlace } from "../router";
import { useProject, whyNot } from "./context";

export const LARGEST_GIB = 16384;

export default function Storages() {
  const { project, live } = useProject();
  const { query } = usePlace();
  const items = live.data.storages?.items;
  const reason = whyNot(project, "write");
  const add = (
    <GuardedButton reason={reason} onClick={() => openForm("storage")}>
      Add cluster storage
    </GuardedButton>
  );
  const about = items?.find(({ name }) => name === query.get("about"));
  const form = query.get("form");
  return (
    <Section title="Cluster storage" id="storages" action={items?.length ? add : null}>
      <Shown data={items} failure={live.failures.storages} what="the storage">
        {(all) =>
          all.length === 0 ? (
            <Empty title="Start by adding cluster storage" action={add}>
              Cluster storage keeps files when a workbench stops or is deleted.
            </Empty>
          ) : (
            <StorageTable storages={all} reason={reason} />
          )
        }
      </Shown>
      {form === "storage" && (about || !query.get("about")) && (
        <WithCatalogue title={about ? "Update cluster storage" : "Add cluster storage"}>
          {(catalogue) => (
            <StorageModal key={about?.name} storage={about} catalogue={catalogue} />
          )}
        </WithCatalogue>
      )}
      {form === "delete-storage" && about && (
        <DeleteModal
          what="storage"
          name={about.displayName}
          path={at(project.name, "storages", about.name)}
          onClose={closeForm}
        >
          The storage <strong>{about.displayName}</strong> and all files on it are deleted
          {about.connected.length > 0 && (
            <>
              , and it is taken out of{" "}
              {about.connected.map(({ displayName }) => displayName).join(", ")}
            </>
          )}
          .
        </DeleteModal>
      )}
    </Section>
  );
}

function StorageTable({ storages, reason }: { storages: Storage[]; reason: string | null }) {
  const guarded = (title: string, form: string, name: string) =>
    guardedAction(title, reason, () => openForm(form, name));
  return (
    <Table aria-label="Cluster storage" variant="compact">
      <Thead>
        <Tr>
          <Th modifier="wrap">Name</Th>
          <Th modifier="wrap">Storage class</Th>
          <Th modifier="wrap">Type</Th>
          <Th modifier="wrap">Size</Th>
          <Th modifier="wrap">Connected workbenches</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {storages.map((storage) => (
          <Tr key={storage.name}>
            <Td dataLabel="Name">
              {storage.displayName}
              {storage.description && (
                <div className="muted small wide">{storage.description}</div>
              )}
            </Td>
            <Td dataLabel="Storage class">{storage.storageClass ?? "-"}</Td>
            <Td dataLabel="Type">
              {storage.type}
              {storage.phase !== "Bound" && <div className="muted small">{storage.phase}</div>}
            </Td>
            <Td dataLabel="Size">{storage.sizeGiB} GiB</Td>
            <Td dataLabel="Connected workbenches">
              {storage.connected.length === 0 && "-"}
              {storage.connected.map(({ name, displayName, path }) => (
                <div key={`${name}${path}`}>
                  {displayName} <span className="muted small">{path}</span>
                </div>
              ))}
            </Td>
            <Td isActionCell>
              <RowActions
                items={[
                  guarded("Edit storage", "storage", storage.name),
                  // A workbench's own volume goes with nobody: the product offers no Delete either.
                  ...(storage.root
                    ? []
                    : [guarded("Delete storage", "delete-storage", storage.name)]),
                ]}
              />
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

const ROOT = "/opt/app-root/src/";

interface Values {
  displayName: string;
  name: string | null;
  description: string;
  sizeGiB: number;
  storageClass: string;
  workbenches: { name: string; folder: string }[];
}

function StorageModal({ storage, catalogue }: { storage?: Storage; catalogue: Catalogue }) {
  const { project, live } = useProject();
  const workbenches = live.data.workbenches?.items ?? [];
  const mine = storage?.connected.filter(({ root }) => !root) ?? [];
  const size = storage?.sizeGiB;
  const checkMounts = (values: Values): Faults => {
    const faults: Faults = {};
    values.workbenches.forEach(({ name, folder }, index) => {
      const workbench = workbenches.find((other) => other.name === name);
      const taken = (workbench?.storages ?? [])
        .filter((mounted) => mounted.name !== storage?.name)
        .map(({ path }) => path.replace(ROOT, "").replace(/\/$/, ""));
      faults[`workbenches.${index}.name`] = name ? null : "Choose a workbench.";
      faults[`workbenches.${index}.folder`] = mountFolder(folder, taken);
    });
    return faults;
  };
  const form = useForm<Values>({
    key: `storage ${project.name} ${storage?.name ?? ""}`,
    initial: {
      displayName: storage?.displayName ?? "",
      name: null,
      description: storage?.description ?? "",
      sizeGiB: size ?? catalogue.defaultStorageGiB,
      storageClass: storage?.storageClass ?? "",
      workbenches: mine.map(({ name, path }) => ({ name, folder: path.replace(ROOT, "") })),
    },
    check: (values) => ({
      ...checkName(values, "storage"),
      sizeGiB: wholeNumber(values.sizeGiB, size ?? 1, LARGEST_GIB, "GiB"),
      ...checkMounts(values),
    }),
  });
  const send = async () => {
    const { displayName, name, description, sizeGiB, storageClass } = form.values;
    const sent: StorageForm = {
      displayName: displayName.trim(),
      name,
      description,
      sizeGiB,
      storageClass: storageClass || null,
      workbenches: form.values.workbenches.map((mount) => ({
        ...mount,
        folder: mount.folder.replace(/\/$/, ""),
      })),
    };
    if (storage) await write("PUT", at(project.name, "storages", storage.name), sent);
    else await write("POST", at(project.name, "storages"), sent);
    closeForm();
  };
  const classes = catalogue.storageClasses.filter(({ enabled }) => enabled);
  const restarts = workbenches.filter(
    ({ name, status }) =>
      status.word === "Running" &&
      form.values.workbenches.some((mount) => mount.name === name) !==
        mine.some((mount) => mount.name === name),
  );
  return (
    <FormModal
      title={storage ? "Update cluster storage" : "Add cluster storage"}
      submit={storage ? "Update storage" : "Add storage"}
      form={form}
      onSubmit={send}
      onClose={closeForm}
    >
      <NameField form={form} kind="storage" fixed={storage?.name} />
      <AreaField form={form} name="description" label="Description" />
      <SelectField
        form={form}
        name="storageClass"
        label="Storage class"
        disabled={storage !== undefined || classes.length <= 1}
        choices={[
          { value: "", label: defaultClass(classes.find((each) => each.default)?.displayName) },
          ...classes
            .filter((each) => !each.default)
            .map(({ name, displayName }) => ({ value: name, label: displayName })),
        ]}
      />
      <NumberField
        form={form}
        name="sizeGiB"
        label="Persistent storage size"
        unit="GiB"
        required
        least={size ?? 1}
        most={LARGEST_GIB}
        disabled={storage !== undefined && !storage.canGrow}
        help={storage ? (storage.growReason ?? "It can grow, and never shrinks.") : undefined}
      />
      <Mounts form={form} />
      {restarts.length > 0 && (
        <Alert
          component="p"
          isInline
          variant="warning"
          title={`${restarts.map(({ displayName }) => displayName).join(", ")} runs and will restart`}
        >
          What is not saved there is lost.
        </Alert>
      )}
    </FormModal>
  );
}

const defaultClass = (name: string | undefined) => (name ? `${name} (default)` : "The default");

function Mounts({ form }: { form: ReturnType<typeof useForm<Values>> }) {
  const { live } = useProject();
  const all = live.data.workbenches?.items ?? [];
  const { workbenches } = form.values;
  const change = (index: number, part: Partial<{ name: string; folder: string }>) =>
    form.set({
      workbenches: workbenches.map((mount, at) => (at === index ? { ...mount, ...part } : mount)),
    });
  const used = new Set(workbenches.map(({ name }) => name));
  const remove = (index: number) =>
    form.set({ workbenches: workbenches.filter((_, at) => at !== index) });
  return (
    <div className="rows">
      {workbenches.map(({ name, folder }, index) => (
        <div key={index} className="row">
          <Field
            label="Connected workbench"
            id={`mount-${index}`}
            fault={form.fault(`workbenches.${index}.name`)}
          >
            <FormSelect
              id={`mount-${index}`}
              value={name}
              onChange={(_, value) => change(index, { name: value })}
            >
              <FormSelectOption value="" label="Choose a workbench" isPlaceholder isDisabled />
              {all
                .filter((each) => each.name === name || !used.has(each.name))
                .map((each) => (
                  <FormSelectOption key={each.name} value={each.name} label={each.displayName} />
                ))}
            </FormSelect>
          </Field>
          <Field
            label="Mount folder name"
            id={`folder-${index}`}
            required
            help={`${ROOT}${folder || "folder"}`}
            fault={form.fault(`workbenches.${index}.folder`)}
          >
            <TextInput
              id={`folder-${index}`}
              value={folder}
              isRequired
              onChange={(_, value) => change(index, { folder: value })}
              onBlur={() => form.touch(`workbenches.${index}.folder`)}
            />
          </Field>
          <div className="row-end">
            <Button variant="link" onClick={() => remove(index)}>
              Remove
            </Button>
          </div>
        </div>
      ))}
      <div>
        <Button
          variant="link"
          isInline
          isDisabled={used.size >= all.length}
          onClick={() => form.set({ workbenches: [...workbenches, { name: "", folder: "" }] })}
        >
          Connect a workbench
        </Button>
        {all.length === 0 && <span className="muted small"> There is no workbench yet.</span>}
      </div>
    </div>
  );
}
