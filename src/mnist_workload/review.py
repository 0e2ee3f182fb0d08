"""The misclassified digits, worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnist_workload.preprocessing import Floats


@dataclass(frozen=True)
class Mistake:
    """One image that the model read wrongly."""

    index: int
    true_label: int
    predicted_label: int
    confidence: float
    """Probability that the model gave to its wrong answer."""
    true_probability: float
    """Probability that it gave to the right one."""


def find_mistakes(labels: Floats, probabilities: Floats) -> list[Mistake]:
    """Return every misclassified image, the surest mistakes first."""
    truth, guess = labels.argmax(axis=1), probabilities.argmax(axis=1)
    mistakes = [
        Mistake(
            index=int(index),
            true_label=int(truth[index]),
            predicted_label=int(guess[index]),
            confidence=float(probabilities[index, guess[index]]),
            true_probability=float(probabilities[index, truth[index]]),
        )
        for index in (truth != guess).nonzero()[0]
    ]
    return sorted(mistakes, key=lambda mistake: (-mistake.confidence, mistake.index))


def mistakes_table(mistakes: list[Mistake]) -> list[dict[str, Any]]:
    """Return the mistakes as rows of plain values."""
    return [
        {
            "image": mistake.index,
            "true": mistake.true_label,
            "predicted": mistake.predicted_label,
            "confidence": round(mistake.confidence, 4),
            "probability of the truth": round(mistake.true_probability, 4),
        }
        for mistake in mistakes
    ]


def mistakes_markdown(mistakes: list[Mistake], limit: int = 50) -> str:
    """Return the mistakes as a table for the page of a run."""
    rows = mistakes_table(mistakes[:limit])
    lines = [f"# {len(mistakes)} images read wrongly", ""]
    if rows:
        lines += ["| " + " | ".join(rows[0]) + " |", "|" + " --- |" * len(rows[0])]
    lines += ["| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows]
    return "\n".join(lines) + "\n"
