/** Small pieces that every page uses. */
import { type ReactNode, useEffect } from "react";
import CubesIcon from "@patternfly/react-icons/dist/dynamic/icons/cubes-icon";
import LockIcon from "@patternfly/react-icons/dist/dynamic/icons/lock-icon";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/dynamic/icons/exclamation-circle-icon";
import { inWords, type Refusal } from "../api/client";
import {
  Button,
  type ButtonProps,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
  PageSection,
  Skeleton,
  Timestamp,
  Title,
  Tooltip,
} from "../pf";

/** How long ago, and the moment itself when pointed at. */
export function Age({ of }: { of: string | null }) {
  if (of === null) return <>-</>;
  return (
    <Timestamp date={new Date(of)} tooltip={{ variant: "default" }}>
      {ago(new Date(of).getTime(), Date.now())}
    </Timestamp>
  );
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31536e6],
  ["month", 2592e6],
  ["day", 864e5],
  ["hour", 36e5],
  ["minute", 6e4],
];

export function ago(then: number, now: number): string {
  const words = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  for (const [unit, length] of UNITS) {
    if (now - then >= length) return words.format(-Math.floor((now - then) / length), unit);
  }
  return "just now";
}

/** A button that says why it cannot be pressed, instead of only being grey. */
export function GuardedButton({
  reason,
  children,
  ...button
}: ButtonProps & { reason: string | null | undefined }) {
  if (!reason) return <Button {...button}>{children}</Button>;
  return (
    <Tooltip content={reason}>
      <Button {...button} isAriaDisabled onClick={undefined} aria-description={reason}>
        {children}
      </Button>
    </Tooltip>
  );
}

export function Section({
  title,
  id,
  action,
  description,
  children,
}: {
  title: string;
  id: string;
  action?: ReactNode;
  description?: ReactNode;
  children: ReactNode;
}) {
  return (
    <PageSection aria-labelledby={id} className="section">
      <div className="between section-head">
        <div>
          <Title headingLevel="h2" size="xl" id={id}>
            {title}
          </Title>
        </div>
        {action && <div>{action}</div>}
      </div>
      {description && <p className="section-description">{description}</p>}
      {children}
    </PageSection>
  );
}

export function Empty({
  title,
  children,
  action,
  icon = CubesIcon,
  level = "h3",
}: {
  title: string;
  /** "h2" where it stands right below the page's own heading. */
  level?: "h2" | "h3";
  children: ReactNode;
  action?: ReactNode;
  icon?: React.ComponentType;
}) {
  return (
    <EmptyState headingLevel={level} titleText={title} icon={icon} variant="lg">
      <EmptyStateBody>{children}</EmptyStateBody>
      {action && (
        <EmptyStateFooter>
          <EmptyStateActions>{action}</EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" aria-busy="true">
      <Skeleton screenreaderText={`Loading ${what}`} width="40%" />
      <Skeleton width="75%" />
      <Skeleton width="60%" />
    </div>
  );
}

/** In place of what could not be read: the sentence, the right that is missing, Try again. */
export function Failure({ failure, again, level = "h3" }: {
  failure: Refusal;
  again?: () => void;
  level?: "h2" | "h3";
}) {
  const forbidden = failure.status === 403;
  const title = forbidden
    ? "You may not see this"
    : failure.status === 404
      ? "Not found"
      : "This could not be read";
  return (
    <EmptyState
      headingLevel={level}
      titleText={title}
      icon={forbidden ? LockIcon : ExclamationCircleIcon}
      status={forbidden ? undefined : "danger"}
    >
      <EmptyStateBody>{inWords(failure)}</EmptyStateBody>
      {again && (
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button variant="link" onClick={again}>
              Try again
            </Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}

/** What is read: its failure, bones while it is on its way, then itself. */
export function Shown<Answer>({
  data,
  failure,
  what,
  level,
  children,
}: {
  data: Answer | undefined;
  level?: "h2" | "h3";
  failure: Refusal | undefined;
  what: string;
  children: (data: Answer) => ReactNode;
}) {
  if (failure) return <Failure failure={failure} level={level} />;
  if (data === undefined) return <Loading what={what} />;
  return <>{children(data)}</>;
}

/** A page of the dashboard's menu: its title, in the window too, a sentence, and what it shows. */
export function TitledPage({ title, description, children }: {
  title: string;
  description: string;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <>
      <PageSection>
        <Title headingLevel="h1">{title}</Title>
        <p className="muted">{description}</p>
      </PageSection>
      <PageSection isFilled>{children}</PageSection>
    </>
  );
}
