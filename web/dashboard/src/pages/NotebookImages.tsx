/** Notebook images: what workbenches can be made of. */
import { Label, Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { SettingsPage } from "./SettingsPage";

export default function NotebookImages() {
  return (
    <SettingsPage
      title="Notebook images"
      description="ImageStreams with the label opendatahub.io/notebook-image, in the order in which learners see them."
    >
      {({ images }) => (
        <Table aria-label="Notebook images" variant="compact">
          <Thead>
            <Tr>
              <Th modifier="wrap">Name</Th>
              <Th modifier="wrap">Description</Th>
              <Th modifier="wrap">Versions</Th>
            </Tr>
          </Thead>
          <Tbody>
            {[...images]
              .sort((one, other) => one.order - other.order)
              .map(({ stream, displayName, description, versions }) => (
                <Tr key={stream}>
                  <Td dataLabel="Name">
                    {displayName}
                    <div className="muted small">{stream}</div>
                  </Td>
                  <Td dataLabel="Description">{description || "-"}</Td>
                  <Td dataLabel="Versions">
                    {versions.map(({ tag, available, recommended, message }) => (
                      <div key={tag}>
                        {tag}{" "}
                        <Label isCompact status={available ? "success" : "warning"}>
                          {available ? "available" : (message ?? "not available")}
                        </Label>{" "}
                        {recommended && <Label isCompact>Recommended</Label>}
                      </div>
                    ))}
                  </Td>
                </Tr>
              ))}
          </Tbody>
        </Table>
      )}
    </SettingsPage>
  );
}
