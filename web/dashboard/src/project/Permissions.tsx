/** Permissions: who else may see and change what is in the project. */
import { useState } from "react";
import CheckIcon from "@patternfly/react-icons/dist/dynamic/icons/check-icon";
import TimesIcon from "@patternfly/react-icons/dist/dynamic/icons/times-icon";
import { at, inWords, write } from "../api/client";
import type { Permission } from "../api/types";
import { useForm } from "../forms/useForm";
import { FormFailure } from "../forms/FormModal";
import { Age, Section, Shown } from "../parts/common";
import { RowActions } from "../parts/RowActions";
import { Button, FormSelect, FormSelectOption, HelperText, HelperTextItem, TextInput, Title } from "../pf";
import { Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { useToasts } from "../shell/toasts";
import { useProject } from "./context";

type Kind = Permission["kind"];
type Role = Permission["role"];
const WORDS: Record<Role, string> = { edit: "Contributor", admin: "Admin" };

export default function Permissions() {
  const { live } = useProject();
  const items = live.data.permissions?.items;
  return (
    <Section
      title="Permissions"
      id="permissions"
      description="Add users and groups that can access the project. An admin may do all; a contributor may not share the project, nor open a route or require tokens."
    >
      <Shown data={items} failure={live.failures.permissions} what="the permissions">
        {(all) => (
          <div className="rows">
            <Subjects kind="User" permissions={all.filter(({ kind }) => kind === "User")} />
            <Subjects kind="Group" permissions={all.filter(({ kind }) => kind === "Group")} />
          </div>
        )}
      </Shown>
    </Section>
  );
}

function Subjects({ kind, permissions }: { kind: Kind; permissions: Permission[] }) {
  const [adding, setAdding] = useState(false);
  const word = kind.toLowerCase();
  return (
    <div>
      <Title headingLevel="h3" size="lg">
        {kind}s
      </Title>
      <Table aria-label={`${kind}s`} variant="compact">
        <Thead>
          <Tr>
            <Th modifier="wrap">Name</Th>
            <Th modifier="wrap">Permission</Th>
            <Th modifier="wrap">Date added</Th>
            <Th screenReaderText="Actions" />
          </Tr>
        </Thead>
        <Tbody>
          {permissions.map((permission) => (
            <PermissionRow key={permission.name} permission={permission} />
          ))}
          {permissions.length === 0 && !adding && (
            <Tr>
              <Td colSpan={4} className="muted">
                No {word} was added.
              </Td>
            </Tr>
          )}
          {adding && (
            <AddRow kind={kind} there={permissions} onDone={() => setAdding(false)} />
          )}
        </Tbody>
      </Table>
      <Button variant="link" isDisabled={adding} onClick={() => setAdding(true)}>
        Add {word}
      </Button>
    </div>
  );
}

function RoleSelect({ value, label, onChange, disabled }: {
  value: Role;
  label: string;
  onChange: (role: Role) => void;
  disabled?: boolean;
}) {
  return (
    <FormSelect
      aria-label={label}
      value={value}
      isDisabled={disabled}
      onChange={(_, role) => onChange(role as Role)}
    >
      <FormSelectOption value="edit" label={WORDS.edit} />
      <FormSelectOption value="admin" label={WORDS.admin} />
    </FormSelect>
  );
}

function PermissionRow({ permission }: { permission: Permission }) {
  const { project } = useProject();
  const toast = useToasts();
  const [busy, setBusy] = useState(false);
  const path = at(project.name, "permissions", permission.name);
  const run = async (method: "PUT" | "DELETE", body: unknown) => {
    setBusy(true);
    try {
      await write(method, path, body);
    } catch (error) {
      toast({ variant: "danger", title: `${permission.subject}: nothing was changed`, body: inWords(error) });
    } finally {
      setBusy(false);
    }
  };
  const { subject, role, fixed, created } = permission;
  return (
    <Tr>
      <Td dataLabel="Name" className="wide">
        {subject}
      </Td>
      <Td dataLabel="Permission">
        {fixed ? (
          <>
            {WORDS[role]} <span className="muted small">given outside this page</span>
          </>
        ) : (
          <RoleSelect
            label={`Permission of ${subject}`}
            value={role}
            disabled={busy}
            onChange={(chosen) => void run("PUT", { role: chosen })}
          />
        )}
      </Td>
      <Td dataLabel="Date added">
        <Age of={created} />
      </Td>
      <Td isActionCell>
        {!fixed && (
          <RowActions
            busy={busy}
            items={[{ title: "Remove", onClick: () => void run("DELETE", {}) }]}
          />
        )}
      </Td>
    </Tr>
  );
}

function AddRow({ kind, there, onDone }: { kind: Kind; there: Permission[]; onDone: () => void }) {
  const { project } = useProject();
  const word = kind.toLowerCase();
  const form = useForm({
    key: `permission ${project.name} ${kind}`,
    initial: { subject: "", role: "edit" as Role },
    check: ({ subject }) => {
      const name = subject.trim();
      const taken = there.some((other) => other.subject === name);
      return {
        subject: name === "" ? `Enter the ${word}'s name.` : taken ? `${name} was added already.` : null,
      };
    },
  });
  const add = () =>
    void form.submit(async () => {
      const { subject, role } = form.values;
      await write("POST", at(project.name, "permissions"), { kind, subject: subject.trim(), role });
      onDone();
    });
  const fault = form.fault("subject");
  return (
    <Tr>
      <Td dataLabel="Name">
        <TextInput
          aria-label={`Name of the ${word}`}
          value={form.values.subject}
          autoFocus
          autoComplete="off"
          validated={fault ? "error" : "default"}
          onChange={(_, subject) => {
            form.set({ subject });
            form.touch("subject");
          }}
          onKeyDown={({ key }) => key === "Enter" && add()}
        />
        {fault && (
          <HelperText isLiveRegion>
            <HelperTextItem variant="error">{fault}</HelperTextItem>
          </HelperText>
        )}
        <FormFailure form={form} />
      </Td>
      <Td dataLabel="Permission">
        <RoleSelect
          label={`Permission of the new ${word}`}
          value={form.values.role}
          onChange={(role) => form.set({ role })}
        />
      </Td>
      <Td dataLabel="Date added">-</Td>
      <Td isActionCell>
        <div className="side-by-side">
          <Button
          variant="plain"
          aria-label={`Add the ${word}`}
          icon={<CheckIcon />}
          isDisabled={!form.valid || form.busy}
          onClick={add}
        />
        <Button variant="plain" aria-label="Cancel" icon={<TimesIcon />} onClick={onDone} />
        </div>
      </Td>
    </Tr>
  );
}
