/** Tokens: hidden until asked for, and copied without being shown. */
import { useState } from "react";
import CopyIcon from "@patternfly/react-icons/dist/dynamic/icons/copy-icon";
import EyeIcon from "@patternfly/react-icons/dist/dynamic/icons/eye-icon";
import EyeSlashIcon from "@patternfly/react-icons/dist/dynamic/icons/eye-slash-icon";
import { at, inWords, read } from "../api/client";
import type { Token } from "../api/types";
import { copyText } from "../parts/copy";
import { Alert, Button, InputGroup, InputGroupItem, TextInput } from "../pf";
import { Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { useToasts } from "../shell/toasts";

export function TokenTable({ project, tokens, auth }: {
  project: string;
  tokens: Token[];
  auth: boolean;
}) {
  if (!auth) return <p>Tokens disabled: the server takes calls without a token.</p>;
  return (
    <Table aria-label="Tokens" variant="compact" borders={false}>
      <Thead>
        <Tr>
          <Th modifier="wrap">Token name</Th>
          <Th modifier="wrap">Token secret</Th>
        </Tr>
      </Thead>
      <Tbody>
        {tokens.map((token) => (
          <Tr key={token.secret}>
            <Td dataLabel="Token name">
              {token.name}
              <div className="muted small">Secret {token.secret}</div>
            </Td>
            <Td dataLabel="Token secret">
              <TokenValue project={project} token={token} />
            </Td>
          </Tr>
        ))}
        {tokens.length === 0 && (
          <Tr>
            <Td colSpan={2}>There is no token yet.</Td>
          </Tr>
        )}
      </Tbody>
    </Table>
  );
}

const HIDDEN = "•".repeat(24);

function TokenValue({ project, token }: { project: string; token: Token }) {
  const [value, setValue] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const toast = useToasts();
  const ask = async (): Promise<string | null> => {
    try {
      const path = at(project, "tokens", token.secret);
      const answer = await read<{ token: string | null; message?: string | null }>(path);
      setFailure(answer.token === null ? (answer.message ?? "Failed to get token.") : null);
      return answer.token;
    } catch (error) {
      setFailure(inWords(error));
      return null;
    }
  };
  const show = async () => setValue(value === null ? await ask() : null);
  const copy = async () => {
    const text = value ?? (await ask());
    if (text === null) return;
    const done = await copyText(text);
    toast(
      done
        ? { variant: "success", title: `The token ${token.name} is copied` }
        : { variant: "warning", title: "The browser does not let the page copy: show the token" },
    );
  };
  return (
    <div className="token">
      <InputGroup>
        <InputGroupItem isFill>
          <TextInput
            readOnlyVariant="default"
            aria-label={`Token ${token.name}`}
            value={value ?? HIDDEN}
          />
        </InputGroupItem>
        <InputGroupItem>
          <Button
            variant="control"
            aria-label={`${value === null ? "Show" : "Hide"} token ${token.name}`}
            icon={value === null ? <EyeIcon /> : <EyeSlashIcon />}
            onClick={() => void show()}
          />
        </InputGroupItem>
        <InputGroupItem>
          <Button
            variant="control"
            aria-label={`Copy token ${token.name}`}
            icon={<CopyIcon />}
            onClick={() => void copy()}
          />
        </InputGroupItem>
      </InputGroup>
      {failure && <Alert component="p" isInline isPlain isLiveRegion variant="danger" title={failure} />}
    </div>
  );
}
