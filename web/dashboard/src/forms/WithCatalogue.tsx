/** A form that needs the platform's catalogue; its window is there while the catalogue comes. */
import type { ReactNode } from "react";
import type { Catalogue } from "../api/types";
import { Shown } from "../parts/common";
import { Modal, ModalBody, ModalHeader } from "../pf";
import { closeForm } from "../router";
import { useCatalogue } from "../session";

export function WithCatalogue({
  title,
  children,
}: {
  title: string;
  children: (catalogue: Catalogue) => ReactNode;
}) {
  const { data, failure } = useCatalogue();
  if (data) return <>{children(data)}</>;
  return (
    <Modal isOpen variant="medium" onClose={closeForm} aria-labelledby="waiting-title">
      <ModalHeader title={title} labelId="waiting-title" />
      <ModalBody>
        <Shown data={data} failure={failure} what="what the platform offers">
          {() => null}
        </Shown>
      </ModalBody>
    </Modal>
  );
}
