/** The class at one look: how far each seat is, what is wrong there, what it takes. */
import UsersIcon from "@patternfly/react-icons/dist/dynamic/icons/users-icon";
import LockIcon from "@patternfly/react-icons/dist/dynamic/icons/lock-icon";
import { useClassStream } from "../api/live";
import type { ClassBoard, SeatRow } from "../api/types";
import { Age, Empty, Shown, TitledPage } from "../parts/common";
import { RowActions } from "../parts/RowActions";
import { WordLabel } from "../parts/WordLabel";
import { Alert, Button, Progress, ProgressMeasureLocation, ProgressSize, Toolbar, ToolbarContent, ToolbarItem } from "../pf";
import { type IAction, Table, Tbody, Td, Th, Thead, Tr } from "../pf";
import { closeForm, go, Link, openForm, usePlace } from "../router";
import { useSession } from "../session";
import { MessageModal } from "./MessageModal";
import { StopIdleModal } from "./StopIdleModal";
import { cores, mebibytes, summary } from "./words";

export default function ClassPage() {
  const { instructor } = useSession();
  return (
    <TitledPage
      title="Class"
      description="How far each seat is, what is wrong there, and what it takes of the cluster."
    >
      {instructor ? (
        <Live />
      ) : (
        <Empty level="h2" title="Access permissions needed" icon={LockIcon}>
          The class is for those who see every project. Ask whoever runs this cluster.
        </Empty>
      )}
    </TitledPage>
  );
}

function Live() {
  const { data, failures } = useClassStream();
  return (
    <Shown level="h2" data={data.class} failure={failures.all ?? failures.class} what="the class">
      {(board) =>
        board.seats.length === 0 ? (
          <Empty level="h2" title="There is no class yet" icon={UsersIcon}>
            <code>./lab class add 10</code> makes ten seats, with an account and a page to print for each.
          </Empty>
        ) : (
          <Board board={board} />
        )
      }
    </Shown>
  );
}

function Board({ board }: { board: ClassBoard }) {
  const { query } = usePlace();
  const form = query.get("form");
  const about = query.get("about");
  const seats = about === null ? null : board.seats.filter(({ namespace }) => namespace === about);
  return (
    <>
      <Toolbar>
        <ToolbarContent>
          <ToolbarItem>
            <Button variant="secondary" onClick={() => openForm("message")}>
              Message to all
            </Button>
          </ToolbarItem>
          <ToolbarItem>
            <Button variant="secondary" onClick={() => openForm("stop-idle")}>
              Stop idle workbenches
            </Button>
          </ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      <p className="section-description" role="status">
        {summary(board)}
      </p>
      <Seats board={board} />
      {form === "message" && <MessageModal seats={seats} onClose={closeForm} />}
      {form === "stop-idle" && <StopIdleModal onClose={closeForm} />}
      {form === "catch-up" && seats?.[0] && <CatchUp seat={seats[0]} />}
    </>
  );
}

/** Bringing a seat forward trains, serves or removes: that is the instructor's own command. */
function CatchUp({ seat }: { seat: SeatRow }) {
  return (
    <Alert
      component="h2"
      variant="info"
      isInline
      title={`Bring ${seat.namespace} to a step`}
      actionLinks={
        <Button variant="link" isInline onClick={closeForm}>
          Close
        </Button>
      }
    >
      In a terminal of the lab: <code>./lab reset --seat {seat.namespace} --to trained --check --diff</code>{" "}
      shows what would be done; without <code>--check --diff</code> it is done. Steps are project,
      workbench, trained, served and complete.
    </Alert>
  );
}

function Seats({ board }: { board: ClassBoard }) {
  return (
    <Table aria-label="Seats of the class" variant="compact">
      <Thead>
        <Tr>
          <Th modifier="wrap">Seat</Th>
          <Th modifier="wrap">Step</Th>
          <Th modifier="wrap">Since</Th>
          <Th modifier="wrap">Last activity</Th>
          <Th modifier="wrap">Takes</Th>
          <Th modifier="wrap">Workbench</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {board.seats.map((seat) => (
          <Seat key={seat.namespace} seat={seat} most={board.steps.length - 1} />
        ))}
      </Tbody>
    </Table>
  );
}

function Seat({ seat, most }: { seat: SeatRow; most: number }) {
  const { namespace, learner, name, error, message } = seat;
  const who = [learner, name].filter(Boolean).join(", ");
  return (
    <Tr>
      <Td dataLabel="Seat">
        {seat.step === "none" ? namespace : <Link href={seat.url}>{namespace}</Link>}
        {who && <div className="muted small">{who}</div>}
      </Td>
      <Td dataLabel="Step">
        <Progress
          className="seat-step"
          title={seat.label}
          value={seat.number}
          min={0}
          max={most}
          size={ProgressSize.sm}
          measureLocation={ProgressMeasureLocation.outside}
          label={`${seat.number} of ${most}`}
          valueText={`${seat.label}, step ${seat.number} of ${most}`}
          variant={error ? "danger" : seat.number === most ? "success" : undefined}
        />
        {error && <div className="small wide seat-error">{error}</div>}
        {message && <div className="muted small wide">Told: {message.text}</div>}
      </Td>
      <Td dataLabel="Since">
        <Age of={seat.since} />
      </Td>
      <Td dataLabel="Last activity">
        <Age of={seat.lastActivity} />
      </Td>
      <Td dataLabel="Takes">
        {cores(seat.cpu)}, {mebibytes(seat.memory)}
      </Td>
      <Td dataLabel="Workbench">
        {seat.workbench ? <WordLabel word={seat.workbench.word} of={namespace} /> : "-"}
      </Td>
      <Td isActionCell>
        <RowActions items={actions(seat)} />
      </Td>
    </Tr>
  );
}

function actions({ namespace, url, workbench, step }: SeatRow): IAction[] {
  const made = step !== "none";
  return [
    { title: "Open the project", isDisabled: !made, onClick: () => go(url) },
    {
      title: "Open the workbench",
      isDisabled: !workbench?.url,
      onClick: () => window.open(workbench?.url ?? "", "_blank", "noreferrer"),
    },
    { title: "Message", isDisabled: !made, onClick: () => openForm("message", namespace) },
    { title: "Bring to a step", isDisabled: !made, onClick: () => openForm("catch-up", namespace) },
  ];
}
