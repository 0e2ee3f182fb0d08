/** Create and edit a project. */
import { at, write } from "../api/client";
import type { Project } from "../api/types";
import { AreaField, checkName, NameField } from "../forms/fields";
import { FormModal } from "../forms/FormModal";
import { useForm } from "../forms/useForm";
import { go } from "../router";

export function ProjectModal({ project, onClose }: { project?: Project; onClose: () => void }) {
  const form = useForm({
    key: project ? `project ${project.name}` : "project",
    initial: {
      displayName: project?.displayName ?? "",
      name: null as string | null,
      description: project?.description ?? "",
    },
    check: (values) => checkName(values, "project"),
  });
  const send = async () => {
    const { displayName, name, description } = form.values;
    if (project) {
      await write("PUT", at(project.name), { displayName: displayName.trim(), description });
      onClose();
      return;
    }
    const sent = { displayName: displayName.trim(), name, description };
    const made = await write<Project>("POST", "/api/projects", sent);
    // The form's address is replaced: the back button must not lead to it again.
    go(`/projects/${encodeURIComponent(made.name)}`, { replace: true });
  };
  return (
    <FormModal
      title={project ? "Edit project" : "Create project"}
      submit={project ? "Update" : "Create"}
      variant="small"
      form={form}
      onSubmit={send}
      onClose={onClose}
    >
      <NameField form={form} kind="project" fixed={project?.name} />
      <AreaField form={form} name="description" label="Description" />
    </FormModal>
  );
}
