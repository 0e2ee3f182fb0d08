/** Deleting asks for the name, so that nothing goes by a slip of the hand. */
import { type ReactNode, useId } from "react";
import { write } from "../api/client";
import { useForm } from "../forms/useForm";
import {
  Button,
  Form,
  FormGroup,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  TextInput,
} from "../pf";
import { FormFailure } from "../forms/FormModal";
import { useToasts } from "../shell/toasts";

export function DeleteModal({
  what,
  name,
  path,
  children,
  onClose,
  onDeleted,
}: {
  /** As the button names it: "workbench", "storage". */
  what: string;
  name: string;
  path: string;
  children: ReactNode;
  onClose: () => void;
  onDeleted?: () => void;
}) {
  const id = useId();
  const toast = useToasts();
  const form = useForm({
    key: `delete ${path}`,
    initial: { typed: "" },
    check: ({ typed }) => ({ typed: typed.trim() === name ? null : `Type ${name} to delete it.` }),
  });
  const remove = () =>
    void form.submit(async () => {
      await write("DELETE", path);
      toast({ variant: "success", title: `${name} is deleted` });
      onClose();
      onDeleted?.();
    });
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="delete-title">
      <ModalHeader title={`Delete ${what}?`} titleIconVariant="warning" labelId="delete-title" />
      <ModalBody>
        <Form
          onSubmit={(event) => {
            event.preventDefault();
            remove();
          }}
        >
          <div>{children}</div>
          <FormGroup
            fieldId={id}
            label={
              <>
                Type <strong>{name}</strong> to confirm the deletion
              </>
            }
          >
            <TextInput
              id={id}
              name="typed"
              value={form.values.typed}
              autoComplete="off"
              onChange={(_, typed) => form.set({ typed })}
            />
          </FormGroup>
        </Form>
      </ModalBody>
      <ModalFooter className="form-footer">
        <FormFailure form={form} />
        <Button
          variant="danger"
          isDisabled={!form.valid || form.busy}
          isLoading={form.busy}
          onClick={remove}
        >
          Delete {what}
        </Button>
        <Button variant="link" isDisabled={form.busy} onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
