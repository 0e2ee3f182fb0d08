"""No text of anybody's becomes a number that cannot be calculated with."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activator.scaling import MOST_PODS, InvalidFunctionError, Scaling, read_scaling
from lab_ground import bounded

ODD = ["inf", "-inf", "nan", "1e999", "1_000", "²", "²s", "٣", "0x10", "", "-1", "1" * 40, "3 s"]
ANYTHING = st.one_of(st.text(max_size=30), st.sampled_from(ODD), st.floats(), st.integers())


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_plain_number_is_refused_with_the_field_and_the_bounds(text: str) -> None:
    with pytest.raises(bounded.OutOfBoundsError, match=r"max-scale: .* from 0 to 1e\+06"):
        bounded.number(text, "max-scale")
    with pytest.raises(bounded.OutOfBoundsError, match=r"window: .* is not a time such as 30s"):
        bounded.seconds(text, "window")


@given(ANYTHING)
def test_a_number_is_within_its_bounds_or_refused(text: object) -> None:
    try:
        found = bounded.number(text, "x", 1, 50)
    except bounded.OutOfBoundsError:
        return
    assert 1 <= found <= 50
    assert math.isfinite(found)


@given(st.floats(0, 1e5).map(lambda value: round(value, 3)), st.sampled_from(["ms", "s", "m", "h"]))
def test_a_duration_is_what_it_says(value: float, unit: str) -> None:
    text = f"{value:f}{unit}"
    expected = value * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
    if expected > bounded.LONGEST:
        with pytest.raises(bounded.OutOfBoundsError):
            bounded.seconds(text, "x")
    else:
        assert bounded.seconds(text, "x") == pytest.approx(expected)


NAMES = ("min-scale", "max-scale", "target", "window", "scale-to-zero-pod-retention-period")


@given(
    st.dictionaries(st.sampled_from(NAMES), st.text(max_size=12) | st.sampled_from(ODD)),
    st.one_of(st.none(), st.integers(-5, 10**12)),
    st.one_of(st.none(), st.integers(-5, 10**12)),
    st.floats(0, 1e6),
)
def test_one_function_cannot_stop_the_others(
    annotations: dict[str, str], concurrency: int | None, timeout: int | None, load: float
) -> None:
    """What is read can be calculated with; what cannot be read is a sentence about the function."""
    spec = {"containerConcurrency": concurrency, "timeoutSeconds": timeout}
    written = {f"autoscaling.knative.dev/{name}": text for name, text in annotations.items()}
    function = {"spec": {"template": {"metadata": {"annotations": written}, "spec": spec}}}
    try:
        scaling = read_scaling(function)
    except InvalidFunctionError:
        return
    assert scaling.minimum <= MOST_PODS
    assert scaling.wanted(load) >= 0
    assert math.isfinite(scaling.window)
    assert scaling.timeout > 0
    assert Scaling().wanted(load) >= 0
