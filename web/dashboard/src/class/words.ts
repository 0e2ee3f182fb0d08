/** The board's figures in words. */
import type { ClassBoard } from "../api/types";

export function cores(millicores: number): string {
  return `${(millicores / 1000).toFixed(2)} cores`;
}

export function mebibytes(bytes: number): string {
  const mebi = bytes / 2 ** 20;
  return mebi < 1024 ? `${Math.round(mebi)} MiB` : `${(mebi / 1024).toFixed(1)} GiB`;
}

const one = (count: number, singular: string, plural: string) =>
  `${count} ${count === 1 ? singular : plural}`;

/** How the class stands, in a sentence. */
export function summary({ seats, steps, whole }: ClassBoard): string {
  const last = steps.length - 1;
  const arrived = seats.filter(({ number }) => number === last).length;
  const wrong = seats.filter(({ error }) => error !== null).length;
  const cpu = seats.reduce((sum, seat) => sum + seat.cpu, 0);
  const memory = seats.reduce((sum, seat) => sum + seat.memory, 0);
  const told = [
    `${one(seats.length, "seat", "seats")}: ${one(arrived, "has", "have")} recognised a digit, ` +
      `${wrong === 0 ? "nothing is wrong" : `something is wrong in ${wrong}`}.`,
    `Together they take ${cores(cpu)} and ${mebibytes(memory)}.`,
  ];
  if (!whole) told.push("Not every seat's services have answered yet.");
  return told.join(" ");
}
