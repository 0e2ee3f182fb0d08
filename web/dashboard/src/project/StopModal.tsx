/** Stopping asks, unless the reader does not want to be asked again. */
import { useState } from "react";
import type { Workbench } from "../api/types";
import { Button, Checkbox, Modal, ModalBody, ModalFooter, ModalHeader } from "../pf";

const SILENT = "dashboard:stop-silently";

export function stopsSilently(): boolean {
  return window.localStorage.getItem(SILENT) === "true";
}

export function StopModal({ workbench, onStop, onClose }: {
  workbench: Workbench;
  onStop: () => void;
  onClose: () => void;
}) {
  const [silent, setSilent] = useState(false);
  return (
    <Modal isOpen variant="small" onClose={onClose} aria-labelledby="stop-title">
      <ModalHeader title="Stop workbench?" labelId="stop-title" />
      <ModalBody>
        <p>
          What is not saved in <strong>{workbench.displayName}</strong> is lost, and kernels end.
          Files on its storage stay.
        </p>
        <br />
        <Checkbox
          id="stop-silently"
          label="Don't show again"
          isChecked={silent}
          onChange={(_, checked) => setSilent(checked)}
        />
      </ModalBody>
      <ModalFooter>
        <Button
          onClick={() => {
            if (silent) window.localStorage.setItem(SILENT, "true");
            onStop();
          }}
        >
          Stop workbench
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
