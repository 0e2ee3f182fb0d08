/** What the forms of a model server and of a model share: replicas, size, route, tokens. */
import type { Amounts, Catalogue, ServingFields, Size, Token } from "../api/types";
import { quantity, uniqueNames, wholeNumber } from "../forms/checks";
import { resourceName } from "../forms/names";
import type { Faults } from "../forms/useForm";

export const MOST_REPLICAS = 99;

export interface ServingValues {
  replicas: number;
  size: string;
  "custom.requests.cpu": string;
  "custom.requests.memory": string;
  "custom.limits.cpu": string;
  "custom.limits.memory": string;
  route: boolean;
  auth: boolean;
  tokens: string[];
}

interface Given {
  replicas?: number;
  size?: Size;
  route?: boolean;
  auth?: boolean;
  tokens?: Token[];
}

export function initialServing(catalogue: Catalogue, given: Given = {}): ServingValues {
  const first = catalogue.modelSizes[0];
  const custom = given.size ?? first;
  const amounts = (which: "requests" | "limits"): Amounts =>
    custom?.[which] ?? { cpu: "1", memory: "4Gi" };
  return {
    replicas: given.replicas ?? catalogue.serverReplicas.default,
    size: given.size?.name ?? first?.name ?? "Custom",
    "custom.requests.cpu": amounts("requests").cpu,
    "custom.requests.memory": amounts("requests").memory,
    "custom.limits.cpu": amounts("limits").cpu,
    "custom.limits.memory": amounts("limits").memory,
    route: given.route ?? false,
    auth: given.auth ?? false,
    tokens: given.tokens?.map(({ name }) => name) ?? [],
  };
}

export function checkServing(values: ServingValues, catalogue: Catalogue): Faults {
  const faults: Faults = {
    replicas: wholeNumber(values.replicas, catalogue.serverReplicas.minimum, MOST_REPLICAS),
  };
  if (values.size === "Custom") {
    for (const which of ["requests", "limits"] as const) {
      for (const what of ["cpu", "memory"] as const) {
        const field = `custom.${which}.${what}` as const;
        faults[field] = quantity(values[field], what);
      }
    }
  }
  if (values.auth) {
    const toName = (name: string) => resourceName(name, "token");
    uniqueNames(values.tokens, toName).forEach((fault, index) => {
      faults[`tokens.${index}`] = fault;
    });
    if (values.tokens.length === 0) faults.tokens = "Add a service account.";
  }
  return faults;
}

export function servingOf(values: ServingValues): ServingFields {
  return {
    replicas: values.replicas,
    size: values.size,
    ...(values.size === "Custom"
      ? {
          custom: {
            requests: {
              cpu: values["custom.requests.cpu"].trim(),
              memory: values["custom.requests.memory"].trim(),
            },
            limits: {
              cpu: values["custom.limits.cpu"].trim(),
              memory: values["custom.limits.memory"].trim(),
            },
          },
        }
      : {}),
    route: values.route,
    auth: values.auth,
    tokens: values.auth ? values.tokens.map((name) => name.trim()) : [],
  };
}
