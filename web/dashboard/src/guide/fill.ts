/** A seat's own names and addresses in the guide's text. */
import type { GuideSeat } from "../api/types";

/** Replace the places that guide.mjs left; a link to what is not there yet is its words alone. */
export function fill(text: string, seat: GuideSeat): string {
  const addresses = new Map<string, string | null>(
    Object.entries(seat.addresses).map(([name, url]) => [name.toUpperCase(), url]),
  );
  return text
    .replaceAll("%NAMESPACE%", seat.namespace)
    .replace(/\[([^\]]*)\]\(%([A-Z]+)%\)/g, (_, words: string, place: string) => {
      const url = addresses.get(place);
      return url ? `[${words}](${url})` : words;
    });
}

const SHOWN: [keyof GuideSeat["addresses"], string][] = [
  ["workbench", "Workbench"],
  ["pipelines", "Pipelines"],
  ["store", "Object store"],
  ["page", "Page to draw on"],
];

/** The seat's addresses as a list, in the guide's own Markdown. */
export function addressList(seat: GuideSeat): string {
  const lines = SHOWN.map(([name, label]) => {
    const url = seat.addresses[name];
    return url ? `- ${label}: [${new URL(url).host}](${url})` : `- ${label}: not there yet`;
  });
  return ["**Your project and its addresses**", "", ...lines].join("\n");
}

/** The project of an address of the dashboard; null where it names none. */
export function projectOf(parts: string[]): string | null {
  const [first, project] = parts;
  return (first === "projects" || first === "modelServing" || first === "pipelines") && project
    ? project
    : null;
}
