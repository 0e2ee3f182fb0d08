/** PatternFly's dark theme: as the reader's system has it, until they choose another. */
import { useSyncExternalStore } from "react";

const KEY = "dashboard:theme";
const CHANGED = "dashboard:theme-changed";
const system = () => window.matchMedia("(prefers-color-scheme: dark)");

export type Theme = "light" | "dark";

export function theme(): Theme {
  const chosen = window.localStorage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") return chosen;
  return system().matches ? "dark" : "light";
}

export function applyTheme(): void {
  document.documentElement.classList.toggle("pf-v6-theme-dark", theme() === "dark");
}

export function chooseTheme(chosen: Theme): void {
  window.localStorage.setItem(KEY, chosen);
  applyTheme();
  window.dispatchEvent(new Event(CHANGED));
}

export function useTheme(): Theme {
  return useSyncExternalStore((changed) => {
    const told = () => {
      applyTheme();
      changed();
    };
    window.addEventListener(CHANGED, told);
    system().addEventListener("change", told);
    return () => {
      window.removeEventListener(CHANGED, told);
      system().removeEventListener("change", told);
    };
  }, theme);
}
