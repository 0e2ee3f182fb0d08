/** Models and model servers: configure a server, deploy models on it, see state, address, tokens. */
import { useState } from "react";
import { at, inWords, write } from "../api/client";
import type { Model, Models as ModelsOf, Platform, Server } from "../api/types";
import { WithCatalogue } from "../forms/WithCatalogue";
import { Empty, GuardedButton, Section, Shown } from "../parts/common";
import { DeleteModal } from "../parts/DeleteModal";
import { Card, CardBody, CardFooter, CardTitle, Gallery, Label } from "../pf";
import { closeForm, openForm, usePlace } from "../router";
import { useToasts } from "../shell/toasts";
import { useProject, whyNot } from "./context";
import { ModelModal } from "./ModelModal";
import { ModelTable } from "./ModelTable";
import { ServerModal } from "./ServerModal";
import { ServerTable } from "./ServerTable";

export default function Models() {
  const { project, live } = useProject();
  const models = live.data.models;
  const reason = whyNot(project, "serve");
  const configure = (
    <GuardedButton reason={reason} onClick={() => openForm("server")}>
      Configure server
    </GuardedButton>
  );
  const deploy = (
    <GuardedButton reason={reason} onClick={() => openForm("model")}>
      Deploy model
    </GuardedButton>
  );
  const multi = models?.platform === "multi";
  const filled = models && (models.servers.length > 0 || models.items.length > 0);
  return (
    <Section
      title="Models and model servers"
      id="models"
      action={filled ? multi ? configure : deploy : null}
    >
      <Shown data={models} failure={live.failures.models} what="the models">
        {(all) => (
          <>
            {all.platform === null ? (
              <ChoosePlatform reason={reason} />
            ) : (
              <p className="section-description">
                <Label isCompact color="blue">
                  {multi ? "Multi-model serving enabled" : "Single-model serving enabled"}
                </Label>
              </p>
            )}
            {all.platform !== null && !filled && (
              <Empty
                title={multi ? "Start by adding a model server" : "Start by deploying a model"}
                action={multi ? configure : deploy}
              >
                {multi
                  ? "A model server comes before a model: it answers for all models that are deployed on it."
                  : "Each model gets a server of its own."}
              </Empty>
            )}
            {all.servers.length > 0 && <ServerTable models={all} reason={reason} />}
            {withoutServer(all).length > 0 && (
              <ModelTable models={withoutServer(all)} reason={reason} />
            )}
          </>
        )}
      </Shown>
      {models && <Forms models={models} />}
    </Section>
  );
}

/** Models of the single platform, and those whose server has gone. */
function withoutServer({ items, servers }: ModelsOf): Model[] {
  const there = new Set(servers.map(({ name }) => name));
  return items.filter(
    ({ platform, server }) => platform === "single" || server === null || !there.has(server),
  );
}

function Forms({ models }: { models: ModelsOf }) {
  const { project } = useProject();
  const { query } = usePlace();
  const form = query.get("form");
  const about = query.get("about");
  const server: Server | undefined = models.servers.find(({ name }) => name === about);
  const model = models.items.find(({ name }) => name === about);
  if (form === "server" && (server || !about)) {
    return (
      <WithCatalogue title="Configure model server">
        {(catalogue) => <ServerModal key={about} server={server} catalogue={catalogue} />}
      </WithCatalogue>
    );
  }
  if (form === "model" || (form === "edit-model" && model)) {
    return (
      <WithCatalogue title="Deploy model">
        {(catalogue) => (
          <ModelModal
            key={about}
            model={form === "edit-model" ? model : undefined}
            server={form === "model" ? (server?.name ?? null) : null}
            models={models}
            catalogue={catalogue}
          />
        )}
      </WithCatalogue>
    );
  }
  if (form === "delete-server" && server) {
    return (
      <DeleteModal
        what="model server"
        name={server.displayName}
        path={at(project.name, "servers", server.name)}
        onClose={closeForm}
      >
        The model server <strong>{server.displayName}</strong> is deleted with its{" "}
        {server.models.length} deployed models and its tokens.
      </DeleteModal>
    );
  }
  if (form === "delete-model" && model) {
    return (
      <DeleteModal
        what="deployed model"
        name={model.displayName}
        path={at(project.name, "models", model.name)}
        onClose={closeForm}
      >
        The model <strong>{model.displayName}</strong> answers no more. Its file in the bucket
        stays.
      </DeleteModal>
    );
  }
  return null;
}

const PLATFORMS: [Platform, string, string][] = [
  ["single", "Single-model serving platform", "Each model is deployed on a server of its own. Choose this for large models."],
  ["multi", "Multi-model serving platform", "Several models share one server. The lab uses this."],
];

function ChoosePlatform({ reason }: { reason: string | null }) {
  const { project } = useProject();
  const toast = useToasts();
  const [busy, setBusy] = useState(false);
  const choose = async (platform: Platform) => {
    setBusy(true);
    try {
      await write("PUT", at(project.name, "platform"), { platform });
    } catch (error) {
      toast({ variant: "danger", title: "The platform could not be chosen", body: inWords(error) });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Gallery hasGutter minWidths={{ default: "280px" }}>
      {PLATFORMS.map(([platform, title, text]) => (
        <Card key={platform} isFullHeight>
          <CardTitle component="h3">{title}</CardTitle>
          <CardBody>{text}</CardBody>
          <CardFooter>
            <GuardedButton
              variant="secondary"
              reason={reason}
              isDisabled={busy}
              aria-label={`Select ${title}`}
              onClick={() => void choose(platform)}
            >
              Select
            </GuardedButton>
          </CardFooter>
        </Card>
      ))}
    </Gallery>
  );
}
