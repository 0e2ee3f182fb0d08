/** Deployed models: state with its reason, addresses, and what may be done. */
import { useState } from "react";
import type { Model } from "../api/types";
import { guardedAction, RowActions } from "../parts/RowActions";
import { WordLabel } from "../parts/WordLabel";
import { Button, Popover } from "../pf";
import { Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { openForm } from "../router";
import { useProject } from "./context";
import { Endpoint } from "./Endpoint";
import { formatInWords } from "./ModelModal";
import { TokenTable } from "./Tokens";

export function ModelTable({ models, routed = false, reason }: {
  models: Model[];
  /** Whether the server has a route. */
  routed?: boolean;
  reason: string | null;
}) {
  const guarded = (title: string, form: string, name: string) =>
    guardedAction(title, reason, () => openForm(form, name));
  return (
    <Table aria-label="Deployed models" variant="compact">
      <Thead>
        <Tr>
          <Th modifier="wrap">Model name</Th>
          <Th modifier="wrap">Inference endpoint</Th>
          <Th modifier="wrap">API protocol</Th>
          <Th modifier="wrap">Status</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {models.map((model) => (
          <Tr key={model.name}>
            <Td dataLabel="Model name">
              {model.displayName}
              <div className="muted small wide">
                {formatInWords(model.format)}, {model.connection?.displayName ?? "-"}:{" "}
                {model.path ?? "-"}
              </div>
              {model.platform === "single" && <SingleTokens model={model} />}
            </Td>
            <Td dataLabel="Inference endpoint">
              <Endpoint model={model} routed={routed || model.route === true} />
            </Td>
            <Td dataLabel="API protocol">{model.protocol ?? "-"}</Td>
            <Td dataLabel="Status">
              <ModelWord model={model} />
            </Td>
            <Td isActionCell>
              <RowActions
                items={[
                  guarded("Edit", "edit-model", model.name),
                  guarded("Delete", "delete-model", model.name),
                ]}
              />
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

export function ModelWord({ model }: { model: Model }) {
  const { word, state, message, cause } = model.status;
  return (
    <Popover
      headerContent={word}
      headerComponent="h3"
      bodyContent={<p className="wide">{cause ?? message ?? state}</p>}
    >
      <WordLabel
        word={word}
        of={model.displayName}
        onClick={() => undefined}
      />
    </Popover>
  );
}

function SingleTokens({ model }: { model: Model }) {
  const { project } = useProject();
  const [open, setOpen] = useState(false);
  if (!model.auth) return <div className="muted small">Tokens disabled</div>;
  return (
    <>
      <Button variant="link" isInline aria-expanded={open} onClick={() => setOpen(!open)}>
        Tokens ({model.tokens?.length ?? 0})
      </Button>
      {open && <TokenTable project={project.name} tokens={model.tokens ?? []} auth />}
    </>
  );
}
