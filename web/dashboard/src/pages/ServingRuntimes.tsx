/** Serving runtimes: the Templates that a model server can be made of. */
import { Label, Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { formatInWords } from "../project/ModelModal";
import { SettingsPage } from "./SettingsPage";

const PLATFORMS = { multi: "Multi-model", single: "Single-model" };

export default function ServingRuntimes() {
  return (
    <SettingsPage
      title="Serving runtimes"
      description="Templates with a ServingRuntime, in the dashboard's namespace."
    >
      {({ runtimes }) => (
        <Table aria-label="Serving runtimes" variant="compact">
          <Thead>
            <Tr>
              <Th modifier="wrap">Name</Th>
              <Th modifier="wrap">Serving platforms supported</Th>
              <Th modifier="wrap">API protocol</Th>
              <Th modifier="wrap">Formats</Th>
            </Tr>
          </Thead>
          <Tbody>
            {runtimes.map(({ template, displayName, platforms, protocol, formats, ...runtime }) => (
              <Tr key={template}>
                <Td dataLabel="Name">
                  {displayName} {runtime.default && <Label isCompact>Default</Label>}
                  <div className="muted small">{template}</div>
                </Td>
                <Td dataLabel="Serving platforms supported">
                  {platforms.map((platform) => PLATFORMS[platform]).join(", ")}
                </Td>
                <Td dataLabel="API protocol">{protocol}</Td>
                <Td dataLabel="Formats">{formats.map(formatInWords).join(", ")}</Td>
              </Tr>
            ))}
          </Tbody>
        </Table>
      )}
    </SettingsPage>
  );
}
