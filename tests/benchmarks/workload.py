"""Times the workload on the real MNIST and writes the figures as JSON.

  preprocess  both tables from CSV to the network's form, all 70,000 images
  default     the default training: seconds, accuracy on all 10,000 test images, peak memory
  quick       the quick profile likewise
  spread      the default training with five seeds: mean and least accuracy; only when it is named
  inference   one image with ONNX Runtime, of the model that `default` (or `quick`) trained
  drawing     one drawing of 280 pixels, from PNG to the model's tensor

Run it in the workload's environment:

    "$(./lab venv workload)/bin/python" tests/benchmarks/workload.py --output workload.json

The exit status is 1 when a figure misses its target.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab_ground.machine_speed import loop_seconds
from mnist_workload.fetch import DEFAULT_CACHE, fetch

PROJECT = Path(__file__).resolve().parents[2]
SEEDS = (1, 2, 3, 4, 5)
# Figure: (target, whether more is better).
TARGETS: dict[str, dict[str, tuple[float, bool]]] = {
    "preprocess": {"seconds": (10.0, False)},
    "default": {
        "seconds": (75.0, False),
        "accuracy": (0.993, True),
        "peak_memory_gib": (3.0, False),
    },
    "spread": {"mean_accuracy": (0.994, True), "median_seconds": (75.0, False)},
    "quick": {"seconds": (30.0, False), "accuracy": (0.96, True)},
    "inference": {"milliseconds": (0.5, False)},
    "drawing": {},
}


def measure_preprocess(folder: Path) -> dict[str, float]:
    """Time reading, checking and converting both tables, as they lie on a disk."""
    from mnist_workload.data import read_csv, read_mnist, write_csv
    from mnist_workload.preprocessing import preprocess, save_processed

    tables = [folder / "train.csv", folder / "test.csv"]
    for dataset, path in zip(read_mnist(idx_folder()), tables, strict=True):
        write_csv(dataset, path)
    started, used = time.monotonic(), time.process_time()
    data = preprocess(*(read_csv(path) for path in tables))
    save_processed(folder / "processed.npz", data)
    return {
        "images": len(data.train_images) + len(data.test_images),
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - used,
    }


def measure_training(folder: Path, profile: str) -> dict[str, Any]:
    """Train with a profile, export, compare, and test on all test images."""
    from mnist_workload.configuration import load_training_configuration
    from mnist_workload.data import read_mnist
    from mnist_workload.evaluation import evaluate
    from mnist_workload.export import compare, export_model
    from mnist_workload.prediction import open_model, predict
    from mnist_workload.preprocessing import preprocess
    from mnist_workload.training import train

    data = preprocess(*read_mnist(idx_folder()))
    configuration = load_training_configuration(profile=profile)
    used = time.process_time()
    result = train(data.train_images, data.train_labels, configuration, verbose=0)
    used = time.process_time() - used
    path = folder / "model.onnx"
    export_model(result.model, path)
    difference = compare(result.model, path, data.test_images)
    evaluation = evaluate(data.test_labels, predict(open_model(path), data.test_images))
    return {
        "seconds": result.seconds,
        "cpu_seconds": used,
        "epochs": len(result.history["loss"]),
        "accuracy": evaluation.accuracy,
        "f1": evaluation.f1,
        "largest_difference_from_tensorflow": difference,
        "devices": list(result.devices),
    }


def measure_spread(_folder: Path) -> dict[str, Any]:
    """Train with the default profile and five seeds, and test each on all test images."""
    from dataclasses import replace

    from mnist_workload.configuration import load_training_configuration
    from mnist_workload.data import read_mnist
    from mnist_workload.preprocessing import preprocess
    from mnist_workload.training import train

    data = preprocess(*read_mnist(idx_folder()))
    accuracies, seconds = [], []
    for seed in SEEDS:
        configuration = replace(load_training_configuration(profile="default"), seed=seed)
        result = train(data.train_images, data.train_labels, configuration, verbose=0)
        chosen = result.model.predict(data.test_images, batch_size=500, verbose=0).argmax(axis=1)
        accuracies.append(float((chosen == data.test_labels.argmax(axis=1)).mean()))
        seconds.append(result.seconds)
    return {
        "accuracies": accuracies,
        "mean_accuracy": statistics.mean(accuracies),
        "least_accuracy": min(accuracies),
        "median_seconds": statistics.median(seconds),
    }


def measure_inference(folder: Path) -> dict[str, float]:
    """Time one image at a time, as the model server does."""
    import numpy as np

    from mnist_workload.prediction import open_model, predict

    session = open_model(folder / "model.onnx")
    image = np.random.default_rng(0).random((1, 28, 28, 1), np.float32)
    return median_milliseconds(lambda: predict(session, image), 2000)


def measure_drawing(_folder: Path) -> dict[str, float]:
    """Time what the function does with a drawing before it asks the model."""
    from PIL import Image, ImageDraw

    from mnist_workload.inference import process_data

    canvas = Image.new("RGBA", (280, 280), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).line([(80, 60), (200, 60), (130, 230)], fill="black", width=18)
    stream = io.BytesIO()
    canvas.save(stream, "PNG")
    return median_milliseconds(lambda: process_data(stream.getvalue()), 100)


def median_milliseconds(call: Callable[[], object], times: int) -> dict[str, float]:
    """Return the median and the 99th percentile of a call, the first ones left out."""
    durations = []
    for _ in range(times + times // 10):
        started = time.perf_counter()
        call()
        durations.append((time.perf_counter() - started) * 1000)
    durations = sorted(durations[times // 10 :])
    return {
        "milliseconds": statistics.median(durations),
        "p99_milliseconds": durations[int(len(durations) * 0.99)],
    }


MEASURES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "preprocess": measure_preprocess,
    "default": lambda folder: measure_training(folder, "default"),
    "quick": lambda folder: measure_training(folder, "quick"),
    "spread": measure_spread,
    "inference": measure_inference,
    "drawing": measure_drawing,
}


def idx_folder() -> Path:
    """Return the folder of the real MNIST, fetched if it is not there yet."""
    return fetch(Path(os.environ.get("LAB_CACHE") or DEFAULT_CACHE))[0]


def machine() -> dict[str, Any]:
    """The machine that was measured on, with the loop that tells its speed."""
    return {"cores": os.cpu_count(), "loop_seconds": round(loop_seconds(), 4)}


def measure_apart(name: str, folder: Path) -> dict[str, Any]:
    """Measure in a process of its own, so that its peak memory is its own too."""
    load = os.getloadavg()[0]
    result = subprocess.run(
        [sys.executable, __file__, "--only", name, "--folder", str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        check=True,
    )
    figures: dict[str, Any] = json.loads(result.stdout)
    # What else the machine was doing: figures of a busy one are no measure of the workload.
    return figures | {"load_before": load}


def judge(name: str, figures: dict[str, Any]) -> list[str]:
    """Return what misses its target."""
    return [
        f"{name}.{figure} is {figures[figure]:.4g}, the target is {target:g}"
        for figure, (target, more_is_better) in TARGETS[name].items()
        if (figures[figure] < target if more_is_better else figures[figure] > target)
    ]


def main() -> int:
    """Measure, print JSON, and tell what misses its target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="FIGURE", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        with contextlib.redirect_stdout(sys.stderr):
            figures = MEASURES[options.only](options.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(json.dumps(figures | {"peak_memory_gib": peak}))
        return 0
    # The model of `default` is the one whose inference is timed, so `quick` goes first.
    usual = ["preprocess", "quick", "default", "inference", "drawing"]
    names = [name for name in [*usual, "spread"] if name in (options.names or usual)]
    with tempfile.TemporaryDirectory() as folder:
        figures = {name: measure_apart(name, Path(folder)) for name in names}
    missed = [text for name in names for text in judge(name, figures[name])]
    report = json.dumps(
        {"machine": machine(), "figures": figures, "missed": missed}, indent=2, sort_keys=True
    )
    print(report)
    if options.output:
        options.output.write_text(report + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
