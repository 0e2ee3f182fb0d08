/** Model servers; their models and tokens open below the counts. */
import { useState } from "react";
import type { Models, Server } from "../api/types";
import { GuardedButton } from "../parts/common";
import { guardedAction, RowActions } from "../parts/RowActions";
import { ExpandableRowContent, Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { openForm } from "../router";
import { useProject } from "./context";
import { ModelTable } from "./ModelTable";
import { TokenTable } from "./Tokens";

type Opened = "models" | "tokens";

export function ServerTable({ models, reason }: { models: Models; reason: string | null }) {
  // Models are what one looks for: they are open until closed.
  const [closed, setClosed] = useState<Record<string, Opened | null>>({});
  return (
    <Table aria-label="Model servers" isExpandable hasAnimations={false}>
      <Thead>
        <Tr>
          <Th modifier="wrap">Model Server Name</Th>
          <Th modifier="wrap">Serving Runtime</Th>
          <Th modifier="wrap">Deployed models</Th>
          <Th modifier="wrap">Tokens</Th>
          <Th screenReaderText="Deploy" />
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      {models.servers.map((server) => (
        <ServerRow
          key={server.name}
          server={server}
          models={models}
          reason={reason}
          opened={closed[server.name] === undefined ? "models" : closed[server.name]!}
          onOpen={(which) => setClosed((before) => ({ ...before, [server.name]: which }))}
        />
      ))}
    </Table>
  );
}

function ServerRow({ server, models, reason, opened, onOpen }: {
  server: Server;
  models: Models;
  reason: string | null;
  opened: Opened | null;
  onOpen: (which: Opened | null) => void;
}) {
  const { project } = useProject();
  const mine = models.items.filter((model) => model.server === server.name);
  const toggle = (which: Opened) => ({
    isExpanded: opened === which,
    onToggle: () => onOpen(opened === which ? null : which),
    expandId: `${server.name}-${which}`,
  });
  const guarded = (title: string, form: string) =>
    guardedAction(title, reason, () => openForm(form, server.name));
  return (
    <Tbody isExpanded={opened !== null}>
      <Tr isControlRow>
        <Td dataLabel="Model Server Name">
          {server.displayName}
          <div className="muted small">{server.name}</div>
        </Td>
        <Td dataLabel="Serving Runtime">{server.runtime.displayName}</Td>
        <Td dataLabel="Deployed models" compoundExpand={toggle("models")}>
          {mine.length} <span className="pf-v6-screen-reader">deployed models</span>
        </Td>
        <Td dataLabel="Tokens" compoundExpand={toggle("tokens")}>
          {server.auth ? server.tokens.length : "Tokens disabled"}{" "}
          <span className="pf-v6-screen-reader">tokens</span>
        </Td>
        <Td dataLabel="Deploy">
          <GuardedButton
            variant="secondary"
            size="sm"
            reason={reason}
            onClick={() => openForm("model", server.name)}
          >
            Deploy model
          </GuardedButton>
        </Td>
        <Td isActionCell>
          <RowActions
            items={[
              guarded("Edit model server", "server"),
              guarded("Delete model server", "delete-server"),
            ]}
          />
        </Td>
      </Tr>
      {opened !== null && (
        <Tr isExpanded>
          <Td colSpan={6} noPadding>
            <ExpandableRowContent>
              {opened === "models" ? (
                mine.length ? (
                  <ModelTable models={mine} routed={server.route} reason={reason} />
                ) : (
                  <p>No model is deployed on this server yet.</p>
                )
              ) : (
                <TokenTable project={project.name} tokens={server.tokens} auth={server.auth} />
              )}
            </ExpandableRowContent>
          </Td>
        </Tr>
      )}
    </Tbody>
  );
}
