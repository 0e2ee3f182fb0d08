/** What is read once for a page or a form, with its failure. */
import { useCallback, useEffect, useState } from "react";
import { read, Refusal } from "./client";

export interface Reading<Answer> {
  data?: Answer;
  failure?: Refusal;
  again(): void;
}

/** Read a path; null reads nothing. `every` in milliseconds reads it again and again. */
export function useRead<Answer>(path: string | null, every?: number): Reading<Answer> {
  const [state, setState] = useState<{ path: string | null; data?: Answer; failure?: Refusal }>({
    path,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === null) return undefined;
    const ended = new AbortController();
    read<Answer>(path, ended.signal).then(
      (data) => setState({ path, data }),
      (failure: unknown) => {
        if (failure instanceof Refusal) setState((was) => ({ path, data: was.data, failure }));
      },
    );
    const timer = every
      ? window.setTimeout(() => setTurn((now) => now + 1), document.hidden ? every * 6 : every)
      : 0;
    return () => {
      ended.abort();
      window.clearTimeout(timer);
    };
  }, [path, turn, every]);
  const again = useCallback(() => setTurn((now) => now + 1), []);
  const current = state.path === path;
  return { data: current ? state.data : undefined, failure: current ? state.failure : undefined, again };
}
