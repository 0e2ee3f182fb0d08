/** The menu at the end of a table's row. */
import { ActionsColumn, type IAction } from "../pf";

/** An item that says why it cannot be chosen, instead of only being grey. */
export function guardedAction(
  title: string,
  reason: string | null | undefined,
  onClick: () => void,
): IAction {
  return {
    title,
    onClick,
    isAriaDisabled: Boolean(reason),
    tooltipProps: reason ? { content: reason } : undefined,
  };
}

export function RowActions({ items, busy = false }: { items: IAction[]; busy?: boolean }) {
  return <ActionsColumn isDisabled={busy} popperProps={{ position: "right" }} items={items} />;
}
