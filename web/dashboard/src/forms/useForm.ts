/**
 * A form: its values, what is wrong with them, and its one submission.
 *
 * Nothing is sent while a field is wrong. While a submission runs no second one starts, so a double
 * click makes nothing twice. A failure leaves everything as it was entered. Where the session has
 * ended, what was entered (but no secret) is kept in this tab until the reader is back.
 */
import { useEffect, useRef, useState } from "react";
import { inWords, LEAVING_EVENT, Refusal } from "../api/client";

export type Faults = Record<string, string | null | undefined>;

export interface FormOptions<Values> {
  /** Where a draft is kept; different for each form of the page. */
  key: string;
  initial: Values;
  check(values: Values): Faults;
  /** What may be kept outside the page; without it all. Never a secret. */
  kept?(values: Values): Partial<Values>;
}

export interface Form<Values> {
  values: Values;
  set(change: Partial<Values>): void;
  /** The sentence to show at a field: only once it was touched, or the server named it. */
  fault(field: string): string | undefined;
  touch(field: string): void;
  valid: boolean;
  busy: boolean;
  failure: string | null;
  refusal: Refusal | null;
  submit(send: () => Promise<void>): Promise<void>;
  /** Show sentences at fields, as the server's answer does. */
  tell(fields: Record<string, string>): void;
}

const draftKey = (key: string) => `dashboard:draft:${key}`;

function draft<Values extends object>(key: string, initial: Values): Values {
  try {
    const kept = window.sessionStorage.getItem(draftKey(key));
    return kept === null ? initial : { ...initial, ...(JSON.parse(kept) as Partial<Values>) };
  } catch {
    return initial;
  }
}

export function useForm<Values extends object>(options: FormOptions<Values>): Form<Values> {
  const { key, check, kept } = options;
  const [values, setValues] = useState(() => draft(key, options.initial));
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [told, setTold] = useState<Record<string, string>>({});
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const running = useRef(false);
  const latest = useRef(values);
  latest.current = values;

  // Only once the form is there: React may draw it and throw that away before it is shown.
  useEffect(() => window.sessionStorage.removeItem(draftKey(key)), [key]);
  useEffect(() => {
    const keep = () => {
      const plain = kept ? kept(latest.current) : latest.current;
      window.sessionStorage.setItem(draftKey(key), JSON.stringify(plain));
    };
    window.addEventListener(LEAVING_EVENT, keep);
    return () => window.removeEventListener(LEAVING_EVENT, keep);
  });

  const faults = check(values);
  const valid = Object.values(faults).every((fault) => !fault);

  return {
    values,
    valid,
    busy,
    failure,
    refusal,
    set(change) {
      setValues((before) => ({ ...before, ...change }));
      // What the server said of a field holds until the field, or what is below it, changes.
      setTold((before) => {
        const changed = Object.keys(change);
        const stays = ([field]: [string, string]) =>
          !changed.some((key) => field === key || field.startsWith(`${key}.`));
        return Object.fromEntries(Object.entries(before).filter(stays));
      });
    },
    fault(field) {
      return told[field] ?? ((touched.has(field) && faults[field]) || undefined);
    },
    touch(field) {
      setTouched((before) => (before.has(field) ? before : new Set([...before, field])));
    },
    async submit(send) {
      if (running.current) return;
      if (!valid) {
        setTouched(new Set(Object.keys(faults)));
        return;
      }
      running.current = true;
      setBusy(true);
      setFailure(null);
      setRefusal(null);
      try {
        await send();
      } catch (error) {
        setFailure(inWords(error));
        if (error instanceof Refusal) {
          setRefusal(error);
          setTold(error.fields);
        }
      } finally {
        running.current = false;
        setBusy(false);
      }
    },
    tell(fields) {
      setTold((before) => ({ ...before, ...fields }));
    },
  };
}
