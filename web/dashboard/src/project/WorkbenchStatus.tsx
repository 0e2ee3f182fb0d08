/** The word of a workbench's state, the latest event behind it, and the window with all of them. */
import type { ReactNode } from "react";
import type { StepState, Word, Workbench } from "../api/types";
import { WordLabel } from "../parts/WordLabel";
import {
  Alert,
  Button,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  Popover,
  Progress,
  ProgressStep,
  ProgressStepper,
  Title,
} from "../pf";
import { openForm } from "../router";
import { OpenLink, useSwitch } from "./Workbenches";

export function WorkbenchWord({ workbench }: { workbench: Workbench }) {
  const { status, name, displayName } = workbench;
  if (status.word === "Stopped" || status.word === "Stopping") {
    return <WordLabel word={status.word} />;
  }
  return (
    <Popover
      headerContent="Workbench status"
      headerComponent="h3"
      position="bottom"
      bodyContent={<p className="wide">{status.cause ?? latest(workbench)}</p>}
      footerContent={(hide) => (
        <Button
          variant="link"
          isInline
          onClick={() => {
            hide();
            openForm("workbench-status", name);
          }}
        >
          Event log
        </Button>
      )}
    >
      <WordLabel
        word={status.word}
        of={displayName}
        onClick={() => undefined}
      />
    </Popover>
  );
}

function latest({ status }: Workbench): string {
  return status.message ?? "Waiting for server request to start...";
}

const STEP: Record<StepState, "pending" | "info" | "success" | "danger"> = {
  pending: "pending",
  progress: "info",
  done: "success",
  failed: "danger",
};

const STEP_WORDS: Record<StepState, string> = {
  pending: "not yet",
  progress: "in progress",
  done: "done",
  failed: "failed",
};

const TITLES: Record<Word, string> = {
  Starting: "Starting workbench",
  Running: "Workbench is running",
  Stopping: "Stopping workbench",
  Stopped: "Workbench is stopped",
  Failed: "Workbench has failed",
};

export function StatusWindow({ workbench, onClose }: {
  workbench: Workbench;
  onClose: () => void;
}) {
  const { status, displayName } = workbench;
  const { busy, turn } = useSwitch(workbench);
  const running = status.word === "Running";
  return (
    <Modal isOpen variant="medium" onClose={onClose} aria-labelledby="status-title">
      <ModalHeader
        title={TITLES[status.word]}
        labelId="status-title"
        description={displayName}
      />
      <ModalBody tabIndex={0} aria-label="Progress and event log">
        <Progress
          aria-label={`Progress of ${displayName}`}
          title={latest(workbench)}
          value={status.percent}
          variant={status.word === "Failed" ? "danger" : running ? "success" : undefined}
        />
        {status.cause && (
          <>
            <br />
            <Alert component="p" variant="danger" isInline title="The workbench cannot start">
              {status.cause}
            </Alert>
          </>
        )}
        <br />
        {status.steps.length > 0 && (
          <ProgressStepper isVertical aria-label="Steps of the start">
            {status.steps.map(({ label, state }) => (
              <ProgressStep
                key={label}
                id={`step-${label}`}
                titleId={`step-title-${label}`}
                variant={STEP[state]}
                isCurrent={state === "progress"}
                aria-label={`${label}: ${STEP_WORDS[state]}`}
              >
                {label}
              </ProgressStep>
            ))}
          </ProgressStepper>
        )}
        <br />
        <Title headingLevel="h2" size="md">
          Event log
        </Title>
        <EventLog workbench={workbench} />
      </ModalBody>
      <ModalFooter>
        {running && <OpenLink workbench={workbench} />}
        {status.word !== "Stopped" && status.word !== "Stopping" && (
          <Button variant="secondary" isDisabled={busy} onClick={() => void turn("stop")}>
            Stop workbench
          </Button>
        )}
        <Button variant="link" onClick={onClose}>
          Close
        </Button>
      </ModalFooter>
    </Modal>
  );
}

function EventLog({ workbench }: { workbench: Workbench }) {
  const lines: ReactNode[] = workbench.status.events.map(({ time, type, message }, index) => (
    <li key={index}>
      <time dateTime={time}>{new Date(time).toLocaleTimeString("en", { hour12: false })}</time> [
      {type}] {message}
    </li>
  ));
  return (
    <ul className="event-log" aria-label="Event log" tabIndex={0}>
      <li>Server requested</li>
      {lines}
    </ul>
  );
}
