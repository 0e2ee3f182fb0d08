"""Pipelines for the tests; their steps are never run."""

from typing import NamedTuple

from kfp import dsl, kubernetes
from kfp.dsl import Dataset, Input, Output


def step(function):
    """A Python component."""
    return dsl.component(base_image="registry/image:1", install_kfp_package=False)(function)


@step
def add(a: int, b: int) -> int:
    return a + b


@step
def say(text: str) -> str:
    return text


@step
def write(number: int, data: Output[Dataset]):
    pass


@step
def read(data: Input[Dataset]) -> str:
    return ""


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


@step
def read_status(status: dsl.PipelineTaskFinalStatus) -> str:
    return status.state


@step
def pair() -> NamedTuple("Pair", left=int, right=str):
    return (1, "a")


@dsl.pipeline(name="two-steps")
def two_steps(n: int = 1):
    first = add(a=n, b=1)
    add(a=first.output, b=1)


@dsl.pipeline(name="required")
def required(n: int, word: str = "x", flag: bool = False, ratio: float = 0.5):
    add(a=n, b=1)
    say(text=word)


@dsl.pipeline(name="branches")
def branches(side: str = "heads") -> str:
    coin = say(text=side)
    with dsl.If(coin.output == "heads"):
        heads = say(text="H")
    with dsl.Else():
        tails = say(text="T")
    return dsl.OneOf(heads.output, tails.output)


@dsl.pipeline(name="loop")
def loop():
    with dsl.ParallelFor([1, 2, 3], parallelism=2) as item:
        more = add(a=item, b=10)
    total(numbers=dsl.Collected(more.output))


@dsl.pipeline(name="guarded")
def guarded():
    last = read_status()
    with dsl.ExitHandler(last):
        first = say(text="a")
        say(text=first.output)


@dsl.pipeline(name="artifacts")
def artifacts():
    written = write(number=7)
    read(data=written.outputs["data"])


@dsl.pipeline(name="retried")
def retried():
    say(text="x").set_retry(num_retries=2, backoff_duration="10s", backoff_factor=2.0)


@dsl.pipeline(name="inner")
def inner(n: int) -> int:
    return add(a=n, b=1).output


@dsl.pipeline(name="outer")
def outer(n: int = 1) -> int:
    once = inner(n=n)
    say(text=f"got-{once.output}")
    return once.output


@dsl.container_component
def shell(text: str, out: dsl.OutputPath(str)):
    """Prints."""
    return dsl.ContainerSpec(image="image:1", command=["sh", "-c"], args=[text, out])


@dsl.pipeline(name="shell")
def one_command(text: str = "x"):
    shell(text=text)


@dsl.pipeline(
    name="kept-for-minutes",
    pipeline_config=dsl.PipelineConfig(
        ttl_seconds_after_finished=60, ttl_seconds_after_failure=120
    ),
)
def kept_for_minutes():
    add(a=1, b=1)


@dsl.component(base_image="registry/image:1", install_kfp_package=False)
def train(metrics: dsl.Output[dsl.Metrics]) -> float:
    return 0.0


@dsl.component(base_image="registry/image:1", install_kfp_package=False)
def judge(loss: float, metrics: dsl.Input[dsl.Metrics]) -> str:
    return ""


@dsl.pipeline(name="trained")
def trained():
    first = train()
    judge(loss=first.outputs["Output"], metrics=first.outputs["metrics"])


@dsl.pipeline(name="claimed")
def claimed(size: str = "1Gi"):
    kubernetes.CreatePVC(pvc_name="claim", access_modes=["ReadWriteOnce"], size=size)


@dsl.pipeline(name="patient")
def patient():
    say(text="x").set_retry(
        num_retries=3, backoff_duration="10s", backoff_factor=1e200, backoff_max_duration="60s"
    )


@dsl.pipeline(name="with-secret")
def with_secret():
    kubernetes.use_secret_as_volume(say(text="x"), secret_name="absent", mount_path="/etc/s")


@dsl.pipeline(name="limited")
def limited(amount: str = "2", kind: str = "example.com/gpu"):
    made = say(text=amount).set_caching_options(False)
    task = say(text="x").set_cpu_limit(amount).set_cpu_request(made.output)
    task.set_memory_limit("2Gi").set_memory_request(amount)
    task.set_accelerator_type(kind).set_accelerator_limit(made.output)


@dsl.pipeline(name="wide")
def wide():
    with dsl.ParallelFor(list(range(500))) as item:
        add(a=item, b=1).set_caching_options(False)


@dsl.pipeline(name="model-car")
def model_car():
    dsl.importer(artifact_uri="oci://registry/model:1", artifact_class=dsl.Model, reimport=False)


@dsl.pipeline(name="given-car")
def given_car(uri: str):
    dsl.importer(artifact_uri=uri, artifact_class=dsl.Model, reimport=False)


@dsl.pipeline(name="names-much")
def names_much(secret: str = "given"):
    task = say(text="x")
    kubernetes.use_secret_as_volume(task, secret_name="volume", mount_path="/etc/s")
    kubernetes.use_secret_as_env(task, secret_name=secret, secret_key_to_env={"k": "V"})
    kubernetes.use_config_map_as_volume(task, config_map_name="settings", mount_path="/etc/c")
    kubernetes.use_config_map_as_env(task, config_map_name="more", config_map_key_to_env={"k": "W"})
    kubernetes.set_image_pull_secrets(task, secret_names=["registry"])


@dsl.pipeline(name="names-what-it-makes")
def names_what_it_makes():
    made = say(text="victim")
    kubernetes.use_secret_as_volume(say(text="x"), secret_name=made.output, mount_path="/etc/s")


@dsl.component(base_image="registry/image:1", install_kfp_package=False)
def nothing():
    pass


@dsl.pipeline(name="names-nothing")
def names_nothing():
    nothing()
