"""A step made ready: executor input, placeholders, fingerprint, pod, Kubernetes options."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_server.database.models import Artifact
from pipeline_server.execution import executor_input, names
from pipeline_server.execution.executor_input import StepContext, StepWork
from pipeline_server.execution.fingerprint import fingerprint
from pipeline_server.execution.kubernetes_options import OptionsReader
from pipeline_server.execution.pod_status import read_status
from pipeline_server.execution.pods import KubernetesOptions, StepPod, build_pod
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.settings import Settings

from . import pipelines

Read = Callable[[Any], PipelineIR]

CONTEXT = StepContext(
    run_id="run-1",
    run_name="a run",
    job_name="pipeline-run-1",
    task_id="task-1",
    task_name="say",
    pipeline_root="s3://bucket/root",
    created_at="2026-01-01T00:00:00+00:00",
    scheduled_at="2026-01-01T00:00:00+00:00",
    elyra_url="http://server/elyra",
)
ARTIFACT = Artifact(
    id="a1",
    name="data",
    uri="s3://bucket/some/data",
    schema_title="system.Dataset",
    schema_version="0.0.1",
    meta={"number": 7.0},
)


def work(pipeline: PipelineIR, component: str, artifacts: bool = False, **given: Any) -> StepWork:
    inputs = {"parameters": given, "artifacts": {"data": ["a1"]} if artifacts else {}}
    return executor_input.build(
        pipeline, component, inputs, {"a1": ARTIFACT}, CONTEXT, "s3://bucket/root/say/task-1"
    )


def test_the_executor_input_is_upstream_s(read_ir: Read) -> None:
    step = work(read_ir(pipelines.artifacts), "comp-read", artifacts=True)
    assert step.executor_input == {
        "inputs": {
            "artifacts": {
                "data": {
                    "artifacts": [
                        {
                            "name": "data",
                            "type": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"},
                            "uri": "s3://bucket/some/data",
                            "metadata": {"number": 7},
                        }
                    ]
                }
            }
        },
        "outputs": {
            "parameters": {"Output": {"outputFile": "/tmp/kfp/outputs/Output"}},
            "outputFile": "/s3/bucket/root/say/task-1/executor_output.json",
        },
    }
    assert json.loads(step.arguments[1]) == step.executor_input


def test_outputs_have_a_place_in_the_store(read_ir: Read) -> None:
    step = work(read_ir(pipelines.artifacts), "comp-write", number=1)
    assert step.artifacts == [
        {
            "name": "data",
            "uri": "s3://bucket/root/say/task-1/data",
            "path": "/s3/bucket/root/say/task-1/data",
        }
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{$.pipeline_job_uuid}}/{{$.pipeline_task_uuid}}", "run-1/task-1"),
        ("{{$.pipeline_job_name}} {{$.pipeline_task_name}}", "a run say"),
        ("{{workflow.uid}}", "run-1"),
        ("{{$.workspace_path}}/x", "/kfp-workspace/x"),
        ("plain {not} a $placeholder", "plain {not} a $placeholder"),
    ],
)
def test_placeholders_in_values(read_ir: Read, text: str, expected: str) -> None:
    step = work(read_ir(pipelines.one_command), "comp-shell", text=text)
    assert step.arguments == [expected, "/tmp/kfp/outputs/out"]


def test_elyra_fetches_nothing_from_the_internet(read_ir: Read) -> None:
    base = "https://raw.githubusercontent.com/elyra-ai/elyra/v4.1.1"
    pipeline = read_ir(pipelines.one_command)
    container = pipeline.deployment.executors["exec-shell"].container
    container.args[0] = (
        f"curl -L {base}/elyra/kfp/bootstrapper.py --output bootstrapper.py && "
        f"curl -L {base}/etc/generic/requirements-elyra.txt --output requirements-elyra.txt"
    )
    step = work(pipeline, "comp-shell", text="x")
    assert step.arguments[0] == (
        "curl -L http://server/elyra/bootstrapper.py --output bootstrapper.py && "
        "curl -L http://server/elyra/requirements-elyra.txt --output requirements-elyra.txt"
    )


def test_the_fingerprint_follows_what_outputs_depend_on(read_ir: Read) -> None:
    pipeline = read_ir(pipelines.one_command)

    def of(text: str, claims: tuple[str, ...] = (), key: str = "") -> str:
        inputs = {"parameters": {"text": text}}
        return fingerprint(pipeline, "comp-shell", inputs, {}, list(claims), key)

    assert of("a") == of("a")
    assert len({of("a"), of("b"), of("a", ("claim",)), of("a", key="mine")}) == 4
    assert of("a", key="mine") == of("b", key="mine")
    before = of("a")
    pipeline.deployment.executors["exec-shell"].container.image = "image:2"
    assert of("a") != before


def step_pod(settings: Settings, mode: str = "launcher", **options: Any) -> dict[str, Any]:
    step = StepPod(
        name="say-1",
        run_id="run-1",
        run_name="a run",
        task_id="task-1",
        task_name="say",
        number=1,
        attempt_id="attempt-1",
        token="secret-token",
        mode=mode,
        work=StepWork("image:1", ["echo", "$(HOME)"], [], {"A": "1"}, {}, {}),
        service_account="runner",
        kubernetes=KubernetesOptions(**options),
    )
    return build_pod(step, settings)


def test_a_step_s_pod_is_restricted(settings: Settings) -> None:
    pod = step_pod(settings)
    spec = pod["spec"]
    [container] = spec["containers"]
    assert container["command"][-1] == "run"
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    environment = {item["name"]: item["value"] for item in container["env"]}
    assert environment["LAB_STEP_URL"] == "http://server/internal/steps/attempt-1"
    assert environment["SSL_CERT_FILE"] == environment["PIP_CERT"]
    assert not any("secret" in name.lower() for name in environment)


def test_helpers_for_an_image_without_python(settings: Settings) -> None:
    pod = step_pod(settings, "sidecar")
    fetch, finish = pod["spec"]["initContainers"]
    assert (fetch["command"][-1], finish["command"][-1]) == ("fetch", "finish")
    assert finish["restartPolicy"] == "Always"
    main = pod["spec"]["containers"][0]
    assert main["command"] == ["echo", "$$(HOME)"], "Kubernetes must not expand it"
    assert "LAB_STEP_TOKEN" not in {item["name"] for item in main["env"]}


def test_a_claim_at_the_place_of_an_own_volume(settings: Settings) -> None:
    claim = {"name": "volume-0", "persistentVolumeClaim": {"claimName": "c"}}
    mount = {"name": "volume-0", "mountPath": "/tmp"}
    pod = step_pod(settings, volumes=[claim], mounts=[mount])
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    assert [item["name"] for item in mounts if item["mountPath"] == "/tmp"] == ["volume-0"]


def test_names_are_kubernetes_names() -> None:
    name = names.pod_name("Run a file: Größe " + "x" * 80, "0123-4567-89ab-cdef", 12)
    assert len(name) <= 63
    assert name.endswith("-0123456789ab-12")
    assert names.label_value("-a b/c-") == "a-b-c"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (
            {"secretAsEnv": [{"secretName": "s", "keyToEnv": [{"secretKey": "k", "envVar": "V"}]}]},
            {
                "secretAsEnv": [
                    {
                        "secretNameParameter": {"runtimeValue": {"constant": "s"}},
                        "keyToEnv": [{"secretKey": "k", "envVar": "V"}],
                    }
                ]
            },
        ),
        (
            {"pvcMount": [{"constant": "c", "mountPath": "/data"}]},
            {
                "pvcMount": [
                    {
                        "pvcNameParameter": {"runtimeValue": {"constant": "c"}},
                        "mountPath": "/data",
                    }
                ]
            },
        ),
        (
            {"configMapAsVolume": [{"configMapName": "m", "mountPath": "/etc/m"}]},
            {
                "configMapAsVolume": [
                    {
                        "configMapNameParameter": {"runtimeValue": {"constant": "m"}},
                        "mountPath": "/etc/m",
                    }
                ]
            },
        ),
        (
            {"imagePullSecret": [{"secretName": "p"}]},
            {"imagePullSecret": [{"secretNameParameter": {"runtimeValue": {"constant": "p"}}}]},
        ),
    ],
)
def test_both_spellings_mean_the_same(older: dict[str, Any], newer: dict[str, Any]) -> None:
    first = OptionsReader(older, {}, {}).read()
    assert first == OptionsReader(newer, {}, {}).read()
    assert first != KubernetesOptions()


def test_names_out_of_parameters_and_outputs() -> None:
    config = {
        "pvcMount": [
            {
                "taskOutputParameter": {
                    "producerTask": "createpvc",
                    "outputParameterKey": "name",
                },
                "mountPath": "/data",
            },
            {"componentInputParameter": "claim", "mountPath": "/more", "subPath": "a"},
        ],
        "activeDeadlineSeconds": "30",
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    made = {"createpvc": {"parameters": {"name": "made"}}}
    options = OptionsReader(config, {"claim": "given"}, made).read()
    assert options.claims == ["made", "given"]
    assert options.mounts[1]["subPath"] == "a"
    assert options.deadline_seconds == 30


@pytest.mark.parametrize(
    "config",
    [
        {"pvcMount": [{"mountPath": "/data"}]},
        {"secretAsVolume": [{"secretName": "s", "mountPath": "relative"}]},
        {"secretAsVolume": [{"secretName": "", "mountPath": "/etc/s"}]},
    ],
)
def test_options_that_cannot_be_carried_out(config: dict[str, Any]) -> None:
    with pytest.raises(PipelineError, match=r"platforms\.kubernetes"):
        OptionsReader(config, {}, {}).read()


def pod_status(**state: Any) -> dict[str, Any]:
    return {
        "status": {
            "phase": "Pending",
            "containerStatuses": [{"name": "main", "state": state}],
        }
    }


def test_a_pod_in_words() -> None:
    killed = read_status(pod_status(terminated={"exitCode": 137, "reason": "OOMKilled"}))
    assert (killed.finished, killed.note) == (
        True,
        "the step used more memory than its limit (OOMKilled)",
    )
    waiting = read_status(
        pod_status(waiting={"reason": "ImagePullBackOff", "message": "no such image"})
    )
    assert waiting.note == "ImagePullBackOff: no such image"
    missing = read_status(
        pod_status(
            terminated={
                "exitCode": 128,
                "reason": "StartError",
                "message": 'exec: "python3": executable file not found in $PATH',
            }
        )
    )
    assert missing.without_python
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}
    unplaced = read_status({"status": {"phase": "Pending", "conditions": [condition]}})
    assert unplaced.note == "Unschedulable: 0/1 nodes"


OWN_TEXT = ["{{$.word}}", "a {{$.inputs}} b", "{{$.x['y']}}", "{{ $.z }}", "{{$.outputs.more}}"]


@pytest.mark.parametrize("text", OWN_TEXT)
@pytest.mark.parametrize("as_value", [False, True])
def test_what_is_no_placeholder_is_left_alone(read_ir: Read, text: str, as_value: bool) -> None:
    """A component's own text, or a value, may look like one."""
    pipeline = read_ir(pipelines.one_command)
    container = pipeline.executor("comp-shell").container
    del container.args[:]
    container.args.append("{{$.inputs.parameters['text']}}" if as_value else text)
    step = work(pipeline, "comp-shell", text=text)
    assert step.arguments == [text]


def test_a_missing_input_is_an_error(read_ir: Read) -> None:
    pipeline = read_ir(pipelines.one_command)
    with pytest.raises(PipelineError, match="the step has no such input"):
        work(pipeline, "comp-shell")


def test_the_names_of_a_run(read_ir: Read) -> None:
    pipeline = read_ir(pipelines.one_command)
    container = pipeline.executor("comp-shell").container
    container.args[0] = "{{$.pipeline_job_resource_name}} {{$.pipeline_job_name}}"
    assert work(pipeline, "comp-shell", text="").arguments[0] == "pipeline-run-1 a run"


ABSENT = {"componentInputParameter": "absent"}


@pytest.mark.parametrize(
    "config",
    [
        {"pvcMount": [{"pvcNameParameter": ABSENT, "mountPath": "/data"}]},
        {"pvcMount": [{**ABSENT, "mountPath": "/data"}]},
        {"secretAsVolume": [{"secretNameParameter": ABSENT, "mountPath": "/etc/s"}]},
        {
            "secretAsEnv": [
                {"secretNameParameter": ABSENT, "keyToEnv": [{"secretKey": "k", "envVar": "V"}]}
            ]
        },
        {"configMapAsVolume": [{"configMapNameParameter": ABSENT, "mountPath": "/etc/c"}]},
        {
            "configMapAsEnv": [
                {
                    "configMapNameParameter": ABSENT,
                    "keyToEnv": [{"configMapKey": "k", "envVar": "V"}],
                }
            ]
        },
        {"imagePullSecret": [{"secretNameParameter": ABSENT}]},
        {"nodeSelector": {"nodeSelectorJson": ABSENT}},
        {"tolerations": [{"tolerationJson": ABSENT}]},
        {"nodeAffinity": [{"nodeAffinityJson": ABSENT}]},
    ],
)
def test_options_whose_parameter_has_no_value_are_left_out(config: dict[str, Any]) -> None:
    assert OptionsReader(config, {}, {}).read() == KubernetesOptions()


def test_a_node_affinity_as_json_leaves_those_of_pods() -> None:
    """The JSON stands for the whole of the node's part, and for no more."""
    whole = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    config = {
        "nodeAffinity": [
            {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
            {"nodeAffinityJson": {"runtimeValue": {"constant": whole}}},
        ],
        "podAffinity": [{"topologyKey": "zone", "matchPodLabels": {"app": "x"}, "anti": True}],
    }
    affinity = OptionsReader(config, {}, {}).read().affinity
    assert affinity["nodeAffinity"] == whole
    (term,) = affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "zone"
