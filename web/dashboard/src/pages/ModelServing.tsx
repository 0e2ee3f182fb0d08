/** Model Serving: the deployed models of all projects, or servers and models of one. */
import { at } from "../api/client";
import { useRead } from "../api/useRead";
import type { Models as ModelsOf, Project } from "../api/types";
import { Failure } from "../parts/common";
import { Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { Endpoint } from "../project/Endpoint";
import Models from "../project/Models";
import { ModelWord } from "../project/ModelTable";
import { Link } from "../router";
import { GlobalPage } from "./InProject";

/** Milliseconds between looks: a stream for each project would use up the browser's connections. */
const LOOK_AGAIN = 5000;

export default function ModelServing({ project }: { project: string | null }) {
  return (
    <GlobalPage
      title="Model Serving"
      description="Manage and view the health and performance of your deployed models."
      base="/modelServing"
      project={project}
      all={(projects) => <AllModels projects={projects} />}
    >
      <Models />
    </GlobalPage>
  );
}

function AllModels({ projects }: { projects: Project[] }) {
  return (
    <Table aria-label="Deployed models of all projects" variant="compact">
      <Thead>
        <Tr>
          <Th modifier="wrap">Model name</Th>
          <Th modifier="wrap">Project</Th>
          <Th modifier="wrap">Model server</Th>
          <Th modifier="wrap">Inference endpoint</Th>
          <Th modifier="wrap">Status</Th>
        </Tr>
      </Thead>
      {projects.map((project) => (
        <ModelsOfProject key={project.name} project={project} />
      ))}
    </Table>
  );
}

function ModelsOfProject({ project }: { project: Project }) {
  const { data, failure } = useRead<ModelsOf>(at(project.name, "models"), LOOK_AGAIN);
  const here = (
    <Link href={`/modelServing/${encodeURIComponent(project.name)}`}>{project.displayName}</Link>
  );
  const line = (text: React.ReactNode) => (
    <Tr>
      <Td dataLabel="Model name" className="muted">
        {text}
      </Td>
      <Td dataLabel="Project">{here}</Td>
      <Td dataLabel="Model server">-</Td>
      <Td dataLabel="Inference endpoint">-</Td>
      <Td dataLabel="Status">-</Td>
    </Tr>
  );
  if (failure && !data) return <Tbody>{line(<Failure failure={failure} />)}</Tbody>;
  if (!data) return <Tbody>{line("…")}</Tbody>;
  if (data.items.length === 0) return <Tbody>{line("No deployed models")}</Tbody>;
  return (
    <Tbody>
      {data.items.map((model) => {
        const server = data.servers.find(({ name }) => name === model.server);
        return (
          <Tr key={model.name}>
            <Td dataLabel="Model name">{model.displayName}</Td>
            <Td dataLabel="Project">{here}</Td>
            <Td dataLabel="Model server">{server?.displayName ?? model.server ?? "-"}</Td>
            <Td dataLabel="Inference endpoint">
              <Endpoint model={model} routed={server?.route ?? model.route === true} />
            </Td>
            <Td dataLabel="Status">
              <ModelWord model={model} />
            </Td>
          </Tr>
        );
      })}
    </Tbody>
  );
}
