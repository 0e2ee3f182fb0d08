"""Small pipelines, each of one construct of the IR, compiled by the SDK."""

# The SDK reads Optional[…] of the annotations, and not the newer spelling.
# ruff: noqa: UP045

from typing import NamedTuple, Optional

from kfp import dsl
from kfp.dsl import ClassificationMetrics, Dataset, Input, Metrics, Model, Output

IMAGE = "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-runtime:1.0"


def step(function):
    """A Python component in the lab's runtime image, which has the SDK already."""
    return dsl.component(base_image=IMAGE, install_kfp_package=False)(function)


@step
def add(a: int, b: int) -> int:
    return a + b


@step
def say(text: str) -> str:
    print(text)
    return text


@step
def fail(message: str = "on purpose") -> str:
    raise RuntimeError(message)


@step
def sleep(seconds: float) -> str:
    import time

    time.sleep(seconds)
    return "rested"


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


@step
def make_list() -> list[int]:
    return [1, 2, 3]


@step
def make_records() -> list[dict[str, int]]:
    return [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


@step
def write(number: int, data: Output[Dataset]):
    from pathlib import Path

    Path(data.path).write_text(str(number))
    data.metadata["number"] = number


@step
def read(data: Input[Dataset]) -> str:
    from pathlib import Path

    return f"{Path(data.path).read_text()}/{data.metadata.get('number')}"


@step
def read_all(data: Input[list[Dataset]]) -> str:
    from pathlib import Path

    return ",".join(Path(item.path).read_text() for item in data)


@step
def write_folder(model: Output[Model]):
    from pathlib import Path

    folder = Path(model.path)
    (folder / "sub").mkdir(parents=True)
    for name in ("a.txt", "sub/b.txt"):
        (folder / name).write_text(name)


@step
def read_folder(model: Input[Model]) -> str:
    from pathlib import Path

    return "|".join((Path(model.path) / name).read_text() for name in ("a.txt", "sub/b.txt"))


@step
def echo(i: int, f: float, s: str, b: bool, li: list, d: dict) -> NamedTuple(
    "Outputs", i=int, f=float, s=str, b=bool, li=list, d=dict
):
    if type(i) is not int or type(b) is not bool:
        raise TypeError(f"{i!r} {b!r}")
    return (i, f, s, b, li, d)


@step
def optional(a: str = "default", b: Optional[int] = None) -> str:
    return f"{a}-{b}"


@step
def read_status(status: dsl.PipelineTaskFinalStatus) -> str:
    return f"{status.state}|{status.error_message or ''}"


@step
def measure(metrics: Output[Metrics], classes: Output[ClassificationMetrics]):
    metrics.log_metric("accuracy", 0.99)
    classes.log_confusion_matrix(["cat", "dog"], [[1, 2], [3, 4]])
    classes.log_roc_curve([0, 0.5, 1], [0, 0.7, 1], [1, 0.5, 0])


@dsl.container_component
def shell(text: str, out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(
        image=IMAGE,
        command=["sh", "-c", 'mkdir -p "$(dirname "$1")"; printf %s "$0" > "$1"'],
        args=[text, out],
    )


@dsl.container_component
def structured(a: str, out: dsl.OutputPath(str), b: Optional[str] = None):
    return dsl.ContainerSpec(
        image=IMAGE,
        command=["sh", "-c", 'mkdir -p "$(dirname "$0")"; printf "%s " "$@" > "$0"'],
        args=[
            out,
            dsl.ConcatPlaceholder(["pre-", a]),
            dsl.IfPresentPlaceholder("b", then=["--b", b], else_=["none"]),
        ],
    )


@dsl.pipeline(name="all-types")
def all_types(
    i: int = 1,
    f: float = 1.5,
    s: str = "x",
    b: bool = True,
    li: list = [1, "a"],  # noqa: B006 - the SDK reads the default
    d: dict = {"k": 1},  # noqa: B006
):
    echo(i=i, f=f, s=s, b=b, li=li, d=d)
    optional()
    optional(a="given", b=3)


@dsl.pipeline(name="artifacts")
def artifacts():
    written = write(number=7)
    read(data=written.outputs["data"])
    folder = write_folder()
    read_folder(model=folder.outputs["model"])
    measure()


@dsl.pipeline(name="branches")
def branches(side: str = "heads") -> str:
    coin = say(text=side)
    with dsl.If(coin.output == "heads"):
        heads = say(text="H")
    with dsl.Elif(coin.output == "tails"):
        tails = say(text="T")
    with dsl.Else():
        edge = say(text="O")
    chosen = dsl.OneOf(heads.output, tails.output, edge.output)
    say(text=chosen).set_display_name("after")
    return chosen


@dsl.pipeline(name="numbers-in-conditions")
def number_conditions(n: int = 5, flag: bool = True):
    more = add(a=n, b=1)
    with dsl.If(more.output > 3):
        say(text="big")
        with dsl.If(flag == True):  # noqa: E712 - the SDK's own way
            say(text="flagged")
    with dsl.If(more.output <= 3):
        say(text="small")


@dsl.pipeline(name="loops")
def loops():
    with dsl.ParallelFor([1, 2, 3], parallelism=2) as item:
        more = add(a=item, b=10)
        written = write(number=item)
    total(numbers=dsl.Collected(more.output))
    read_all(data=dsl.Collected(written.outputs["data"]))
    made = make_list()
    with dsl.ParallelFor(made.output) as item:
        add(a=item, b=1)
    records = make_records()
    with dsl.ParallelFor(records.output) as item:
        summed = add(a=item.a, b=item.b)
    total(numbers=dsl.Collected(summed.output)).set_display_name("sum of records")


@dsl.pipeline(name="limited-loop")
def limited_loop():
    with dsl.ParallelFor([0.5, 0.5, 0.5, 0.5], parallelism=2) as seconds:
        sleep(seconds=seconds)


@dsl.pipeline(name="nested-loops")
def nested_loops():
    with dsl.ParallelFor([1, 2]) as i, dsl.ParallelFor([10, 20]) as j:
        add(a=i, b=j)


@dsl.pipeline(name="exit-after-failure")
def exit_after_failure():
    last = read_status()
    with dsl.ExitHandler(last):
        fail(message="oh no")


@dsl.pipeline(name="exit-after-success")
def exit_after_success():
    last = read_status()
    with dsl.ExitHandler(last):
        say(text="fine")


@dsl.pipeline(name="inner")
def inner(n: int) -> int:
    first = add(a=n, b=1)
    return add(a=first.output, b=1).output


@dsl.pipeline(name="nested")
def nested(n: int = 1) -> int:
    once = inner(n=n)
    twice = inner(n=once.output)
    say(text=f"got-{twice.output}-x")
    return twice.output


@dsl.pipeline(name="imports")
def imports(uri: str = "s3://mlpipeline/tests/imported.txt"):
    known = dsl.importer(
        artifact_uri=uri, artifact_class=Dataset, reimport=False, metadata={"number": 5}
    )
    read(data=known.output)


@dsl.pipeline(name="retries")
def retries():
    fail().set_retry(num_retries=2, backoff_duration="1s", backoff_factor=1.0)


@dsl.pipeline(name="order")
def order():
    first = say(text="1")
    say(text="2").after(first)
    failed = fail()
    say(text="clean up").after(failed).ignore_upstream_failure()
    say(text="never").after(failed)


@dsl.pipeline(name="placeholders")
def placeholders():
    out = shell(text="hello {{$.pipeline_job_uuid}}")
    structured(a=out.outputs["out"])
    structured(a="x", b="bb")
    say(
        text=f"{dsl.PIPELINE_JOB_ID_PLACEHOLDER}|{dsl.PIPELINE_TASK_NAME_PLACEHOLDER}|"
        f"{dsl.PIPELINE_JOB_NAME_PLACEHOLDER}"
    )


@dsl.pipeline(name="two-steps")
def two_steps(n: int = 1):
    first = add(a=n, b=1)
    add(a=first.output, b=1)


@dsl.pipeline(name="sleepers")
def sleepers(seconds: float = 60.0):
    first = say(text="before")
    sleep(seconds=seconds).after(first)
    sleep(seconds=seconds).after(first)


@dsl.pipeline(name="imports-late")
def imports_late(uri: str):
    first = say(text="before")
    known = dsl.importer(
        artifact_uri=uri, artifact_class=Dataset, reimport=True, metadata={"number": 1}
    )
    done = read(data=known.output).after(first)
    say(text=done.output)


@step
def spin(seconds: int):
    import time

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


@dsl.pipeline(name="five-hundred-steps")
def five_hundred_steps(seconds: int = 5):
    with dsl.ParallelFor(list(range(500))):
        spin(seconds=seconds)
