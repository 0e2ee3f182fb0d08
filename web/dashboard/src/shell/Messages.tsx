/** What the instructor tells the reader's seats. */
import { useRead } from "../api/useRead";
import type { SeatMessage } from "../api/types";
import { Banner } from "../pf";

/** Milliseconds between looks for a message. */
const LOOK_AGAIN = 10_000;

export function Messages() {
  const { data } = useRead<{ items: SeatMessage[] }>("/api/messages", LOOK_AGAIN);
  const items = data?.items ?? [];
  return (
    <div role="status" aria-live="polite" id="messages">
      {items.map(({ namespace, text, sent }) => (
        <Banner key={`${namespace} ${sent}`} status="info" screenReaderText="Message of your instructor">
          {items.length > 1 && <strong>{namespace}: </strong>}
          <span className="wide">{text}</span>
        </Banner>
      ))}
    </div>
  );
}
