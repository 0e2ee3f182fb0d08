"""How many pods a function may have, and when: what its annotations say, within bounds.

Source: Knative Serving's ``autoscaling.knative.dev`` annotations, as far as they are followed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab_ground import bounded

SERVICE_LABEL = "serving.knative.dev/service"
_PREFIX = "autoscaling.knative.dev/"
DEFAULT_WINDOW = 60.0
DEFAULT_TARGET = 100
DEFAULT_TIMEOUT = 300.0
MOST_PODS = 1000
LONGEST_REQUEST = 3600.0


class InvalidFunctionError(ValueError):
    """The function cannot be made; the message says what is wrong in it."""


@dataclass(frozen=True)
class Scaling:
    """How many pods a function may have, and when."""

    minimum: int = 0
    maximum: int = 0
    target: float = DEFAULT_TARGET
    concurrency: int = 0
    window: float = DEFAULT_WINDOW
    timeout: float = DEFAULT_TIMEOUT

    def wanted(self, concurrency: float) -> int:
        """Return how many pods this many requests at once need."""
        need = -(-int(concurrency) // max(1, int(self.target))) if concurrency > 0 else 0
        need = max(need, self.minimum)
        return min(need, self.maximum) if self.maximum else need


def read_scaling(function: Mapping[str, Any]) -> Scaling:
    """Read the scaling from the template's annotations and container concurrency.

    Raises:
        InvalidFunctionError: a value is none, or out of its bounds.
    """
    try:
        return _read((function.get("spec") or {}).get("template") or {})
    except bounded.OutOfBoundsError as error:
        raise InvalidFunctionError(str(error)) from error


def _read(template: Mapping[str, Any]) -> Scaling:
    annotations = (template.get("metadata") or {}).get("annotations") or {}

    def number(name: str, default: float, most: float = bounded.LARGEST) -> float:
        written = annotations.get(_PREFIX + name)
        return default if written is None else bounded.number(written, _PREFIX + name, 0, most)

    def seconds(name: str, default: float) -> float:
        written = annotations.get(_PREFIX + name)
        return default if written is None else bounded.seconds(written, _PREFIX + name)

    spec = template.get("spec") or {}
    minimum, maximum = (int(number(name, 0, MOST_PODS)) for name in ("min-scale", "max-scale"))
    if maximum and minimum > maximum:
        raise InvalidFunctionError(f"min-scale {minimum} is larger than max-scale {maximum}")
    concurrency = bounded.whole(spec.get("containerConcurrency") or 0, "containerConcurrency")
    target = number("target", concurrency or DEFAULT_TARGET)
    if concurrency:
        target = min(target, concurrency)
    timeout = bounded.number(
        spec.get("timeoutSeconds") or DEFAULT_TIMEOUT, "timeoutSeconds", 0, LONGEST_REQUEST
    )
    return Scaling(
        minimum=minimum,
        maximum=maximum,
        target=max(1.0, target),
        concurrency=concurrency,
        window=seconds("window", DEFAULT_WINDOW)
        + seconds("scale-to-zero-pod-retention-period", 0.0),
        timeout=timeout,
    )
