/** Who is there, and what the platform offers; both asked for once. */
import { createContext, useContext } from "react";
import { useRead } from "./api/useRead";
import type { Catalogue, Session } from "./api/types";

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("a page was drawn before the session was known");
  return session;
}

export function useCatalogue() {
  return useRead<Catalogue>("/api/catalogue");
}
