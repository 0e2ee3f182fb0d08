"""How many copies a server or a model may ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.model_serving.specs import Runtime, SpecError, choose_runtime, read_model
from lab_ground.serving.constants import MOST_REPLICAS

from . import manifests

ALLOWED = st.integers(0, MOST_REPLICAS)
REFUSED = st.one_of(st.integers(max_value=-1), st.integers(min_value=MOST_REPLICAS + 1))


def chosen(replicas: int, minimum: int) -> Runtime:
    model = manifests.service()
    model["spec"]["predictor"]["minReplicas"] = minimum
    runtime = Runtime.read(manifests.runtime(spec={"replicas": replicas}))
    return choose_runtime(read_model(model, model_mesh_enabled=True), [runtime])


@given(replicas=ALLOWED, minimum=ALLOWED)
def test_a_number_within_the_bounds_is_taken(replicas: int, minimum: int) -> None:
    assert chosen(replicas, minimum).replicas == replicas


@given(replicas=REFUSED)
def test_a_server_of_too_many_pods_is_refused_with_the_number(replicas: int) -> None:
    with pytest.raises(SpecError, match=f"spec.replicas is {replicas}; it must be 0 to") as caught:
        chosen(replicas, 1)
    assert caught.value.reason == "RuntimeUnhealthy"


@given(minimum=REFUSED)
def test_a_model_of_too_many_copies_is_refused_with_the_number(minimum: int) -> None:
    with pytest.raises(SpecError, match=f"minReplicas is {minimum}; it must be 0 to"):
        chosen(1, minimum)
