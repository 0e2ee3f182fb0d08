/** Cluster settings: the sizes, storage classes and accelerators that forms offer. */
import type { Size } from "../api/types";
import { Label, Table, Tbody, Td, Th, Thead, Title, Tr } from "../pf";
import { SettingsPage } from "./SettingsPage";

export default function ClusterSettings() {
  return (
    <SettingsPage
      title="Cluster settings"
      description="What the forms offer. It comes from OdhDashboardConfig and the cluster itself."
    >
      {({ sizes, modelSizes, storageClasses, accelerators, defaultStorageGiB }) => (
        <div className="rows">
          <p>
            A new storage has <strong>{defaultStorageGiB} GiB</strong> unless somebody types another
            size.
          </p>
          <SizeTable title="Container sizes" sizes={sizes} />
          <SizeTable title="Model server sizes" sizes={modelSizes} />
          <Title headingLevel="h2" size="lg">
            Storage classes
          </Title>
          <Table aria-label="Storage classes" variant="compact">
            <Thead>
              <Tr>
                <Th modifier="wrap">Name</Th>
                <Th modifier="wrap">Enabled</Th>
                <Th modifier="wrap">Can grow</Th>
              </Tr>
            </Thead>
            <Tbody>
              {storageClasses.map((each) => (
                <Tr key={each.name}>
                  <Td dataLabel="Name">
                    {each.displayName} {each.default && <Label isCompact>Default</Label>}
                    <div className="muted small">{each.description || each.name}</div>
                  </Td>
                  <Td dataLabel="Enabled">{each.enabled ? "yes" : "no"}</Td>
                  <Td dataLabel="Can grow">{each.canGrow ? "yes" : "no"}</Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
          <Title headingLevel="h2" size="lg">
            Accelerators
          </Title>
          {accelerators.length === 0 && <p>No node has one.</p>}
          <ul>
            {accelerators.map(({ identifier, displayName, available }) => (
              <li key={identifier}>
                {displayName} ({identifier}): {available}
              </li>
            ))}
          </ul>
        </div>
      )}
    </SettingsPage>
  );
}

function SizeTable({ title, sizes }: { title: string; sizes: Size[] }) {
  return (
    <>
      <Title headingLevel="h2" size="lg">
        {title}
      </Title>
      <Table aria-label={title} variant="compact">
        <Thead>
          <Tr>
            <Th modifier="wrap">Name</Th>
            <Th modifier="wrap">Requests</Th>
            <Th modifier="wrap">Limits</Th>
          </Tr>
        </Thead>
        <Tbody>
          {sizes.map(({ name, requests, limits }) => (
            <Tr key={name}>
              <Td dataLabel="Name">{name}</Td>
              <Td dataLabel="Requests">
                {requests.cpu} CPU, {requests.memory}
              </Td>
              <Td dataLabel="Limits">
                {limits.cpu} CPU, {limits.memory}
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
    </>
  );
}
