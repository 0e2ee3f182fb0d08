/** Data Science Pipelines: a project's pipelines, and the way to the pages of their runs. */
import Pipelines from "../project/Pipelines";
import { GlobalPage } from "./InProject";

export default function GlobalPipelines({ project }: { project: string | null }) {
  return (
    <GlobalPage
      title="Data Science Pipelines"
      description="Manage your pipelines, runs and schedules. Graphs, logs and artifacts are on the pages of the pipeline server."
      base="/pipelines"
      project={project}
    >
      <Pipelines />
    </GlobalPage>
  );
}
