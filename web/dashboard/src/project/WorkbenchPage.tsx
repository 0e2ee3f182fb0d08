/** Create and edit a workbench: a page of its own, as the product has it. */
import { useEffect } from "react";
import { at, write } from "../api/client";
import { useRead } from "../api/useRead";
import type { Catalogue, Connection, Items, Project, Storage, Workbench, WorkbenchForm } from "../api/types";
import { FormFailure } from "../forms/FormModal";
import { AreaField, NameField } from "../forms/fields";
import { useForm } from "../forms/useForm";
import { Failure, Loading } from "../parts/common";
import {
  Alert,
  Button,
  Form,
  FormSection,
  JumpLinks,
  JumpLinksItem,
  PageSection,
  Sidebar,
  SidebarContent,
  SidebarPanel,
  Title,
} from "../pf";
import { go } from "../router";
import { useCatalogue } from "../session";
import { whyNot } from "./context";
import { Crumbs } from "./ProjectPage";
import { ConnectionPart, EnvironmentPart, ImagePart, SizePart, StoragePart } from "./WorkbenchParts";
import { checkWorkbench, initialValues, keptValues, workbenchOf } from "./workbenchValues";

type Existing = Workbench & { form: WorkbenchForm };

export interface Surroundings {
  project: Project;
  catalogue: Catalogue;
  storages: Storage[];
  connections: Connection[];
  existing?: Existing;
}

export default function WorkbenchPage({ project, name }: { project: string; name: string | null }) {
  const about = useRead<Project>(at(project));
  const catalogue = useCatalogue();
  const storages = useRead<Items<Storage>>(at(project, "storages"));
  const connections = useRead<Items<Connection>>(at(project, "connections"));
  const existing = useRead<Existing>(name === null ? null : at(project, "workbenches", name));
  const parts = [about, catalogue, storages, connections, ...(name === null ? [] : [existing])];
  const failed = parts.find(({ failure }) => failure);
  const title = name === null ? "Create workbench" : `Edit ${existing.data?.displayName ?? name}`;
  const shown = about.data?.displayName ?? project;
  const to = `/projects/${encodeURIComponent(project)}?section=workbenches`;
  useEffect(() => {
    document.title = `${title} · ${shown}`;
  }, [title, shown]);
  const ready = parts.every(({ data }) => data !== undefined);
  const reason = about.data ? whyNot(about.data, "write") : null;
  return (
    <>
      <PageSection>
        <Crumbs name={shown} to={to} here={title} />
        <Title headingLevel="h1" className="wide">
          {title}
        </Title>
        <p className="muted">Configure properties for your workbench.</p>
      </PageSection>
      {failed?.failure && <Failure level="h2" failure={failed.failure} again={failed.again} />}
      {!failed && !ready && <Loading what="the form" />}
      {!failed && ready && reason !== null && (
        <PageSection>
          <Alert component="p" isInline variant="warning" title="You may not make workbenches here">
            {reason}
          </Alert>
        </PageSection>
      )}
      {!failed && ready && reason === null && (
        <WorkbenchEditor
          key={existing.data?.resourceVersion}
          project={about.data!}
          catalogue={catalogue.data!}
          storages={storages.data!.items}
          connections={connections.data!.items}
          existing={existing.data}
          again={existing.again}
        />
      )}
    </>
  );
}

const SECTIONS: [string, string][] = [
  ["name-and-description", "Name and description"],
  ["notebook-image", "Notebook image"],
  ["deployment-size", "Deployment size"],
  ["environment-variables", "Environment variables"],
  ["cluster-storage", "Cluster storage"],
  ["data-connections", "Data connections"],
];

function WorkbenchEditor(given: Surroundings & { again: () => void }) {
  const { project, catalogue, existing, again } = given;
  const form = useForm({
    key: `workbench ${project.name} ${existing?.name ?? ""}`,
    initial: initialValues(catalogue, existing?.form),
    check: (values) => checkWorkbench(values, catalogue),
    kept: keptValues,
  });
  const back = `/projects/${encodeURIComponent(project.name)}?section=workbenches`;
  const send = () =>
    form.submit(async () => {
      const sent = workbenchOf(form.values);
      const path = at(project.name, "workbenches");
      if (existing) {
        const { resourceVersion } = existing;
        await write("PUT", `${path}/${encodeURIComponent(existing.name)}`, { ...sent, resourceVersion });
      } else await write("POST", path, sent);
      // The form's address is replaced: the back button must not lead to a filled form again.
      go(back, { replace: true });
    });
  const word = existing?.status.word;
  const parts = { form, ...given };
  return (
    <>
      <PageSection isFilled>
        <Sidebar hasGutter>
          <SidebarPanel variant="sticky" width={{ default: "width_25" }} className="jump">
            <JumpLinks
              isVertical
              label="Jump to section"
              offset={16}
              scrollableSelector="#main"
              expandable={{ default: "expandable", md: "nonExpandable" }}
            >
              {SECTIONS.map(([id, label]) => (
                <JumpLinksItem key={id} href={`#${id}`}>
                  {label}
                </JumpLinksItem>
              ))}
            </JumpLinks>
          </SidebarPanel>
          <SidebarContent>
            <Form
              className="page-form"
              onSubmit={(event) => {
                event.preventDefault();
                void send();
              }}
            >
              <FormSection title="Name and description" titleElement="h2" id={SECTIONS[0]![0]}>
                <NameField form={form} kind="workbench" fixed={existing?.name} />
                <AreaField form={form} name="description" label="Description" />
              </FormSection>
              <ImagePart {...parts} />
              <SizePart {...parts} />
              <EnvironmentPart {...parts} />
              <StoragePart {...parts} />
              <ConnectionPart {...parts} />
              <button type="submit" hidden />
            </Form>
          </SidebarContent>
        </Sidebar>
      </PageSection>
      <PageSection className="page-form-footer" hasOverflowScroll={false}>
        {(word === "Running" || word === "Starting") && (
          <Alert component="p" isInline variant="warning" title={`${existing!.displayName} will restart`}>
            It is {word.toLowerCase()}; what is not saved in it is lost.
          </Alert>
        )}
        <FormFailure form={form} />
        <div className="page-form-buttons">
          <Button
            isDisabled={!form.valid || form.busy}
            isLoading={form.busy}
            onClick={() => void send()}
          >
            {existing ? "Update workbench" : "Create workbench"}
          </Button>
          {form.refusal?.problem.reason === "Conflict" && (
            <Button variant="secondary" onClick={again}>
              Refresh
            </Button>
          )}
          <Button variant="link" isDisabled={form.busy} onClick={() => go(back)}>
            Cancel
          </Button>
        </div>
      </PageSection>
    </>
  );
}
