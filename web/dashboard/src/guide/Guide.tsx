/** The lab's guide in a panel beside the pages: docs/lab, with this seat's names and addresses. */
import {
  type AllQuickStartStates,
  type QuickStart,
  QuickStartContextProvider,
  QuickStartPanelContent,
  QuickStartStatus,
  QuickStartTaskStatus,
} from "@patternfly/quickstarts";
import "@patternfly/quickstarts/dist/quickstarts.min.css";
import { type SetStateAction, useCallback, useEffect, useMemo, useState } from "react";
import { createPortal } from "react-dom";
import { useRead } from "../api/useRead";
import type { GuideSeat, Items, PartChecked, Project } from "../api/types";
import { Failure, Loading } from "../parts/common";
import {
  DrawerActions,
  DrawerCloseButton,
  DrawerHead,
  DrawerPanelBody,
  DrawerPanelContent,
  Title,
} from "../pf";
import { usePlace } from "../router";
import { CheckWork } from "./CheckWork";
import { addressList, fill, projectOf } from "./fill";
import { showGuide } from "./open";

interface GuidePart {
  file: string;
  title: string;
  text: string;
}

interface GuideText {
  introduction: GuidePart;
  parts: GuidePart[];
}

const ID = "lab";
// The panel is beside the page's main part, so it is a part of the document by itself.
const LANDMARK = { role: "complementary", "aria-label": "The lab's guide" };
const WORDS = {
  Type: "Your guide",
  "In this quick start, you will complete {{count, number}} task": "It has {{count, number}} parts",
  "In this quick start, you will complete {{count, number}} task_plural":
    "It has {{count, number}} parts",
};

export default function Guide() {
  const project = useGuideProject();
  const text = useRead<GuideText>("/guide.json");
  const seat = useRead<GuideSeat>(
    project.name ? `/api/projects/${encodeURIComponent(project.name)}/guide` : null,
    10_000,
  );
  const failure = text.failure ?? (seat.data ? undefined : seat.failure);
  if (text.data && seat.data) {
    return <Panel key={seat.data.namespace} text={text.data} seat={seat.data} />;
  }
  return (
    <DrawerPanelContent {...LANDMARK}>
      <DrawerHead>
        <Title headingLevel="h2">The lab</Title>
        <DrawerActions>
          <DrawerCloseButton onClick={() => showGuide(false)} />
        </DrawerActions>
      </DrawerHead>
      <DrawerPanelBody>
        {failure ? (
          <Failure failure={failure} again={text.failure ? text.again : seat.again} />
        ) : project.none ? (
          <p>The guide is about a project, and you have none yet.</p>
        ) : (
          <Loading what="the guide" />
        )}
      </DrawerPanelBody>
    </DrawerPanelContent>
  );
}

/** The project that the page shows; on the other pages the last one, or the first that is seen. */
function useGuideProject(): { name: string | null; none: boolean } {
  const here = projectOf(usePlace().parts);
  const [last, setLast] = useState(here);
  useEffect(() => {
    if (here) setLast(here);
  }, [here]);
  const known = here ?? last;
  const { data } = useRead<Items<Project>>(known ? null : "/api/projects");
  const name = known ?? data?.items[0]?.name ?? null;
  return { name, none: name === null && data !== undefined };
}

function useProgress(namespace: string) {
  const key = `dashboard:guide:${namespace}`;
  const [states, setStates] = useState<AllQuickStartStates>(() => {
    try {
      return JSON.parse(window.localStorage.getItem(key) ?? "{}") as AllQuickStartStates;
    } catch {
      return {};
    }
  });
  useEffect(() => window.localStorage.setItem(key, JSON.stringify(states)), [key, states]);
  return [states, setStates] as const;
}

function Panel({ text, seat }: { text: GuideText; seat: GuideSeat }) {
  const [states, setStates] = useProgress(seat.namespace);
  const [found, setFound] = useState<Record<number, PartChecked>>({});
  const quickStart = useMemo(() => asQuickStart(text, seat), [text, seat]);
  const tell = useCallback(
    (checked: PartChecked) => {
      setFound((before) => ({ ...before, [checked.part]: checked }));
      setStates((before) => withOutcome(before, checked));
    },
    [setStates],
  );
  const context = {
    allQuickStarts: [quickStart],
    activeQuickStartID: ID,
    setActiveQuickStartID: (next: SetStateAction<string>) => {
      if ((typeof next === "function" ? next(ID) : next) !== ID) showGuide(false);
    },
    allQuickStartStates: states,
    setAllQuickStartStates: setStates,
    useQueryParams: false,
    resourceBundle: WORDS,
    alwaysShowTaskReview: true,
    focusOnQuickStart: false,
    markdown: {
      extensions: [],
      renderExtension: (page: Document, root: string) => (
        <Placed page={page} root={root}>
          {(part) => (
            <CheckWork project={seat.namespace} part={part} found={found[part]} tell={tell} />
          )}
        </Placed>
      ),
    },
  };
  return (
    <QuickStartContextProvider value={context}>
      <QuickStartPanelContent
        quickStarts={[quickStart]}
        activeQuickStartID={ID}
        handleClose={() => showGuide(false)}
        isGlass={false}
        {...LANDMARK}
      />
    </QuickStartContextProvider>
  );
}

/** Draws where a part's text has left a place for its check. */
function Placed({
  page,
  root,
  children,
}: {
  page: Document;
  root: string;
  children(part: number): React.ReactNode;
}) {
  const place = page.querySelector<HTMLElement>(`${root} [data-check]`);
  return place ? createPortal(children(Number(place.dataset.check)), place) : null;
}

function asQuickStart({ introduction, parts }: GuideText, seat: GuideSeat): QuickStart {
  return {
    metadata: { name: ID },
    spec: {
      displayName: introduction.title,
      icon: null,
      description: "",
      introduction: `${fill(introduction.text, seat)}\n\n${addressList(seat)}`,
      tasks: parts.map((part, index) => ({
        title: part.title,
        description: `${fill(part.text, seat)}\n\n<div data-check="${index + 1}"></div>`,
      })),
      conclusion: "That was the lab. *Restart* begins the guide anew; your work stays.",
    },
  };
}

/** The parts' marks: green where the check found all of it, red where something is missing. */
function withOutcome(states: AllQuickStartStates, { part, ok }: PartChecked): AllQuickStartStates {
  const outcome = ok ? QuickStartTaskStatus.SUCCESS : QuickStartTaskStatus.FAILED;
  const before = states[ID] ?? { status: QuickStartStatus.IN_PROGRESS, taskNumber: part - 1 };
  return { ...states, [ID]: { ...before, [`taskStatus${part - 1}`]: outcome } };
}
