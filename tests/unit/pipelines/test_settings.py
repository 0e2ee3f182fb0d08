"""What the server reads of its environment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline_server.settings import Settings

STORE = {"ENDPOINT": "http://minio:9000", "BUCKET": "rhods", "REGION": "eu-1",
         "ACCESS_KEY": "key", "SECRET_KEY": "secret"}  # fmt: skip
AROUND = st.text(" \t\r\n\ufeff", max_size=4)


@given(st.fixed_dictionaries({name: st.tuples(AROUND, AROUND) for name in STORE}))
def test_what_surrounds_a_value_of_the_store_makes_no_difference(
    around: dict[str, tuple[str, str]],
) -> None:
    plain = {f"PIPELINES_STORE_{name}": value for name, value in STORE.items()}
    surrounded = {
        f"PIPELINES_STORE_{name}": around[name][0] + value + around[name][1]
        for name, value in STORE.items()
    }
    assert Settings.from_environment(surrounded) == Settings.from_environment(plain)
