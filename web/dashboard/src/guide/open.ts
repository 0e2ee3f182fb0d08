/** Whether the guide is open: kept in this browser, so that it stays beside the work on reload. */
import { useSyncExternalStore } from "react";

const KEY = "dashboard:guide";
const CHANGED = "dashboard:guide-changed";

const isOpen = () => window.localStorage.getItem(KEY) === "open";

export function showGuide(open: boolean): void {
  if (open) window.localStorage.setItem(KEY, "open");
  else window.localStorage.removeItem(KEY);
  window.dispatchEvent(new Event(CHANGED));
}

export function useGuideOpen(): boolean {
  return useSyncExternalStore((changed) => {
    window.addEventListener(CHANGED, changed);
    window.addEventListener("storage", changed);
    return () => {
      window.removeEventListener(CHANGED, changed);
      window.removeEventListener("storage", changed);
    };
  }, isOpen);
}
