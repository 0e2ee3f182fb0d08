/** What the pages of an instructor's settings have in common: the catalogue in a table. */
import type { ReactNode } from "react";
import type { Catalogue } from "../api/types";
import { Empty, Shown, TitledPage } from "../parts/common";
import LockIcon from "@patternfly/react-icons/dist/dynamic/icons/lock-icon";
import { useCatalogue, useSession } from "../session";

export function SettingsPage({
  title,
  description,
  children,
}: {
  title: string;
  description: string;
  children: (catalogue: Catalogue) => ReactNode;
}) {
  const { instructor } = useSession();
  const { data, failure } = useCatalogue();
  return (
    <TitledPage {...{ title, description }}>
      {instructor ? (
        <Shown level="h2" data={data} failure={failure} what="the settings">
          {children}
        </Shown>
      ) : (
        <Empty level="h2" title="Access permissions needed" icon={LockIcon}>
          Settings are for those who may change the platform. Ask whoever runs this cluster.
        </Empty>
      )}
    </TitledPage>
  );
}
