"""Pipelines compiled by the SDK itself, so that the page is tested on the real form."""

import functools
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from kfp import compiler, dsl

IMAGE = "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-runtime:1.0"


@dsl.component(base_image=IMAGE)
def pre_process(rows: int) -> int:
    return rows


@dsl.component(base_image=IMAGE)
def train(rows: int, rate: float) -> float:
    return rate * rows


@dsl.component(base_image=IMAGE)
def evaluate(score: float) -> float:
    return score


@dsl.component(base_image=IMAGE)
def clean_up(note: str) -> None:
    print(note)


@dsl.component(base_image=IMAGE)
def take(text: str, whole: int, number: float, flag: bool, items: list, table: dict) -> None:
    print(text, whole, number, flag, items, table)


# One of each type, none of them plain.
DEFAULTS: dict[str, Any] = {
    "text": " two\r\nlines\n",
    "whole": -7,
    "number": 1e-7,
    "flag": True,
    "items": ["", 1.0, {"a": "b\nc"}],
    "table": {"": [], "é": "  "},
}


def compiled(pipeline: Any) -> dict[str, Any]:
    """The IR of a pipeline function."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(pipeline, str(path))
        return dict(next(yaml.safe_load_all(path.read_text())))


@functools.cache
def mnist() -> dict[str, Any]:
    """Four steps: one after another, then two side by side."""

    @dsl.pipeline(name="mnist")
    def pipeline(
        epochs: int,
        rate: float = 0.001,
        tag: str = "v2",
        flip: bool = False,
        layers: list = [32, 64],  # noqa: B006 - the SDK's way to give a list its default
    ) -> None:
        first = pre_process(rows=epochs).set_display_name("Pre-process")
        second = train(rows=first.output, rate=rate).set_display_name("Train")
        evaluate(score=second.output).set_display_name("Evaluate")
        third = evaluate(score=second.output).set_display_name("Review")
        third.after(first)

    return compiled(pipeline)


@functools.cache
def nested() -> dict[str, Any]:
    """A loop, a condition and an exit handler."""

    @dsl.pipeline(name="nested")
    def pipeline(rows: int = 10) -> None:
        last = clean_up(note="done").set_display_name("Clean up")
        with dsl.ExitHandler(last, name="guarded"):
            first = pre_process(rows=rows).set_display_name("Pre-process")
            with dsl.ParallelFor([0.1, 0.2, 0.3], name="rates", parallelism=2) as rate:
                train(rows=first.output, rate=rate).set_display_name("Train")
            with dsl.If(first.output > 5, name="enough rows"):
                evaluate(score=0.5).set_display_name("Evaluate")

    return compiled(pipeline)


@functools.cache
def every_type() -> dict[str, Any]:
    """A parameter of every type, with and without a default."""

    @dsl.pipeline(name="every-type")
    def pipeline(
        text: str,
        whole: int,
        number: float,
        flag: bool,
        items: list,
        table: dict,
        text_else: str = "",
        whole_else: int = DEFAULTS["whole"],
        number_else: float = DEFAULTS["number"],
        flag_else: bool = DEFAULTS["flag"],
        items_else: list = DEFAULTS["items"],
        table_else: dict = DEFAULTS["table"],
    ) -> None:
        take(text=text, whole=whole, number=number, flag=flag, items=items, table=table)
        take(
            text=text_else,
            whole=whole_else,
            number=number_else,
            flag=flag_else,
            items=items_else,
            table=table_else,
        )

    spec = compiled(pipeline)
    # The SDK writes defaults into the package's comments, where a line end would end the comment.
    spec["root"]["inputDefinitions"]["parameters"]["text_else"]["defaultValue"] = DEFAULTS["text"]
    return spec
