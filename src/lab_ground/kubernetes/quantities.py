"""Kubernetes' quantities of memory."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_FACTORS = {
    **{unit: Decimal(10) ** power for unit, power in _DECIMAL.items()},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(
    r"\+?(?P<number>\d+\.?\d*|\.\d+)(?:[eE](?P<power>[+-]?\d{1,3})|(?P<unit>[KMGTPE]i|[numkMGTPE])?)"
)


def parse_bytes(text: str) -> int:
    """Bytes of a quantity such as `512Mi`, `1e9` or `500000000m`, rounded up as Kubernetes does."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is no quantity of memory")
    power = Decimal(10) ** int(match["power"] or 0)
    value = Decimal(match["number"]) * power * _FACTORS[match["unit"] or ""]
    return int(value.to_integral_value(ROUND_CEILING))
