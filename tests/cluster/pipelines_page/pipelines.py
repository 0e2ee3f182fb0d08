"""Pipelines whose runs have everything that the page shows."""

# No postponed annotations: the SDK reads them.

from kfp import dsl
from kfp.dsl import HTML, ClassificationMetrics, Markdown, Metrics, Output

IMAGE = "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-runtime:1.0"


def step(function):
    """A component in the lab's runtime image, which has the SDK already."""
    return dsl.component(base_image=IMAGE, install_kfp_package=False)(function)


@step
def prepare(rows: int) -> int:
    print(f"{rows} rows")
    return rows


@step
def train(rows: int, rate: float) -> float:
    print(f"training with {rate}")
    return 1 - rate


@step
def count(seconds: int) -> str:
    import time

    for number in range(seconds * 2):
        print(f"counted {number}", flush=True)
        time.sleep(0.5)
    return "counted"


@step
def report(
    numbers: Output[Metrics],
    classes: Output[ClassificationMetrics],
    page: Output[HTML],
    notes: Output[Markdown],
):
    from pathlib import Path

    numbers.log_metric("accuracy", 0.99)
    classes.log_confusion_matrix(["four", "nine"], [[97, 3], [1, 99]])
    classes.log_roc_curve([0.0, 0.1, 1.0], [0.0, 0.95, 1.0], [1.0, 0.5, 0.0])
    Path(page.path).write_text("<h1>Report</h1><script>document.title = 'ran'</script>")
    Path(notes.path).write_text("# Notes\n\nA **bold** word.")


@step
def refuse(reason: str) -> str:
    raise ValueError(reason)


@dsl.pipeline(name="page-tour")
def tour(rows: int, seconds: int = 8, label: str = "v1"):
    first = prepare(rows=rows).set_display_name("Prepare")
    with dsl.ParallelFor([0.1, 0.2], name="rates") as rate:
        train(rows=first.output, rate=rate).set_display_name("Train")
    slow = count(seconds=seconds).set_display_name("Count")
    slow.after(first)
    report().after(slow).set_display_name("Report")


@dsl.pipeline(name="page-failure")
def failure(reason: str = "the data is missing"):
    refuse(reason=reason).set_display_name("Refuse")
