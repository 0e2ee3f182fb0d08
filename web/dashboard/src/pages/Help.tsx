/** ?: where each thing of the lab's text is here, and which word newer versions use. */
import { useEffect } from "react";
import { PageSection, Title } from "../pf";
import { Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { useSession } from "../session";

/** The lab's word, this page's, the newest's. */
const WORDS: [string, string, string][] = [
  ["Data science projects", "Data Science Projects", "Projects"],
  ["Create workbench", "Create workbench", "Create workbench"],
  ["Notebook image", "Notebook image", "Workbench image"],
  ["Container size", "Container size", "Hardware profile"],
  ["Number of GPUs", "Accelerator", "Hardware profile"],
  ["Persistent storage", "Cluster storage, Persistent storage", "Cluster storage"],
  ["Data connection", "Data connections", "Connections"],
  ["Running", "Running", "Ready"],
  ["Open", "Open", "the workbench's name is the link"],
  ["Configure server", "Configure server", "none: each deployment has a server of its own (2.13 to 2.25: Add model server)"],
  ["Configure", "Configure", "Deploy model (2.13 to 2.25: Add)"],
  ["Token authorization", "Token authorization, Require token authentication", "Token authentication"],
  ["Service account name", "Service account name", "Service account name"],
  ["the Secret model-mesh", "the Secret of the service account name", "the Secret <name>-<server>-sa"],
  ["Deploy model", "Deploy model", "Deploy model (a page with steps)"],
  ["Model Name", "Model Name", "Model deployment name"],
  ["Model framework onnx - 1", "Model framework (name - version)", "Model framework (name - version)"],
  ["Folder path", "Folder path", "Path"],
  ["Models and model servers", "Models", "Deployments"],
  ["Loaded", "Available", "Ready"],
  ["Kubeflow Pipeline", "Data Science Pipelines", "Develop & train, Pipelines"],
  ["Runs", "Runs", "Runs"],
];

export default function Help() {
  const { column } = useSession();
  useEffect(() => {
    document.title = "Help · Data Science Projects";
  }, []);
  return (
    <>
      <PageSection>
        <Title headingLevel="h1">Help</Title>
        <p className="muted">
          This page stands in for the OpenShift AI dashboard in the version {column}. What it makes
          has the names, labels and fields that OpenShift AI gives it.
        </p>
      </PageSection>
      <PageSection>
        <Title headingLevel="h2" size="lg">
          Which word newer versions use
        </Title>
        <Table aria-label="Words by version" variant="compact">
          <Thead>
            <Tr>
              <Th>In the lab's text</Th>
              <Th modifier="wrap">Here</Th>
              <Th>In version 3</Th>
            </Tr>
          </Thead>
          <Tbody>
            {WORDS.map(([text, here, newer]) => (
              <Tr key={text}>
                <Td dataLabel="In the lab's text">{text}</Td>
                <Td dataLabel="Here">{here}</Td>
                <Td dataLabel="In version 3">{newer}</Td>
              </Tr>
            ))}
          </Tbody>
        </Table>
      </PageSection>
      <PageSection>
        <Title headingLevel="h2" size="lg">
          Good to know
        </Title>
        <ul>
          <li>What you may not do is grey; point at it, or reach it by Tab, to read why.</li>
          <li>Changes in the cluster show by themselves; nothing needs a reload.</li>
          <li>A form that cannot be sent stays filled. After a sign-in it is there again, but for secrets.</li>
          <li>All of it works by keyboard: Tab, Enter, Space, and Escape to close a window.</li>
        </ul>
      </PageSection>
    </>
  );
}
