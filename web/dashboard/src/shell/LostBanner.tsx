/** Says that the cluster does not answer, and goes when it does again. */
import { useEffect, useState } from "react";
import { LOST_EVENT, read, Refusal } from "../api/client";
import { FOUND_EVENT } from "../api/live";
import { Banner } from "../pf";

/** Milliseconds between looks for the server while it is lost. */
const LOOK_AGAIN = 2000;

export function LostBanner() {
  const [lost, setLost] = useState(false);
  useEffect(() => {
    const onLost = () => setLost(true);
    const onFound = () => setLost(false);
    window.addEventListener(LOST_EVENT, onLost);
    window.addEventListener(FOUND_EVENT, onFound);
    return () => {
      window.removeEventListener(LOST_EVENT, onLost);
      window.removeEventListener(FOUND_EVENT, onFound);
    };
  }, []);
  useEffect(() => {
    if (!lost) return undefined;
    const timer = window.setInterval(() => {
      // The list of projects is asked of the cluster; the session could be known without it.
      read("/api/projects").then(
        () => window.dispatchEvent(new CustomEvent(FOUND_EVENT)),
        (error: unknown) => {
          if (error instanceof Refusal && !error.isLost) {
            window.dispatchEvent(new CustomEvent(FOUND_EVENT));
          }
        },
      );
    }, LOOK_AGAIN);
    return () => window.clearInterval(timer);
  }, [lost]);
  return (
    <div role="status" aria-live="polite" id="lost">
      {lost && (
        <Banner status="danger" screenReaderText="Connection lost">
          The cluster does not answer. What you see may be old; the page goes on by itself.
        </Banner>
      )}
    </div>
  );
}
