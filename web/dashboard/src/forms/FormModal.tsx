/** A form in a window over the page: title, fields, what went wrong, the button and Cancel. */
import type { ReactNode } from "react";
import { Alert, Button, Form, Modal, ModalBody, ModalFooter, ModalHeader } from "../pf";
import type { Form as FormState } from "./useForm";

export function FormModal<Values>({
  title,
  description,
  form,
  submit,
  onSubmit,
  onClose,
  children,
  variant = "medium",
  footer,
}: {
  title: string;
  description?: ReactNode;
  form: FormState<Values>;
  /** The button's word. */
  submit: string;
  onSubmit: () => Promise<void>;
  onClose: () => void;
  children: ReactNode;
  variant?: "small" | "medium" | "large";
  footer?: ReactNode;
}) {
  const send = () => void form.submit(onSubmit);
  return (
    <Modal
      isOpen
      variant={variant}
      onClose={onClose}
      aria-labelledby="form-title"
      elementToFocus="#form input, #form textarea"
      onEscapePress={() => !form.busy && onClose()}
    >
      <ModalHeader title={title} labelId="form-title" description={description} />
      <ModalBody tabIndex={0} aria-label={title}>
        <Form
          id="form"
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
        >
          {children}
          <button type="submit" hidden />
        </Form>
      </ModalBody>
      <FormFooter form={form} submit={submit} onSubmit={send} onClose={onClose} more={footer} />
    </Modal>
  );
}

function FormFooter<Values>({
  form,
  submit,
  onSubmit,
  onClose,
  more,
}: {
  form: FormState<Values>;
  submit: string;
  onSubmit: () => void;
  onClose: () => void;
  more?: ReactNode;
}) {
  return (
    <ModalFooter className="form-footer">
      <FormFailure form={form} />
      <Button isDisabled={!form.valid || form.busy} isLoading={form.busy} onClick={onSubmit}>
        {submit}
      </Button>
      {more}
      <Button variant="link" isDisabled={form.busy} onClick={onClose}>
        Cancel
      </Button>
    </ModalFooter>
  );
}

export function FormFailure<Values>({ form }: { form: FormState<Values> }) {
  if (form.failure === null) return null;
  return (
    <Alert
      component="p"
      className="form-failure"
      variant="danger"
      isInline
      isLiveRegion
      title={form.refusal?.isLost ? "The cluster does not answer" : "Nothing was made or changed"}
    >
      {form.failure}
    </Alert>
  );
}
