"""What comes next in a run: pure, over the tasks there are.

``Planner.advance`` makes the tasks that may begin, evaluates conditions, unfolds loops and ends
graphs whose tasks have ended. Steps themselves (pods, imports) are the engine's: it ends them and
calls again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline_server.database.history import set_task_state
from pipeline_server.database.models import FINISHED, GRAPHS, Run, RunState, Task, TaskKind, new_id
from pipeline_server.execution import inputs as flow
from pipeline_server.execution import names
from pipeline_server.ir import conditions
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.graph import ROOT, upstream_tasks
from pipeline_server.ir.pipeline import PipelineIR

COMPLETED = pb.PipelineTaskSpec.TriggerPolicy.TriggerStrategy.ALL_UPSTREAM_TASKS_COMPLETED
LOST = {RunState.FAILED, RunState.CANCELED}
CREATE_PVC_IMAGES = ("argostub/createpvc",)
DELETE_PVC_IMAGES = ("argostub/deletepvc",)
MAXIMUM_TASKS = 10_000
MAXIMUM_PATH = 700


@dataclass
class Planner:
    """Plans one run. ``created`` holds the tasks made since it was built."""

    run: Run
    pipeline: PipelineIR
    tasks: dict[str, Task] = field(default_factory=dict)
    children: dict[str, dict[str, Task]] = field(default_factory=dict)
    created: list[Task] = field(default_factory=list)

    @classmethod
    def of(cls, run: Run, pipeline: PipelineIR, tasks: Iterable[Task]) -> Planner:
        """A planner over the tasks that a run has."""
        planner = cls(run, pipeline)
        for task in tasks:
            planner._register(task)
        return planner

    @property
    def root(self) -> Task | None:
        """The run's outermost graph."""
        return next((task for task in self.tasks.values() if task.parent_id is None), None)

    def start(self) -> Task:
        """Make the root; its inputs are the run's parameters."""
        parameters = self.pipeline.parameters(self.run.runtime_config.get("parameters", {}))
        root = Task(
            id=new_id(),
            run_id=self.run.id,
            parent_id=None,
            path=ROOT,
            name=ROOT,
            display_name=self.pipeline.spec.pipeline_info.display_name or self.pipeline.name,
            kind=TaskKind.DAG,
            component=ROOT,
            inputs={"parameters": parameters, "artifacts": {}},
            outputs={},
            note="",
            attempt_count=0,
            attempt_base=0,
        )
        self._add(root, RunState.RUNNING)
        return root

    def advance(self) -> bool:
        """Go as far as is possible without a step's end; says whether anything changed."""
        changed = False
        again = True
        while again:
            again = False
            # The deepest first, so that what has ended within is seen outside in the same pass.
            graphs = [task for task in self.tasks.values() if self._is_open(task)]
            for graph in sorted(graphs, key=lambda task: -task.path.count("/")):
                if graph.state in FINISHED:
                    continue
                try:
                    moved = self._loop(graph) if graph.kind == TaskKind.LOOP else self._dag(graph)
                except PipelineError as error:
                    self._fail(graph, str(error))
                    moved = True
                again = again or moved
            changed = changed or again
        return changed

    def _is_open(self, task: Task) -> bool:
        return task.kind in GRAPHS and task.state not in FINISHED

    # -- a graph of tasks --------------------------------------------------------------------

    def _dag(self, graph: Task) -> bool:
        component = self.pipeline.component(graph.component)
        children = self._children(graph)
        moved = False
        for name, spec in component.dag.tasks.items():
            if name not in children:
                moved = self._consider(graph, name, spec) or moved
        if len(children) == len(component.dag.tasks) and self._all_finished(children):
            self._end(graph, children, flow.dag_outputs(component, children))
            moved = True
        return moved

    def _consider(self, graph: Task, name: str, spec: pb.PipelineTaskSpec) -> bool:
        children = self._children(graph)
        upstream = [children.get(item) for item in sorted(upstream_tasks(spec))]
        whatever = spec.trigger_policy.strategy == COMPLETED
        if any(item is None or item.state not in FINISHED for item in upstream):
            if not whatever and any(item is not None and _stops(item) for item in upstream):
                self._skip(graph, name, spec, "upstream", "a task before it failed")
                return True
            return False
        known = [item for item in upstream if item is not None]
        if not whatever:
            lost = next((item for item in known if _stops(item)), None)
            if lost is not None:
                word = "failed" if lost.state == RunState.FAILED else f"was {lost.state.lower()}"
                self._skip(graph, name, spec, "upstream", f"{lost.display_name!r} {word}")
                return True
            if self._failing(graph):
                self._skip(graph, name, spec, "upstream", "another task of the pipeline failed")
                return True
        self._begin(graph, name, spec)
        return True

    def _begin(self, graph: Task, name: str, spec: pb.PipelineTaskSpec) -> None:
        target = self.pipeline.component(spec.component_ref.name)
        try:
            given = flow.resolve(
                spec,
                target,
                graph.inputs,
                self._children(graph),
                names.job_name(self.pipeline.name, self.run.id),
            )
        except flow.MissingInputError as missing:
            self._skip(graph, name, spec, "upstream", str(missing))
            return
        except PipelineError as error:
            self._fail(self._make(graph, name, spec, flow.empty()), str(error))
            return
        condition = spec.trigger_policy.condition
        if condition:
            try:
                holds = conditions.evaluate(condition, given["parameters"])
            except PipelineError as error:
                self._fail(self._make(graph, name, spec, given), str(error))
                return
            if not holds:
                task = self._make(graph, name, spec, given)
                task.skip_reason = "condition"
                set_task_state(task, RunState.SKIPPED)
                return
        task = self._make(graph, name, spec, given)
        if task.kind != TaskKind.LOOP:
            self._check(task, target)

    def _check(self, task: Task, component: pb.ComponentSpec) -> None:
        try:
            flow.check_complete(task.inputs, component)
        except PipelineError as error:
            self._fail(task, str(error))

    def _skip(
        self, graph: Task, name: str, spec: pb.PipelineTaskSpec, reason: str, message: str
    ) -> None:
        task = self._make(graph, name, spec, flow.empty())
        task.skip_reason = reason
        set_task_state(task, RunState.SKIPPED, message)

    # -- a loop ------------------------------------------------------------------------------

    def _loop(self, loop: Task) -> bool:
        spec = self.task_spec(loop)
        component = self.pipeline.component(loop.component)
        children = self._children(loop)
        items = flow.loop_items(spec, loop.inputs)
        limit = spec.iterator_policy.parallelism_limit or len(items)
        running = sum(child.state not in FINISHED for child in children.values())
        failing = self._failing(loop)
        moved = False
        for index, item in enumerate(items):
            if running >= limit or failing:
                break
            if str(index) in children:
                continue
            given = flow.iteration_inputs(spec, component, loop.inputs, item)
            task = self._make_task(
                loop, str(index), f"{loop.display_name} [{index}]", loop.component, given
            )
            task.iteration = index
            self._check(task, component)
            running += 1
            moved = True
        complete = len(children) == len(items) or failing
        if complete and self._all_finished(children):
            iterations = {int(name): child for name, child in children.items()}
            self._end(loop, children, flow.loop_outputs(component, iterations))
            moved = True
        return moved

    # -- tasks -------------------------------------------------------------------------------

    def task_spec(self, task: Task) -> pb.PipelineTaskSpec:
        """The task's place in its graph; an iteration has that of its loop."""
        parent = self.tasks[str(task.parent_id)]
        if parent.kind == TaskKind.LOOP:
            return self.task_spec(parent)
        return self.pipeline.component(parent.component).dag.tasks[task.name]

    def retry_policy(self, task: Task) -> pb.PipelineTaskSpec.RetryPolicy | None:
        """How often a step is tried again: its own policy, or that of a graph around it."""
        current: Task | None = task
        while current is not None and current.parent_id is not None:
            spec = self.task_spec(current)
            if spec.HasField("retry_policy") and spec.retry_policy.max_retry_count:
                return spec.retry_policy
            current = self.tasks.get(str(current.parent_id))
        return None

    def may_cache(self, task: Task) -> tuple[bool, str]:
        """Whether a step's outputs may come from an earlier one, and its own cache key."""
        options = self.task_spec(task).caching_options
        return options.enable_cache, options.cache_key

    def fail(self, task: Task, message: str) -> None:
        """End a step as failed."""
        self._fail(task, message)

    def _make(self, graph: Task, name: str, spec: pb.PipelineTaskSpec, given: flow.Sides) -> Task:
        return self._make_task(
            graph,
            name,
            spec.task_info.name or name,
            spec.component_ref.name,
            given,
            loop=spec.WhichOneof("iterator") is not None,
        )

    def _make_task(
        self,
        graph: Task,
        name: str,
        display_name: str,
        component: str,
        given: flow.Sides,
        *,
        loop: bool = False,
    ) -> Task:
        if len(self.tasks) >= MAXIMUM_TASKS:
            raise PipelineError(f"the run has unfolded to {MAXIMUM_TASKS} tasks, the limit")
        path = f"{graph.path}/{name}"
        if len(path) > MAXIMUM_PATH:
            raise PipelineError(f"the pipeline's graphs are nested too deeply at {path[:100]}…")
        kind = TaskKind.LOOP if loop else self.kind_of(component)
        task = Task(
            id=new_id(),
            run_id=self.run.id,
            parent_id=graph.id,
            path=path,
            name=name,
            display_name=display_name[:255],
            kind=kind,
            component=component,
            inputs=given,
            outputs={},
            skip_reason="",
            note="",
            attempt_count=0,
            attempt_base=0,
        )
        self._add(task, RunState.RUNNING if kind in GRAPHS else RunState.PENDING)
        return task

    def kind_of(self, component: str) -> TaskKind:
        """What a component's task is."""
        if self.pipeline.is_dag(component):
            return TaskKind.DAG
        executor = self.pipeline.executor(component)
        if executor.WhichOneof("spec") == "importer":
            return TaskKind.IMPORTER
        if executor.container.image in CREATE_PVC_IMAGES:
            return TaskKind.CREATE_PVC
        if executor.container.image in DELETE_PVC_IMAGES:
            return TaskKind.DELETE_PVC
        return TaskKind.CONTAINER

    def _add(self, task: Task, state: RunState) -> None:
        set_task_state(task, state)
        self._register(task)
        self.created.append(task)

    def _register(self, task: Task) -> None:
        self.tasks[task.id] = task
        if task.parent_id is not None:
            self.children.setdefault(task.parent_id, {})[task.name] = task

    def _children(self, graph: Task) -> dict[str, Task]:
        return self.children.setdefault(graph.id, {})

    def _failing(self, graph: Task) -> bool:
        return any(child.state in LOST for child in self._children(graph).values())

    @staticmethod
    def _all_finished(children: dict[str, Task]) -> bool:
        return all(child.state in FINISHED for child in children.values())

    def _end(self, graph: Task, children: dict[str, Task], outputs: flow.Sides) -> None:
        failed = [child for child in children.values() if child.state == RunState.FAILED]
        if failed:
            first = min(failed, key=lambda child: (child.finished_at is None, child.finished_at))
            reason = first.error or "no reason given"
            inner = first.kind in GRAPHS
            self._fail(graph, reason if inner else f"{first.display_name}: {reason}")
        elif any(child.state == RunState.CANCELED for child in children.values()):
            set_task_state(graph, RunState.CANCELED)
        else:
            graph.outputs = outputs
            set_task_state(graph, RunState.SUCCEEDED)

    def _fail(self, task: Task, message: str) -> None:
        set_task_state(task, RunState.FAILED, message)


def _stops(task: Task) -> bool:
    """Whether what comes after a finished task cannot begin."""
    if task.state in LOST:
        return True
    return task.state == RunState.SKIPPED and task.skip_reason == "upstream"
