"""One sentence a failure: each rule on what the API really says."""

from __future__ import annotations

from typing import Any

import pytest

from lab_diagnosis import Evidence, diagnose

NAMESPACE = {"kind": "Namespace", "metadata": {"name": "mnist"}}


def thing(kind: str, name: str, **parts: Any) -> dict[str, Any]:
    metadata = {
        "name": name,
        "namespace": "mnist",
        "uid": f"uid-{name}",
        **parts.pop("metadata", {}),
    }
    return {"kind": kind, "metadata": metadata, **parts}


def pod(name: str = "web-1", **status: Any) -> dict[str, Any]:
    spec = status.pop("spec", {"containers": [{"name": "main"}]})
    return thing("Pod", name, spec=spec, status={"phase": "Pending", **status})


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": "main", "image": "lab/web:1.0", "ready": False, "state": state, **more}


def event(kind: str, name: str, reason: str, message: str, at: str = "2026-03-02T09:00:00Z") -> Any:
    return {
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "lastTimestamp": at,
    }


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def told(kind: str = "Deployment", name: str = "web", **parts: Any) -> str:
    """The sentence about an object in the namespace mnist."""
    parts.setdefault("thing", thing(kind, name))
    parts.setdefault("namespace_thing", NAMESPACE)
    return diagnose(Evidence(kind, name, "mnist", **parts), "Wait for it").sentence


def unscheduled(message: str, **parts: Any) -> dict[str, Any]:
    """A pod for which the scheduler finds no node."""
    return pod(conditions=[condition("PodScheduled", "False", "Unschedulable", message)], **parts)


def test_unschedulable_pod_names_what_it_asks_for_and_what_there_is() -> None:
    unfit = unscheduled(
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available.",
        spec={
            "containers": [
                {"name": "main", "resources": {"requests": {"cpu": "64", "memory": "2Gi"}}},
                {"name": "proxy", "resources": {"requests": {"cpu": "100m"}}},
            ]
        },
    )
    assert told(pods=[unfit]) == (
        "“Wait for it” failed: Deployment mnist/web waits: pod web-1, which asks for "
        "cpu 64 + 100m, memory 2Gi, fits on no node: 0/1 nodes are available: 1 Insufficient cpu"
        " — see more with: kubectl -n mnist describe pod web-1"
    )


@pytest.mark.parametrize("reason", ["ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff"])
def test_missing_image_is_named(reason: str) -> None:
    sentence = told(pods=[pod(containerStatuses=[waiting(reason, "Back-off")])])
    assert (
        f"the image lab/web:1.0 of pod web-1 is missing or cannot be pulled, {reason}" in sentence
    )


def test_missing_secret_is_named_before_the_container_starts() -> None:
    status = waiting("CreateContainerConfigError", 'secret "aws-connection-s3-creds" not found')
    sentence = told(pods=[pod(containerStatuses=[status])])
    assert "needs the Secret aws-connection-s3-creds, which does not exist" in sentence


def test_missing_configmap_that_should_be_mounted() -> None:
    message = (
        'MountVolume.SetUp failed for volume "ca" : configmap "odh-trusted-ca-bundle" not found'
    )
    sentence = told(pods=[pod()], events=[event("Pod", "web-1", "FailedMount", message)])
    assert "needs the ConfigMap odh-trusted-ca-bundle, which does not exist" in sentence


def test_crash_loop_ends_with_the_last_telling_log_line() -> None:
    log = (
        "2026-03-02T09:00:00Z starting\nTraceback (most recent call last):\n"
        '  File "app.py", line 3, in <module>\nValueError: bad shape (28, 27)\n\n'
    )
    status = waiting(
        "CrashLoopBackOff",
        restartCount=4,
        lastState={"terminated": {"exitCode": 1, "reason": "Error"}},
    )
    sentence = told(pods=[pod(containerStatuses=[status])], logs={("web-1", "main"): log})
    assert (
        "was restarted 4 times, exit code 1, last log line: “ValueError: bad shape (28, 27)”"
        in sentence
    )
    assert sentence.endswith("kubectl -n mnist logs web-1 -c main --tail=50 --previous")


def test_memory_kill_names_the_limit() -> None:
    status = waiting(
        "CrashLoopBackOff",
        restartCount=1,
        lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    )
    spec = {"containers": [{"name": "main", "resources": {"limits": {"memory": "64Mi"}}}]}
    sentence = told(pods=[pod(containerStatuses=[status], spec=spec)])
    assert "was restarted once, killed for using more than its memory limit of 64Mi" in sentence


def test_claim_without_volume_says_so_instead_of_the_pod() -> None:
    unfit = unscheduled("pod has unbound immediate PersistentVolumeClaims")
    claim = thing(
        "PersistentVolumeClaim",
        "ml-pipeline",
        spec={"storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}},
        status={"phase": "Pending"},
    )
    message = 'storageclass.storage.k8s.io "fast" not found'
    events = [event("PersistentVolumeClaim", "ml-pipeline", "ProvisioningFailed", message)]
    sentence = told(pods=[unfit], claims=[claim], events=events)
    assert "the claim ml-pipeline (10Gi), which gets no volume: " + message in sentence


def test_claim_that_waits_for_its_first_pod_is_no_cause() -> None:
    claim = thing("PersistentVolumeClaim", "notebook", spec={}, status={"phase": "Pending"})
    events = [event("PersistentVolumeClaim", "notebook", "WaitForFirstConsumer", "waiting")]
    finding = diagnose(
        Evidence(
            "PersistentVolumeClaim",
            "notebook",
            "mnist",
            thing=claim,
            claims=[claim],
            events=events[:1],
            namespace_thing=NAMESPACE,
        )
    )
    assert "gets no volume" not in finding.cause


def test_quota_gives_the_three_numbers() -> None:
    replica_set = thing("ReplicaSet", "web-abc")
    message = (
        'pods "web-abc-" is forbidden: exceeded quota: seat, requested: memory=4Gi, '
        "used: memory=7Gi, limited: memory=8Gi"
    )
    events = [event("ReplicaSet", "web-abc", "FailedCreate", message)]
    sentence = told(related=[replica_set], events=events)
    assert (
        "the quota seat does not allow it: memory=4Gi is asked for, memory=7Gi is used, "
        "memory=8Gi is the limit" in sentence
    )


def test_missing_service_account() -> None:
    message = 'pods "web-0" is forbidden: error looking up: serviceaccount "x" not found'
    events = [event("StatefulSet", "web", "FailedCreate", message)]
    assert "its ServiceAccount x does not exist" in told("StatefulSet", events=events)


def test_a_service_account_that_came_later_is_no_cause() -> None:
    """The odh-notebook-controller makes the account after the StatefulSet."""
    missing = 'pods "web-0" is forbidden: error looking up: serviceaccount "x" not found'
    refused = 'pods "web-0" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot'
    events = [
        event("StatefulSet", "web", "FailedCreate", refused),
        event("StatefulSet", "web", "FailedCreate", missing),
    ]
    sentence = told("StatefulSet", events=events, accounts=[thing("ServiceAccount", "x")])
    assert "violates PodSecurity" in sentence
    assert "does not exist" not in sentence
    # Without another refusal nothing is claimed.
    alone = told("StatefulSet", events=events[1:], accounts=[thing("ServiceAccount", "x")])
    assert "does not exist" not in alone


@pytest.mark.parametrize("kind", ["Notebook", "StatefulSet"])
def test_a_workbench_that_its_controller_holds(kind: str) -> None:
    """The odh-notebook-controller's notebook_webhook.go: InjectReconciliationLock."""
    held = {"kubeflow-resource-stopped": "odh-notebook-controller-lock"}
    notebook = thing("Notebook", "web", metadata={"annotations": held})
    parts = {"thing": notebook} if kind == "Notebook" else {"owner": notebook}
    sentence = told(kind, **parts)
    assert "held by the annotation kubeflow-resource-stopped: odh-notebook-controller-lock" in (
        sentence
    )
    assert "kubectl -n mnist get notebook web" in sentence
    stopped = thing("Notebook", "web", metadata={"annotations": dict.fromkeys(held, "2026-11-01")})
    assert "odh-notebook-controller" not in told("Notebook", thing=stopped)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "error (SignatureDoesNotMatch) when calling HeadBucket with Secret ds-pipeline-s3",
            "which refuses the key in Secret ds-pipeline-s3: the secret key is wrong",
        ),
        ("An error occurred (InvalidAccessKeyId)", "which does not know the S3 key"),
        (
            "An error occurred (NoSuchBucket)",
            "looks for a bucket that its object store does not have",
        ),
        (
            'Could not connect to the endpoint URL: "http://minio:9000/rhods"',
            "cannot reach its object store at http://minio:9000/rhods",
        ),
    ],
)
def test_object_store_conditions_are_translated(message: str, said: str) -> None:
    status = {
        "conditions": [
            condition("Ready", "False", "Waiting", "3 of 5 parts are ready"),
            condition("ObjectStoreAvailable", "False", "Refused", message),
        ]
    }
    kind = "DataSciencePipelinesApplication"
    sentence = told(kind, "ds-pipeline", thing=thing(kind, "ds-pipeline", status=status))
    assert said in sentence
    assert "(condition ObjectStoreAvailable)" in sentence


def test_a_key_that_only_the_log_tells_of() -> None:
    status = waiting("CrashLoopBackOff", restartCount=2, lastState={"terminated": {"exitCode": 1}})
    log = "ClientError: An error occurred (SignatureDoesNotMatch) when calling PutObject"
    sentence = told(pods=[pod(containerStatuses=[status])], logs={("web-1", "main"): log})
    assert "the secret key is wrong" in sentence
    assert "log of web-1/main" in sentence


def test_model_that_cannot_be_loaded() -> None:
    status = {
        "modelStatus": {
            "states": {"activeModelState": "FailedToLoad"},
            "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "not an ONNX file"},
        }
    }
    model = thing("InferenceService", "mnist", status=status)
    sentence = told("InferenceService", "mnist", thing=model)
    assert "could not load its model: ModelLoadFailed: not an ONNX file" in sentence


def test_removal_that_hangs_names_the_finalizer() -> None:
    held = thing(
        "InferenceService",
        "mnist",
        metadata={
            "deletionTimestamp": "2026-03-02T09:00:00Z",
            "finalizers": ["odh.inferenceservice.finalizers"],
        },
    )
    sentence = told("InferenceService", "mnist", thing=held)
    assert (
        "waits for the controller that holds the finalizer odh.inferenceservice.finalizers"
        in sentence
    )


def test_namespace_that_hangs_says_what_remains() -> None:
    home = {
        "kind": "Namespace",
        "metadata": {"name": "mnist", "deletionTimestamp": "2026-03-02T09:00:00Z"},
        "status": {
            "conditions": [
                condition(
                    "NamespaceFinalizersRemaining",
                    "True",
                    "SomeFinalizersRemain",
                    "Content has finalizers remaining: kopf.zalando.org/x in 1 resource instances",
                )
            ]
        },
    }
    sentence = told("PersistentVolumeClaim", "notebook", thing=None, namespace_thing=home)
    assert "its namespace mnist is being removed and waits: " in sentence
    assert "kopf.zalando.org/x in 1 resource instances" in sentence


def test_missing_object_and_missing_namespace_differ() -> None:
    assert "does not exist — see" in told(thing=None)
    assert "nor does its namespace mnist" in told(thing=None, namespace_thing=None)


def test_job_that_gave_up_ends_with_its_last_words() -> None:
    job = thing(
        "Job",
        "submit",
        status={"conditions": [condition("Failed", "True", "BackoffLimitExceeded")]},
    )
    sentence = told(
        "Job", "submit", thing=job, logs={("submit-1", "main"): "no token\nerror: refused\n"}
    )
    assert "failed as often as it may, its last words: “error: refused”" in sentence


def test_route_that_is_not_admitted() -> None:
    route = thing(
        "Route",
        "mnist-webapp",
        status={
            "ingress": [
                {
                    "conditions": [
                        condition("Admitted", "False", "HostAlreadyClaimed", "route a/b has it")
                    ]
                }
            ]
        },
    )
    assert "route a/b has it (HostAlreadyClaimed)" in told("Route", "mnist-webapp", thing=route)


def test_unready_container_tells_the_probe_and_the_log() -> None:
    running = pod(
        phase="Running",
        containerStatuses=[{"name": "main", "ready": False, "state": {"running": {}}}],
    )
    events = [event("Pod", "web-1", "Unhealthy", "Readiness probe failed: HTTP 503")]
    sentence = told(
        pods=[running], events=events, logs={("web-1", "main"): "waiting for database\n"}
    )
    assert (
        "runs but is not ready: Readiness probe failed: HTTP 503, last log line: "
        "“waiting for database”" in sentence
    )


def test_the_root_comes_before_the_noise() -> None:
    """Of two pods, the one that cannot start explains the one that is merely not ready."""
    late = pod(
        "web-2",
        phase="Running",
        containerStatuses=[{"name": "main", "ready": False, "state": {"running": {}}}],
    )
    broken = pod("web-1", containerStatuses=[waiting("ErrImageNeverPull")])
    assert "ErrImageNeverPull" in told(pods=[late, broken])


def test_a_plain_condition_is_quoted() -> None:
    status = {"conditions": [condition("Ready", "False", "NoRuntime", "no runtime takes onnx 2")]}
    model = thing("InferenceService", "mnist", status=status)
    assert "has Ready False: no runtime takes onnx 2 (NoRuntime)" in told(
        "InferenceService", "mnist", thing=model
    )


def test_nothing_known_is_admitted() -> None:
    finding = diagnose(
        Evidence(
            "Deployment",
            "web",
            "mnist",
            thing=thing("Deployment", "web"),
            namespace_thing=NAMESPACE,
        )
    )
    assert not finding.certain
    assert "may only need more time" in finding.sentence


def test_trouble_with_the_api_server_comes_first() -> None:
    finding = diagnose(Evidence("Pod", "x", "mnist", trouble="the API server does not answer"))
    assert finding.cause == "cannot be looked at: the API server does not answer"


def test_a_sentence_never_holds_a_credential() -> None:
    log = "ERROR login failed: token=abcdef0123456789 Bearer eyJhbGciOiJI.eyJzdWIiOiIx.c2ln"
    status = waiting("CrashLoopBackOff", restartCount=1, lastState={"terminated": {"exitCode": 1}})
    sentence = told(pods=[pod(containerStatuses=[status])], logs={("web-1", "main"): log})
    assert "abcdef0123456789" not in sentence
    assert "eyJ" not in sentence
    assert "[redacted]" in sentence
