"""The command line: ``python -m mnist_workload STEP``. Says as JSON what the step did."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mnist_workload.configuration import load_paths, load_training_configuration
from mnist_workload.errors import WorkloadError
from mnist_workload.evaluation import summary, write_kubeflow_outputs
from mnist_workload.fetch import DEFAULT_CACHE, fetch
from mnist_workload.review import mistakes_table
from mnist_workload.steps import (
    run_evaluate,
    run_preprocess,
    run_review,
    run_train,
    upload_data,
)
from mnist_workload.storage import ObjectStore, load_storage_configuration

Step = Callable[[argparse.Namespace], dict[str, Any]]


def main(arguments: list[str] | None = None) -> int:
    """Run one step; an error is one line on standard error and exit status 1."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    step: Step = options.step
    try:
        result = step(options)
    except WorkloadError as error:
        print(f"mnist_workload: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mnist_workload", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="STEP")

    def add(name: str, step: Step, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(step=step)
        return command

    command = add("fetch", _fetch, "Bring MNIST to this machine.")
    command.add_argument("--cache", type=Path, default=DEFAULT_CACHE)
    command = add("upload", _upload, "Bring MNIST from its IDX files into the bucket.")
    command.add_argument("folder", type=Path, help="the folder that fetch printed")
    add("preprocess", _preprocess, "Read the tables from the bucket, leave the processed arrays.")
    command = add("train", _train, "Train, export, check and store the model.")
    command.add_argument("--profile", choices=("default", "quick"))
    command = add("evaluate", _evaluate, "Test the stored model.")
    command.add_argument("--output", type=Path, help="folder for the files that Kubeflow shows")
    add("review", _review, "List the digits that the stored model reads wrongly.")
    return parser


def _store() -> ObjectStore:
    return ObjectStore(load_storage_configuration())


def _fetch(options: argparse.Namespace) -> dict[str, Any]:
    folder, changed = fetch(options.cache)
    return {"changed": changed, "folder": str(folder)}


def _upload(options: argparse.Namespace) -> dict[str, Any]:
    return {"changed": upload_data(_store(), options.folder, load_paths())}


def _preprocess(_options: argparse.Namespace) -> dict[str, Any]:
    return {"data_sha256": run_preprocess(_store(), load_paths())}


def _train(options: argparse.Namespace) -> dict[str, Any]:
    configuration = load_training_configuration(profile=options.profile)
    return run_train(_store(), load_paths(), configuration)


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    evaluation = run_evaluate(_store(), load_paths())
    if options.output:
        write_kubeflow_outputs(evaluation, options.output)
    return summary(evaluation)


def _review(_options: argparse.Namespace) -> dict[str, Any]:
    return {"mistakes": mistakes_table(run_review(_store(), load_paths()))}


if __name__ == "__main__":
    sys.exit(main())
