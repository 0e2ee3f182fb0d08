/** A message to one seat or to all: a banner in their dashboards, until it is taken away. */
import { write } from "../api/client";
import type { SeatRow } from "../api/types";
import { AreaField } from "../forms/fields";
import { FormModal } from "../forms/FormModal";
import { useForm } from "../forms/useForm";
import { useToasts } from "../shell/toasts";

const LONGEST = 500;

export function checkMessage(text: string): string | null {
  if (text.length > LONGEST) return `At most ${LONGEST} characters; this has ${text.length}.`;
  return null;
}

export function MessageModal({ seats, onClose }: { seats: SeatRow[] | null; onClose: () => void }) {
  const toast = useToasts();
  const names = seats?.map(({ namespace }) => namespace) ?? [];
  const form = useForm({
    key: `message ${names.join(" ")}`,
    initial: { text: seats?.[0]?.message?.text ?? "" },
    check: ({ text }) => ({ text: checkMessage(text) }),
  });
  const send = async () => {
    const { text } = form.values;
    const { seats: told } = await write<{ seats: string[] }>("POST", "/api/class/message", {
      text,
      seats: names,
    });
    onClose();
    toast({
      variant: "success",
      title: text.trim() ? `Told ${told.length} of the class` : "The message is taken away",
      body: told.join(", "),
    });
  };
  return (
    <FormModal
      title={names.length > 0 ? `Message to ${names.join(", ")}` : "Message to all seats"}
      description="It stands above every page of their dashboard. An empty one takes away what stands there."
      submit={form.values.text.trim() ? "Send" : "Take the message away"}
      variant="small"
      form={form}
      onSubmit={send}
      onClose={onClose}
    >
      <AreaField form={form} name="text" label="Message" help={`At most ${LONGEST} characters.`} />
    </FormModal>
  );
}
