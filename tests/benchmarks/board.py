"""The class's board with thirty seats: how long a look takes, everybody at the last step.

    .lab/venv-test/bin/python tests/benchmarks/board.py [--output FILE] [--quick] [--seats N]

Needs no cluster: the class is simulated, and each answer of it takes as long as an API server or a
service behind it takes on a busy machine (``ANSWER``). Figures: 50th and 95th percentile of a look
at which every service is asked anew, and of one at which they rest. The reference in the same run
is the time of one simulated answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

import figures
from simulated_class import Class

from class_board.asking import AskError
from class_board.board import Board

BOUNDS = {"asked_p95_ms": 1000.0, "rested_p95_ms": 1000.0}
ROUNDS, QUICK_ROUNDS = 60, 2
# Seconds of an answer: a list of the API server on a loaded machine of two cores.
ANSWER = 0.02


class Simulated:
    """Answers as text on the wire, so that reading it is measured too."""

    def __init__(self, seats: int) -> None:
        answers = Class(["digit"] * seats).answers()
        self._answers = {path: json.dumps(answer) for path, answer in answers.items()}

    async def __call__(self, path: str, query: Any = None, *, text: bool = False) -> Any:
        """One answer."""
        await asyncio.sleep(ANSWER)
        if path not in self._answers:
            raise AskError(404, f"there is no {path}")
        return json.loads(self._answers[path])


async def measure(seats: int, rounds: int, rest: float) -> list[float]:
    """Milliseconds of each look but the first, which reads every notebook."""
    board = Board(Simulated(seats), rest=rest, patience=5.0)
    await board.look()
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        found = await board.look()
        took.append((time.perf_counter() - started) * 1000)
        if not all(row["step"] == "digit" for row in found["seats"]):
            raise RuntimeError("the board does not show the class as it is")
    await board.close()
    return sorted(took)


def main() -> int:
    """Measure and report; 1 if a bound was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="two rounds, to see that it works")
    parser.add_argument("--seats", type=int, default=30)
    options = parser.parse_args()
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    measured = {}
    for name, rest in (("asked", 0.0), ("rested", 3600.0)):
        took = asyncio.run(measure(options.seats, rounds, rest))
        measured[f"{name}_p50_ms"] = round(statistics.median(took), 1)
        measured[f"{name}_p95_ms"] = round(took[int(len(took) * 0.95)], 1)
    return figures.finish(
        measured,
        BOUNDS,
        reference={"answer_ms": ANSWER * 1000, "seats": float(options.seats)},
        output=options.output,
        quick=options.quick,
    )


if __name__ == "__main__":
    raise SystemExit(main())
