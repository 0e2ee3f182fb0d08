"""Pipelines that meet, or make, trouble."""

from kfp import dsl
from kfp import kubernetes as k8s
from kfp.dsl import Dataset, Metrics, Output

from sdk_pipelines.constructs import read, sleep, step


@step
def hoard(megabytes: int):
    kept = bytearray(megabytes * 1024 * 1024)
    for index in range(0, len(kept), 4096):
        kept[index] = 1


@step
def fill(path: str):
    with open(path + "/file", "wb") as file:  # noqa: PTH123 - in a step
        for _ in range(64):
            file.write(b"x" * 1024 * 1024)
            file.flush()


@step
def write_late(number: int, seconds: float, data: Output[Dataset]):
    import time
    from pathlib import Path

    time.sleep(seconds)
    Path(data.path).write_text(str(number))
    data.metadata["number"] = number


@dsl.pipeline(name="one-sleeper")
def one_sleeper():
    sleep(seconds=120.0)


@dsl.pipeline(name="sleeper-with-retry")
def sleeper_with_retry():
    sleep(seconds=8.0).set_retry(num_retries=1, backoff_duration="0s")


@dsl.pipeline(name="greedy")
def greedy():
    hoard(megabytes=400).set_memory_limit("128Mi").set_memory_request("64Mi")


@dsl.pipeline(name="chain")
def chain():
    first = sleep(seconds=4.0)
    second = sleep(seconds=3.0).after(first)
    sleep(seconds=1.0).after(second)


@dsl.pipeline(name="late-artifact")
def late_artifact():
    written = write_late(number=5, seconds=8.0)
    read(data=written.outputs["data"])


@dsl.pipeline(name="full-volume")
def full_volume():
    task = fill(path="/small")
    k8s.mount_pvc(task, pvc_name="small", mount_path="/small")


@dsl.pipeline(name="missing-secret")
def missing_secret():
    task = sleep(seconds=1.0)
    k8s.use_secret_as_env(task, secret_name="absent", secret_key_to_env={"word": "WORD"})


@dsl.pipeline(name="missing-volume")
def missing_volume():
    task = sleep(seconds=1.0)
    k8s.use_secret_as_volume(task, secret_name="absent", mount_path="/etc/absent")


@step
def diverge(metrics: Output[Metrics]) -> float:
    metrics.log_metric("loss", float("nan"))
    return 0.5


@dsl.pipeline(name="diverged")
def diverged():
    diverge()
