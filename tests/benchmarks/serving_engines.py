"""ONNX Runtime against OpenVINO on the lab's model, one process, one thread and two.

    python tests/benchmarks/serving_engines.py MODEL.onnx [--output FILE]

in an environment with `onnxruntime` and `openvino`. Writes JSON: for each engine, number of
threads and batch size the median and 99th percentile of a prediction in milliseconds and the
predictions a second; what importing the engine and opening the model takes, in seconds and in
MiB of resident memory; and the largest difference of the two engines' answers. Each engine runs
in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ENGINES = ("onnxruntime", "openvino")
BATCHES = (1, 8, 32)
THREADS = (1, 2)
SECONDS = 2.0


def open_onnxruntime(path: str, threads: int) -> Callable[[Any], Any]:
    """A session that predicts."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def open_openvino(path: str, threads: int) -> Callable[[Any], Any]:
    """A compiled model that predicts."""
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": str(threads),
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(core.read_model(path), "CPU", settings)
    request = compiled.create_infer_request()
    return lambda batch: request.infer([batch])[compiled.output(0)]


def resident_mebibytes() -> float:
    """Memory of this process that is in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def measure(engine: str, path: str, results: Any) -> None:
    """Measure one engine; runs in a process of its own."""
    opener = {"onnxruntime": open_onnxruntime, "openvino": open_openvino}[engine]
    before, began = resident_mebibytes(), time.perf_counter()
    predict = opener(path, 1)
    found: dict[str, Any] = {
        "version": importlib.metadata.version(engine),
        "open_seconds": round(time.perf_counter() - began, 3),
        "memory_mebibytes": round(resident_mebibytes() - before, 1),
        "predictions": [],
    }
    random = np.random.default_rng(0)
    sample = random.random((64, 28, 28, 1), dtype=np.float32)
    found["answers"] = np.array(predict(sample)).tolist()
    for threads in THREADS:
        predict = opener(path, threads)
        for size in BATCHES:
            batch = sample[:size]
            times = []
            for _ in range(50):
                predict(batch)
            stop = time.perf_counter() + SECONDS
            while time.perf_counter() < stop:
                began = time.perf_counter()
                predict(batch)
                times.append(time.perf_counter() - began)
            found["predictions"].append(
                {
                    "threads": threads,
                    "batch": size,
                    "p50_ms": round(statistics.median(times) * 1e3, 3),
                    "p99_ms": round(statistics.quantiles(times, n=100)[98] * 1e3, 3),
                    "images_per_second": round(size * len(times) / sum(times)),
                }
            )
    results.put((engine, found))


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    engines: dict[str, Any] = {}
    for engine in ENGINES:
        process = context.Process(target=measure, args=(engine, str(options.model), results))
        process.start()
        name, found = results.get(timeout=300)
        engines[name] = found
        process.join()
    answers = [np.array(engines[engine].pop("answers")) for engine in ENGINES]
    report = {
        "model_bytes": options.model.stat().st_size,
        "largest_difference": float(np.abs(answers[0] - answers[1]).max()),
        "engines": engines,
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
