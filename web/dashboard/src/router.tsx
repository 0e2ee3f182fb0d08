/** Where the reader is: the address bar is the only state, so back, reload and a second tab work. */
import { type AnchorHTMLAttributes, type MouseEvent, useMemo, useSyncExternalStore } from "react";

const MOVED = "dashboard:moved";

function subscribe(changed: () => void): () => void {
  window.addEventListener("popstate", changed);
  window.addEventListener(MOVED, changed);
  return () => {
    window.removeEventListener("popstate", changed);
    window.removeEventListener(MOVED, changed);
  };
}

const address = () => window.location.pathname + window.location.search;

export interface Place {
  path: string;
  /** The path's parts, decoded: /projects/mnist is ["projects", "mnist"]. */
  parts: string[];
  query: URLSearchParams;
}

export function usePlace(): Place {
  const now = useSyncExternalStore(subscribe, address);
  return useMemo(() => {
    const url = new URL(now, window.location.origin);
    const parts = url.pathname.split("/").filter(Boolean).map(decode);
    return { path: url.pathname, parts, query: url.searchParams };
  }, [now]);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function go(to: string, { replace = false } = {}): void {
  if (to === address()) return;
  if (replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  window.dispatchEvent(new Event(MOVED));
  if (!replace) window.scrollTo(0, 0);
}

/** The same page with other values in its query; null takes one out. */
export function withQuery(values: Record<string, string | null>): string {
  const query = new URLSearchParams(window.location.search);
  for (const [key, value] of Object.entries(values)) {
    if (value === null) query.delete(key);
    else query.set(key, value);
  }
  const text = query.toString();
  return window.location.pathname + (text ? `?${text}` : "");
}

/** A window over the page that is part of the address: sign-in and back lead to it again. */
export function openForm(form: string, about: string | null = null): void {
  go(withQuery({ form, about }));
}

export function closeForm(): void {
  go(withQuery({ form: null, about: null }), { replace: true });
}

/** Follow a link without loading the page anew, unless the reader wants another tab. */
export function follow(event: MouseEvent<HTMLElement>): void {
  const link = (event.target as HTMLElement).closest("a");
  const ours = link !== null && link.origin === window.location.origin && !link.target;
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  if (!ours || !plain || event.defaultPrevented || link.dataset.leave !== undefined) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

export function Link(properties: AnchorHTMLAttributes<HTMLAnchorElement>) {
  return <a {...properties} onClick={follow} />;
}
