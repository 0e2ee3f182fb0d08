"""How long a reset, provisioning and the read-only validation take.

    .lab/venv-test/bin/python tests/benchmarks/reset.py [--seats 10] [--output FILE]

Writes JSON with, for each figure, the seconds measured and the bound that is aimed at:

- ``reset_one``: reset of the lab's own seat, trained and served, to a clean start (30 s);
- ``provision``: project, pipeline server, data connection and stopped workbench for N new seats
  (180 s for ten);
- ``reset_many``: reset of those N seats (90 s for ten);
- ``validate``: the read-only validation of the lab (240 s).

The reference in the same run is ``api_round_trip``, the median time of one call to the API server:
it tells a slow machine from a slow suite. The lab's own seat is brought back to complete at the
end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from kubernetes import client, config

REPOSITORY = Path(__file__).resolve().parents[2]
BOUNDS = {"reset_one": 30, "provision": 180, "reset_many": 90, "validate": 240}


def lab(*arguments: str) -> float:
    """Run the launcher and return the seconds it took.

    Raises:
        subprocess.CalledProcessError: it failed; its output is shown.
    """
    began = time.monotonic()
    done = subprocess.run(
        ["./lab", *arguments], cwd=REPOSITORY, text=True, capture_output=True, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-2000:])
        done.check_returncode()
    return time.monotonic() - began


def api_round_trip() -> float:
    """Return the median seconds of one call to the API server."""
    config.load_kube_config(str(REPOSITORY / ".lab" / "kubeconfig"))
    version = client.VersionApi()
    times = []
    for _ in range(20):
        began = time.perf_counter()
        version.get_code()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(count: int) -> dict[str, float]:
    """Measure every figure; new seats are named bench-1 … bench-N and removed again."""
    seats = [f"bench-{number}" for number in range(1, count + 1)]
    extra = json.dumps({"lab_seats": seats})
    figures = {"api_round_trip": api_round_trip(), "validate": lab("run", "validate-lab")}
    figures["reset_one"] = lab("reset")
    try:
        figures["provision"] = lab(
            "run", "prepare-lab", "-e", extra, "-e", "lab_workbench_state=stopped"
        )
        figures["reset_many"] = lab("reset", "-e", extra)
    finally:
        core = client.CoreV1Api()
        for seat in seats:
            core.delete_namespace(seat)
    figures["restore_one"] = lab("reset", "--to", "complete")
    return figures


def main() -> int:
    """Measure, print and write the figures; exit 1 when one is over its bound."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seats", type=int, default=10)
    parser.add_argument(
        "--output", type=Path, default=REPOSITORY / ".lab" / "reports" / "benchmark-reset.json"
    )
    arguments = parser.parse_args()
    figures = measure(arguments.seats)
    rows = {
        name: {"seconds": round(value, 3), "bound": BOUNDS.get(name)}
        for name, value in figures.items()
    }
    result = {"benchmark": "reset", "seats": arguments.seats, "figures": rows}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return int(any(row["bound"] and row["seconds"] > row["bound"] for row in rows.values()))


if __name__ == "__main__":
    raise SystemExit(main())
