/** What the forms of a run and of a schedule hold, and what is wrong with it. */
import type { PipelineParameter, RunForm, ScheduleForm, Trigger } from "../api/types";
import { cron, filled, parameterValue, wholeNumber } from "../forms/checks";
import type { Faults } from "../forms/useForm";

export const SECONDS: Record<string, number> = {
  minute: 60,
  hour: 3600,
  day: 86400,
  week: 604800,
};

export interface RunValues {
  displayName: string;
  description: string;
  version: string;
  /** What is typed for each parameter, by `parameters.NAME`. */
  parameters: Record<string, string>;
  trigger: "periodic" | "cron";
  every: number;
  unit: string;
  cron: string;
  maximumConcurrent: number;
  start: string;
  end: string;
  catchUp: boolean;
}

/** What stands in a parameter's field before anything is typed. */
export function shownDefault({ default: value, type }: PipelineParameter): string {
  if (value === null || value === undefined) return type.toUpperCase() === "BOOLEAN" ? "false" : "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function checkRun(
  values: RunValues,
  parameters: PipelineParameter[],
  scheduled: boolean,
): Faults {
  const faults: Faults = {
    displayName:
      filled(values.displayName, "a name") ??
      (values.displayName.trim().length > 255 ? "A name has at most 255 characters." : null),
    version: values.version ? null : "Choose a version.",
  };
  for (const parameter of parameters) {
    faults[`parameters.${parameter.name}`] = parameterFault(parameter, values.parameters);
  }
  return scheduled ? { ...faults, ...checkTrigger(values) } : faults;
}

function parameterFault(
  { name, type, optional }: PipelineParameter,
  typed: Record<string, string>,
): string | null {
  const text = typed[name] ?? "";
  if (text.trim() === "") return optional || type.toUpperCase() === "STRING" ? null : "Enter a value.";
  try {
    parameterValue(text, type);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function checkTrigger(values: RunValues): Faults {
  const { start, end } = values;
  return {
    ...(values.trigger === "cron"
      ? { "trigger.cron": cron(values.cron) }
      : { "trigger.seconds": wholeNumber(values.every, 1, 9999) }),
    maximumConcurrent: wholeNumber(values.maximumConcurrent, 1, 10),
    end: start && end && end <= start ? "The end is not after the start." : null,
  };
}

export function runOf(
  values: RunValues,
  pipeline: string,
  parameters: PipelineParameter[],
): RunForm {
  const given = parameters.flatMap((parameter) => {
    const text = values.parameters[parameter.name] ?? "";
    // What is left empty and optional is left to the pipeline.
    if (text.trim() === "" && parameter.optional) return [];
    return [[parameter.name, parameterValue(text, parameter.type)] as const];
  });
  return {
    displayName: values.displayName.trim(),
    description: values.description,
    pipeline,
    version: values.version,
    parameters: Object.fromEntries(given),
  };
}

const moment = (local: string) => (local ? new Date(local).toISOString() : null);

export function scheduleOf(
  values: RunValues,
  pipeline: string,
  parameters: PipelineParameter[],
): ScheduleForm {
  const trigger: Trigger =
    values.trigger === "cron"
      ? { kind: "cron", cron: values.cron.trim() }
      : { kind: "periodic", seconds: values.every * (SECONDS[values.unit] ?? 1) };
  return {
    ...runOf(values, pipeline, parameters),
    trigger,
    maximumConcurrent: values.maximumConcurrent,
    start: moment(values.start),
    end: moment(values.end),
    catchUp: values.catchUp,
  };
}

/** "every 2 days", for the table of schedules. */
export function triggerInWords(trigger: Trigger | null): string {
  if (trigger === null) return "once";
  if (trigger.kind === "cron") return trigger.cron;
  const [unit, length] =
    Object.entries(SECONDS)
      .reverse()
      .find(([, seconds]) => trigger.seconds % seconds === 0) ?? (["second", 1] as const);
  const count = trigger.seconds / length;
  return count === 1 ? `every ${unit}` : `every ${count} ${unit}s`;
}
