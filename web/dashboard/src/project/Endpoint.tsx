/** Where a model answers: a link that opens the list of its addresses, each to copy. */
import type { Model } from "../api/types";
import { Alert, Button, ClipboardCopy, Popover, Skeleton } from "../pf";

export function Endpoint({ model, routed }: { model: Model; routed: boolean }) {
  const { internal, external, message } = model.endpoints;
  if (routed && external === null && message === null) {
    return <Skeleton screenreaderText="Waiting for the route" width="10rem" />;
  }
  const label = external
    ? "Internal and external endpoint details"
    : "Internal endpoint details";
  return (
    <Popover
      headerContent="Inference endpoints"
      headerComponent="h3"
      minWidth="20rem"
      maxWidth="36rem"
      bodyContent={
        <div className="endpoint-list">
          {external && (
            <div>
              <strong>External (can be accessed from inside or outside the cluster)</strong>
              <Address name="url" url={external} />
            </div>
          )}
          <div>
            <strong>Internal (can only be accessed from inside the cluster)</strong>
            {internal.map(({ name, url }) => (
              <Address key={name} name={name} url={url} />
            ))}
            {internal.length === 0 && <p>No address was found: the model is not loaded yet.</p>}
          </div>
          {message && <Alert component="p" isInline isPlain variant="warning" title={message} />}
        </div>
      }
    >
      <Button variant="link" isInline aria-label={`${label} of ${model.displayName}`}>
        {label}
      </Button>
    </Popover>
  );
}

function Address({ name, url }: { name: string; url: string }) {
  return (
    <div>
      <span className="small">{name}</span>
      <ClipboardCopy
        isReadOnly
        hoverTip={`Copy ${name}`}
        clickTip="Copied"
        textAriaLabel={name}
        copyAriaLabel={`Copy ${name}`}
      >
        {url}
      </ClipboardCopy>
    </div>
  );
}
