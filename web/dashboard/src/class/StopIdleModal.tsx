/** Stop the workbenches that nobody has used for some time. */
import { write } from "../api/client";
import { NumberField } from "../forms/fields";
import { FormModal } from "../forms/FormModal";
import { useForm } from "../forms/useForm";
import { useToasts } from "../shell/toasts";

const MOST_MINUTES = 10080;

export function StopIdleModal({ onClose }: { onClose: () => void }) {
  const toast = useToasts();
  const form = useForm({
    key: "stop-idle",
    initial: { minutes: 20 },
    check: ({ minutes }) => ({
      minutes:
        Number.isInteger(minutes) && minutes >= 0 && minutes <= MOST_MINUTES
          ? null
          : `Enter whole minutes from 0 to ${MOST_MINUTES}.`,
    }),
  });
  const send = async () => {
    const { stopped, kept } = await write<{ stopped: string[]; kept: string[] }>(
      "POST",
      "/api/class/stop",
      { idleMinutes: form.values.minutes },
    );
    onClose();
    toast({
      variant: "success",
      title: stopped.length > 0 ? `Stopped in ${stopped.join(", ")}` : "No workbench was idle so long",
      body: `${kept.length} of the class stay as they are.`,
    });
  };
  return (
    <FormModal
      title="Stop idle workbenches"
      description="Files on their storage stay; kernels end. A workbench whose kernel works is not idle."
      submit="Stop"
      variant="small"
      form={form}
      onSubmit={send}
      onClose={onClose}
    >
      <NumberField form={form} name="minutes" label="Idle for at least" unit="minutes" least={0} most={MOST_MINUTES} />
    </FormModal>
  );
}
