/** Short messages that come and go at the side. */
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { Alert, AlertActionCloseButton, AlertGroup } from "../pf";

export interface Toast {
  variant: "success" | "danger" | "warning" | "info";
  title: string;
  body?: ReactNode;
}

const ToastContext = createContext<(toast: Toast) => void>(() => undefined);

export function useToasts() {
  return useContext(ToastContext);
}

/** Milliseconds for which good news stay. What went wrong stays until it is closed. */
const SHOWN = 8000;

let last = 0;

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<(Toast & { key: number })[]>([]);
  const add = useCallback((toast: Toast) => {
    last += 1;
    const key = last;
    setToasts((shown) => [...shown, { ...toast, key }]);
  }, []);
  const close = (key: number) => setToasts((shown) => shown.filter((toast) => toast.key !== key));
  return (
    <ToastContext.Provider value={add}>
      {children}
      <AlertGroup isToast isLiveRegion>
        {toasts.map(({ key, variant, title, body }) => (
          <Alert
            component="p"
            key={key}
            variant={variant}
            title={title}
            timeout={variant === "success" ? SHOWN : false}
            onTimeout={() => close(key)}
            actionClose={<AlertActionCloseButton title={title} onClose={() => close(key)} />}
          >
            {body}
          </Alert>
        ))}
      </AlertGroup>
    </ToastContext.Provider>
  );
}
