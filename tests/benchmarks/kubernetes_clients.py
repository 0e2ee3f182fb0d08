"""The ground floor's Kubernetes client against lightkube: latency, memory, lines.

    python tests/benchmarks/kubernetes_clients.py [--output FILE] [--quick]

in an environment with `lightkube` beside the packages of the environment `platform`. Makes a
namespace of its own on the cluster of KUBECONFIG, with 500 ConfigMaps, and removes it. Writes JSON:
for each client the seconds until its first answer (import included), the resident memory in MiB
after the measurements, and in milliseconds the median and 99th percentile of a get, a list of all
ConfigMaps, a server-side apply that changes nothing, and a merge patch. Each client runs in a
process of its own; `lines` is what each leaves this project to write.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

OBJECTS = 500
ROUNDS, QUICK_ROUNDS = 200, 5
GROUND = Path(__file__).resolve().parents[2] / "src" / "lab_ground" / "kubernetes"
# What another client would take the place of.
REPLACED = ("client.py", "transport.py", "errors.py")
FIELD_MANAGER = "benchmark"
Calls = dict[str, Callable[[], Any]]


def config_map(namespace: str, number: int) -> dict[str, Any]:
    """One of the objects."""
    metadata = {"name": f"object-{number}", "namespace": namespace}
    data = {"text": "x" * 200}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def calls_of_ours(namespace: str) -> Calls:
    """The calls, through the ground floor's client."""
    from lab_ground.kubernetes.client import KubernetesClient

    client = KubernetesClient()
    first, patch = config_map(namespace, 0), {"metadata": {"labels": {"a": "b"}}}
    return {
        "get": lambda: client.get("v1", "ConfigMap", "object-0", namespace),
        "list": lambda: client.list_objects("v1", "ConfigMap", namespace),
        "apply": lambda: client.apply(first, field_manager=FIELD_MANAGER),
        "patch": lambda: client.patch("v1", "ConfigMap", "object-0", patch, namespace),
    }


def calls_of_lightkube(namespace: str) -> Calls:
    """The same calls, through lightkube."""
    from lightkube import Client
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import ConfigMap
    from lightkube.types import PatchType

    client = Client(field_manager=FIELD_MANAGER)
    first = config_map(namespace, 0)
    typed = ConfigMap(metadata=ObjectMeta(name="object-0", namespace=namespace), data=first["data"])
    patch = {"metadata": {"labels": {"a": "b"}}}
    return {
        "get": lambda: client.get(ConfigMap, "object-0", namespace=namespace),
        "list": lambda: list(client.list(ConfigMap, namespace=namespace, chunk_size=500)),
        "apply": lambda: client.apply(typed, force=True),
        "patch": lambda: client.patch(
            ConfigMap, "object-0", patch, namespace=namespace, patch_type=PatchType.MERGE
        ),
    }


CLIENTS = {"ours": calls_of_ours, "lightkube": calls_of_lightkube}


def resident_mebibytes() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * 4096 / 2**20, 1)


def measure(name: str, namespace: str, rounds: int, answer: Any) -> None:
    """Measure one client, and put the figures in the queue."""
    began = time.perf_counter()
    calls = CLIENTS[name](namespace)
    calls["get"]()
    figures: dict[str, Any] = {"first_answer_seconds": round(time.perf_counter() - began, 3)}
    for call, work in calls.items():
        times = []
        for _ in range(rounds if call != "list" else max(rounds // 10, 3)):
            start = time.perf_counter()
            work()
            times.append((time.perf_counter() - start) * 1000)
        times.sort()
        figures[call] = {
            "p50_ms": round(statistics.median(times), 2),
            "p99_ms": round(times[min(len(times) - 1, int(len(times) * 0.99))], 2),
        }
    answer.put({**figures, "resident_mib": resident_mebibytes()})


def main() -> int:
    """Measure both and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="five rounds, to see that it works")
    options = parser.parse_args()
    from lab_ground.kubernetes.client import KubernetesClient

    client = KubernetesClient()
    namespace = f"benchmark-clients-{uuid.uuid4().hex[:6]}"
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    figures: dict[str, Any] = {}
    try:
        for number in range(20 if options.quick else OBJECTS):
            client.create(config_map(namespace, number))
        context = multiprocessing.get_context("spawn")
        for name in CLIENTS:
            answer = context.Queue()
            rounds = QUICK_ROUNDS if options.quick else ROUNDS
            process = context.Process(target=measure, args=(name, namespace, rounds, answer))
            process.start()
            figures[name] = answer.get(timeout=300)
            process.join()
    finally:
        client.delete("v1", "Namespace", namespace)
    lines = sum(len((GROUND / name).read_text().splitlines()) for name in REPLACED)
    figures["lines"] = {"ours": lines}
    text = json.dumps(figures, indent=2)
    print(text)
    if options.output:
        options.output.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
