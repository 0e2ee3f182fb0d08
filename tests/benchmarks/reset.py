"""How long a reset, provisioning and the read-only validation take.

    .lab/venv-test/bin/python tests/benchmarks/reset.py [--seats 10] [--only PART…] [--output FILE]

Needs a complete lab, whose trained model the seats get. Writes JSON with, for each figure, the
seconds measured and the bound that is aimed at:

- ``reset_one``: reset of the lab's own seat, trained and served, to a clean start (30 s);
- ``provision``: project, pipeline server, data connection and stopped workbench for N new seats
  (180 s for ten);
- ``reset_many``: reset of those N seats, used (90 s for ten): each holds a file in its workbench's
  volume and the trained model in its bucket, and as many as the machine's processors have room for
  (``served_seats``; about eight on two cores) a model server that has loaded it;
- ``validate``: the read-only validation of the lab (240 s).

The reference in the same run is ``api_round_trip``, the median time of one call to the API server:
it tells a slow machine from a slow suite. The lab's own seat is brought back to complete and the
new seats are removed again. Parts are ``validate``, ``one`` (the reset and the way back) and
``many``; what is measured in parts is put together in the output file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import used_seats
from figures import finish
from kubernetes import client, config
from launcher import run_lab

from lab_driver.access import read_access
from lab_driver.cluster import ClusterReader

REPOSITORY = Path(__file__).resolve().parents[2]
BOUNDS = {"reset_one": 30, "provision": 180, "reset_many": 90, "validate": 240}


def lab(*arguments: str) -> float:
    """Run the launcher and return the seconds it took."""
    return run_lab(*arguments)[0]


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


def measure_validation(_count: int) -> dict[str, float]:
    """The read-only validation of the lab's own seat."""
    return {"validate": lab("run", "validate-lab")}


def measure_one(_count: int) -> dict[str, float]:
    """The reset of the lab's own seat, once more when nothing is left to do, and the way back."""
    figures = {"reset_one": lab("reset"), "reset_again": lab("reset")}
    figures["restore_one"] = lab("reset", "--to", "complete")
    return figures


def measure_many(count: int) -> dict[str, float]:
    """New seats, named bench-1 … bench-N: provisioned, used, reset, removed."""
    access = read_access(REPOSITORY / ".lab" / "access.json")
    cluster = ClusterReader(REPOSITORY / ".lab" / "kubeconfig")
    seats = [f"bench-{number}" for number in range(1, count + 1)]
    extra = json.dumps({"lab_seats": seats})
    figures: dict[str, float] = {}
    try:
        figures["provision"] = lab(
            "run", "prepare-lab", "-e", extra, "-e", "lab_workbench_state=stopped"
        )
        began = time.monotonic()
        figures["served_seats"] = used_seats.use(seats, access, cluster)
        figures["use_many"] = time.monotonic() - began
        figures["reset_many"] = lab("reset", "-e", extra)
    finally:
        figures["remove_many"] = remove(seats)
    return figures


def remove(seats: list[str], timeout: float = 300) -> float:
    """Remove the seats' namespaces and return the seconds until they and their volumes are gone.

    Raises:
        TimeoutError: something is still there after ``timeout`` seconds; it is named.
    """
    core = client.CoreV1Api()
    began = time.monotonic()
    there = {found.metadata.name for found in core.list_namespace().items}
    for seat in there.intersection(seats):
        core.delete_namespace(seat)
    while True:
        left = [n.metadata.name for n in core.list_namespace().items if n.metadata.name in seats]
        left += [
            f"{v.metadata.name} of {v.spec.claim_ref.namespace}"
            for v in core.list_persistent_volume().items
            if v.spec.claim_ref and v.spec.claim_ref.namespace in seats
        ]
        if not left:
            return time.monotonic() - began
        if time.monotonic() - began > timeout:
            raise TimeoutError(f"after {timeout:.0f} s this is still there: {', '.join(left)}")
        time.sleep(1)


PARTS = {"validate": measure_validation, "one": measure_one, "many": measure_many}


def earlier(output: Path) -> dict[str, float]:
    """Return the figures of the parts that were measured before, from the output file."""
    former = json.loads(output.read_text()) if output.exists() else {}
    return {
        name: entry["measured"]
        for name, entry in former.get("figures", {}).items()
        if "measured" in entry
    }


def main() -> int:
    """Measure, print and write the figures; return 1 when one in the file is over its bound."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seats", type=int, default=10)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument(
        "--output", type=Path, default=REPOSITORY / ".lab" / "reports" / "benchmark-reset.json"
    )
    arguments = parser.parse_args()
    figures = {"api_round_trip": api_round_trip()}
    for part in arguments.only:
        figures |= PARTS[part](arguments.seats)
    reference = {"api_round_trip": figures.pop("api_round_trip")}
    judged = {name: round(value, 3) for name, value in figures.items()}
    return finish(
        earlier(arguments.output) | judged,
        BOUNDS,
        reference=reference,
        output=arguments.output,
        seats=arguments.seats,
    )


if __name__ == "__main__":
    raise SystemExit(main())
