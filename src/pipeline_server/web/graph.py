"""The graph of a run: the pipeline as written, coloured by what has run, ready to be drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline_server.web import formatting
from pipeline_server.web.layout import Box, Layout, Point, place
from pipeline_server.web.spec import SpecNode, read_graph
from pipeline_server.web.view_models import RunDetail, RunSummary, State, TaskRun

NODE_WIDTH = 216.0
NODE_HEIGHT = 60.0
PADDING = 20.0
HEADER = 34.0
LONGEST_LABEL = 24
LONGEST_NOTE = 23
SEPARATOR = "/"
KIND_LABELS = {
    "condition": "If",
    "loop": "For each",
    "group": "",
    "exit": "Finally",
    "importer": "Import",
    "container": "",
}
# The state of several executions together is the first of these that one of them has.
WORST_FIRST = (
    State.FAILED,
    State.CANCELING,
    State.RUNNING,
    State.PENDING,
    State.PAUSED,
    State.CANCELED,
    State.SUCCEEDED,
    State.CACHED,
    State.SKIPPED,
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step as written, with everything that ran for it."""

    key: str
    node: SpecNode
    state: State
    tasks: tuple[TaskRun, ...]
    children: tuple[Step, ...] = ()
    over: bool = False

    @property
    def label(self) -> str:
        """Name for people."""
        return self.node.display_name

    @property
    def is_group(self) -> bool:
        """Whether it is drawn as a frame around other steps."""
        return bool(self.children)

    @property
    def held_up_by(self) -> tuple[str, ...]:
        """What its executions wait for, each reason once, in their order."""
        return tuple(dict.fromkeys(task.note for task in self.tasks if task.note))

    def note(self, now: datetime | None = None) -> str:
        """Second line in the box: how long it took, or how many of how many are done."""
        if len(self.tasks) > 1:
            done = sum(1 for task in self.tasks if task.state.finished)
            return f"{done} of {len(self.tasks)} done"
        if not self.tasks:
            if self.state is not State.UNKNOWN:
                return self.state.label
            return "did not run" if self.over else "not started"
        task = self.tasks[0]
        took = formatting.duration(task.started_at, task.finished_at, now)
        return f"{task.state.label} · {took}" if took else task.state.label


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A rectangle of the drawing."""

    step: Step
    x: float
    y: float
    width: float
    height: float
    label: str
    note: str
    caption: str


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """An arrow of the drawing; ``live`` while data is about to flow along it."""

    path: str
    state: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything the template needs for the picture."""

    width: float
    height: float
    frames: tuple[DrawnBox, ...]
    boxes: tuple[DrawnBox, ...]
    edges: tuple[DrawnEdge, ...]


def steps_of(run: RunDetail) -> tuple[Step, ...]:
    """The run's steps as a tree; without a readable spec, just what ran."""
    nodes = read_graph(run.spec)
    executions = _by_key(run.tasks)
    if not nodes:
        nodes = tuple(
            SpecNode(name=key, display_name=tasks[0].display_name or tasks[0].name)
            for key, tasks in executions.items()
        )
    over = run.summary.state.finished
    return tuple(_step(node, "", executions, over) for node in nodes)


def walk(steps: Iterable[Step]) -> Iterable[Step]:
    """All steps, parents before children."""
    for step in steps:
        yield step
        yield from walk(step.children)


def draw(steps: Sequence[Step], now: datetime | None = None) -> Drawing:
    """Lay out and describe the picture."""
    frames: list[DrawnBox] = []
    boxes: list[DrawnBox] = []
    edges: list[DrawnEdge] = []
    layout = _draw_level(steps, PADDING, PADDING, now, frames, boxes, edges)
    return Drawing(
        round(layout.width + 2 * PADDING, 1),
        round(layout.height + 2 * PADDING, 1),
        tuple(frames),
        tuple(boxes),
        tuple(edges),
    )


def draw_pipeline(spec: Mapping[str, Any]) -> Drawing:
    """A pipeline before it ran: a run in which nothing has happened."""
    return draw(steps_of(RunDetail(RunSummary("", "", State.UNKNOWN), spec=spec)))


def progress(steps: Sequence[Step]) -> tuple[int, int]:
    """How many of the leaf steps are finished, of how many."""
    leaves = [step for step in walk(steps) if not step.is_group]
    return sum(1 for step in leaves if step.state.finished), len(leaves)


def _by_key(tasks: Sequence[TaskRun]) -> dict[str, list[TaskRun]]:
    by_id = {task.id: task for task in tasks}
    found: dict[str, list[TaskRun]] = {}
    for task in tasks:
        found.setdefault(_key(task, by_id), []).append(task)
    return found


def _key(task: TaskRun, by_id: Mapping[str, TaskRun]) -> str:
    """Names from the root down; a loop and its iterations share a name and count once."""
    names: list[str] = []
    seen: set[str] = set()
    current: TaskRun | None = task
    while current is not None and current.id not in seen:
        seen.add(current.id)
        parent = by_id.get(current.parent_id)
        if parent is None or parent.name != current.name:
            names.append(current.name)
        current = parent
    return SEPARATOR.join(reversed(names))


def _step(node: SpecNode, prefix: str, executions: Mapping[str, list[TaskRun]], over: bool) -> Step:
    key = f"{prefix}{SEPARATOR}{node.name}" if prefix else node.name
    tasks = tuple(executions.get(key, ()))
    children = tuple(_step(child, key, executions, over) for child in node.children)
    return Step(key, node, _state(tasks, children), tasks, children, over)


def _state(tasks: Sequence[TaskRun], children: Sequence[Step]) -> State:
    states = [task.state for task in tasks] or [
        child.state for child in children if child.state is not State.UNKNOWN
    ]
    if not states:
        return State.UNKNOWN
    return next((state for state in WORST_FIRST if state in states), State.UNKNOWN)


def _draw_level(
    steps: Sequence[Step],
    left: float,
    top: float,
    now: datetime | None,
    frames: list[DrawnBox],
    boxes: list[DrawnBox],
    edges: list[DrawnEdge],
) -> Layout:
    inner = {step.key: _inner_size(step) for step in steps}
    by_name = {step.node.name: step for step in steps}
    layout = place(
        [Box(step.key, *inner[step.key]) for step in steps],
        [
            (by_name[name].key, step.key)
            for step in steps
            for name in step.node.depends_on
            if name in by_name
        ],
    )
    for step in steps:
        x, y = layout.corners[step.key]
        width, height = inner[step.key]
        box = _box(step, left + x, top + y, width, height, now)
        if step.is_group:
            frames.append(box)
            content = _measure(step.children)
            indent = (width - content[0]) / 2
            _draw_level(
                step.children, box.x + indent, box.y + HEADER + PADDING, now, frames, boxes, edges
            )
        else:
            boxes.append(box)
    states = {step.key: step.state for step in steps}
    for (source, target), points in layout.routes.items():
        moved = [(left + x, top + y) for x, y in points]
        edges.append(DrawnEdge(_curve(moved), _edge_state(states[source], states[target])))
    return layout


def _box(
    step: Step, x: float, y: float, width: float, height: float, now: datetime | None
) -> DrawnBox:
    kind = KIND_LABELS.get(step.node.kind, "")
    name = f"{kind} · {step.label}" if kind else step.label
    note = step.note(now)
    room = LONGEST_LABEL if not step.is_group else max(LONGEST_LABEL, int(width / 9))
    # A reason is longer than a box: its beginning is drawn, the caption has it all.
    reason = step.held_up_by[0] if len(step.tasks) == 1 and step.held_up_by else ""
    shown_note = formatting.shortened(reason or note, LONGEST_NOTE)
    if step.is_group and len(name) * 8.4 + len(note) * 6.6 + 60 > width:
        shown_note = ""
    return DrawnBox(
        step=step,
        x=round(x, 1),
        y=round(y, 1),
        width=round(width, 1),
        height=round(height, 1),
        label=formatting.shortened(name, room),
        note=shown_note,
        caption=", ".join(
            part for part in (name, note, *step.held_up_by, step.node.detail) if part
        ),
    )


def _inner_size(step: Step) -> tuple[float, float]:
    if not step.is_group:
        return NODE_WIDTH, NODE_HEIGHT
    width, height = _measure(step.children)
    return max(width + 2 * PADDING, NODE_WIDTH + PADDING), height + HEADER + 2 * PADDING


def _measure(steps: Sequence[Step]) -> tuple[float, float]:
    by_name = {step.node.name: step for step in steps}
    layout = place(
        [Box(step.key, *_inner_size(step)) for step in steps],
        [
            (by_name[name].key, step.key)
            for step in steps
            for name in step.node.depends_on
            if name in by_name
        ],
    )
    return layout.width, layout.height


def _edge_state(source: State, target: State) -> str:
    if target in (State.RUNNING, State.PENDING):
        return "live"
    return "done" if source.finished and target is not State.UNKNOWN else "idle"


def _curve(points: Sequence[Point]) -> str:
    """A line through the points that leaves and enters every layer straight down."""
    (x, y), *rest = points
    parts = [f"M{x:.1f} {y:.1f}"]
    for next_x, next_y in rest:
        if abs(next_x - x) < 0.5:
            parts.append(f"L{next_x:.1f} {next_y:.1f}")
        else:
            middle = (y + next_y) / 2
            parts.append(
                f"C{x:.1f} {middle:.1f} {next_x:.1f} {middle:.1f} {next_x:.1f} {next_y:.1f}"
            )
        x, y = next_x, next_y
    return "".join(parts)


def waiting(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """The steps that are held up, by what holds them up."""
    found: dict[str, list[Step]] = {}
    for step in walk(steps):
        for reason in step.held_up_by:
            found.setdefault(reason, []).append(step)
    return found


def state_counts(steps: Sequence[Step]) -> Counter[State]:
    """How many leaf steps are in each state."""
    return Counter(step.state for step in walk(steps) if not step.is_group)
