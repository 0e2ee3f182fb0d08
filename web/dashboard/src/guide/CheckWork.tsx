/** *Check my work*: what the checks of a part say of this seat, green or with what to do. */
import { useState } from "react";
import CheckCircleIcon from "@patternfly/react-icons/dist/dynamic/icons/check-circle-icon";
import TimesCircleIcon from "@patternfly/react-icons/dist/dynamic/icons/times-circle-icon";
import { at, inWords, write } from "../api/client";
import type { PartChecked, WorkCheck } from "../api/types";
import { Alert, Button, Icon } from "../pf";

export function CheckWork({
  project,
  part,
  found,
  tell,
}: {
  project: string;
  part: number;
  /** What was found the last time. */
  found: PartChecked | undefined;
  tell(found: PartChecked): void;
}) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const check = async () => {
    setBusy(true);
    setFailure(null);
    try {
      tell(await write<PartChecked>("POST", at(project, "guide", String(part), "check")));
    } catch (error) {
      setFailure(inWords(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="check-work" aria-live="polite">
      <Button variant="secondary" isLoading={busy} isDisabled={busy} onClick={() => void check()}>
        {busy ? "Checking your work" : "Check my work"}
      </Button>
      {failure && <Alert component="p" isInline variant="danger" title={failure} />}
      {found && !busy && <Result found={found} />}
    </div>
  );
}

function Result({ found }: { found: PartChecked }) {
  const wrong = found.items.filter((item) => !item.ok).length;
  const title = found.ok
    ? "All of this part is done"
    : `${wrong} of ${found.items.length} things are not there yet`;
  return (
    <Alert component="h4" isInline variant={found.ok ? "success" : "danger"} title={title}>
      <ul className="check-items">
        {found.items.map((item) => (
          <Item key={item.title} item={item} />
        ))}
      </ul>
      <p className="muted small">
        Asked in {found.seconds.toFixed(1)} s, as you. Not looked at: {found.leftOut.join("; ")}.
      </p>
    </Alert>
  );
}

function Item({ item }: { item: WorkCheck }) {
  return (
    <li>
      <Icon status={item.ok ? "success" : "danger"}>
        {item.ok ? <CheckCircleIcon /> : <TimesCircleIcon />}
      </Icon>
      <div>
        <span className="pf-v6-screen-reader">{item.ok ? "Done: " : "Not yet: "}</span>
        {item.title}
        {item.cause && <p className="wide">{item.cause}</p>}
        {item.remedy && <p className="wide muted">{item.remedy}</p>}
      </div>
    </li>
  );
}
