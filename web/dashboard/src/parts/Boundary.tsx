/** Where a page cannot be drawn, or its script is not there any more: said, with a way on. */
import { Component, type ReactNode } from "react";
import { Button, EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter } from "../pf";

interface State {
  error: Error | null;
}

export class Boundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <EmptyState headingLevel="h1" titleText="This page could not be shown" status="danger">
        <EmptyStateBody>
          The dashboard may have been updated since it was loaded: load it again. {error.message}
        </EmptyStateBody>
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button onClick={() => window.location.reload()}>Load again</Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      </EmptyState>
    );
  }
}
