/** A status word with its colour and its icon; never a colour alone. */
import CheckCircleIcon from "@patternfly/react-icons/dist/dynamic/icons/check-circle-icon";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/dynamic/icons/exclamation-circle-icon";
import InProgressIcon from "@patternfly/react-icons/dist/dynamic/icons/in-progress-icon";
import OffIcon from "@patternfly/react-icons/dist/dynamic/icons/off-icon";
import SyncAltIcon from "@patternfly/react-icons/dist/dynamic/icons/sync-alt-icon";
import QuestionCircleIcon from "@patternfly/react-icons/dist/dynamic/icons/question-circle-icon";
import { Label, type LabelProps } from "../pf";

const LOOKS: Record<string, Pick<LabelProps, "color" | "status" | "icon">> = {
  Starting: { color: "blue", icon: <InProgressIcon /> },
  Running: { status: "success", icon: <CheckCircleIcon /> },
  Stopping: { color: "grey", icon: <SyncAltIcon /> },
  Stopped: { color: "grey", icon: <OffIcon /> },
  Failed: { status: "danger", icon: <ExclamationCircleIcon /> },
  Available: { status: "success", icon: <CheckCircleIcon /> },
  "In Progress": { color: "blue", icon: <InProgressIcon /> },
  "Status Unknown": { status: "warning", icon: <QuestionCircleIcon /> },
};

export function WordLabel({ word, of, ...more }: {
  word: string;
  /** Whose state it is, for who hears the word alone. */
  of?: string;
} & Omit<LabelProps, "ref">) {
  return (
    <Label isCompact {...LOOKS[word]} {...more}>
      {word}
      {of && <span className="pf-v6-screen-reader">, status of {of}</span>}
    </Label>
  );
}
