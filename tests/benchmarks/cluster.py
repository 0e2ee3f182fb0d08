"""Times the embedded cluster and writes the figures as JSON.

  warm     from binaries present to node Ready and DNS answering
  again    a second run of the create playbook
  memory   proportional memory of the control plane, in MiB
  status   ./lab status
  start    the launcher until it hands over, its environment being there
  cold     with --cold: an empty cache, the Go build and the Python environment

It removes this machine's cluster, so it asks for --yes; with --keep it measures only the last two,
on the cluster that is there.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from control_plane import memory_mib

from embedded_cluster.layout import Layout

PROJECT = Path(__file__).resolve().parents[2]
TARGETS = {
    "warm": 20.0, "cold": 600.0, "again": 20.0, "memory": 1331.0, "status": 2.0, "start": 1.0,
}  # fmt: skip


def lab(*words: str, cache: Path | None = None) -> float:
    """Run the launcher well; returns the seconds that it took."""
    environment = {**os.environ, **({"LAB_CACHE": str(cache)} if cache else {})}
    started = time.monotonic()
    done = subprocess.run(
        [str(PROJECT / "lab"), *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"./lab {' '.join(words)} failed:\n{done.stdout[-3000:]}")
    return time.monotonic() - started


def dns_answers(name: str = "kubernetes.default.svc.cluster.local") -> bool:
    """Whether the cluster's DNS gives an address for a Service, asked from this machine."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    packet = struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + question + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        try:
            client.sendto(packet, ("10.96.0.10", 53))
            answer = client.recv(512)
        except OSError:
            return False
    return bool(answer[3] & 15 == 0 and struct.unpack(">H", answer[6:8])[0])


def create(cache: Path | None = None) -> float:
    """Create the cluster and wait for DNS."""
    started = time.monotonic()
    lab("run", "create-cluster", cache=cache)
    while not dns_answers():
        if time.monotonic() - started > 900:
            raise SystemExit("DNS did not answer")
        time.sleep(0.1)
    return time.monotonic() - started


def measure_launcher(rounds: int) -> dict[str, Any]:
    """What a person waits for who only asks."""
    lab("venv", "lab")
    return {
        "status": [lab("status") for _ in range(rounds)],
        "start": [lab("venv", "lab") for _ in range(rounds)],
    }


def measure(rounds: int, *, cold: bool) -> dict[str, Any]:
    """All figures, each the median of the rounds."""
    warm, again, memory = [], [], []
    for _ in range(rounds):
        lab("remove")
        warm.append(create())
        memory.append(memory_mib())
        again.append(lab("run", "create-cluster"))
    figures: dict[str, Any] = {"warm": warm, "again": again, "memory": memory}
    figures |= measure_launcher(rounds)
    if cold:
        lab("remove")
        with tempfile.TemporaryDirectory(prefix="lab-cold-", dir="/var/tmp") as cache:
            figures["cold"] = [create(Path(cache))]
    return figures


def main() -> int:
    """Measure, print and write; the exit code is 0 when every target is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yes", action="store_true", help="this machine's cluster may go")
    parser.add_argument("--keep", action="store_true", help="measure status and start only")
    parser.add_argument("--cold", action="store_true", help="also with an empty cache (minutes)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=PROJECT / ".lab/reports/cluster.json")
    arguments = parser.parse_args()
    if Layout().record.exists() and not (arguments.yes or arguments.keep):
        parser.error("this removes the machine's cluster with all that is in it: say --yes")
    if arguments.keep:
        figures = measure_launcher(arguments.rounds)
    else:
        figures = measure(arguments.rounds, cold=arguments.cold)
    result = {
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "figures": {
            name: {
                "median": round(statistics.median(values), 2),
                "values": [round(value, 2) for value in values],
                "target": TARGETS[name],
                "met": statistics.median(values) <= TARGETS[name],
            }
            for name, values in figures.items()
        },
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0 if all(figure["met"] for figure in result["figures"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
