"""Where a step may write: below its own root, and nowhere else in the bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from pipeline_server.database.models import Attempt
from pipeline_server.execution import steps

from . import pipelines
from .world import World


class Step:
    """The first step of a run, as its launcher speaks with the server."""

    def __init__(self, world: World, api: TestClient, document: dict[str, Any]) -> None:
        self.run_id = world.start(document)
        world.turn(self.run_id)
        with world.services.database.session() as session:
            attempt = session.scalar(sa.select(Attempt).where(Attempt.run_id == self.run_id))
            assert attempt is not None
            token = steps.step_token(world.services.settings, attempt.id)
        self._url = f"/internal/steps/{attempt.id}"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._api = api

    def call(self, name: str, **body: Any) -> Any:
        """Post it as Python writes it, whatever it holds."""
        return self._api.post(
            f"{self._url}/{name}", content=json.dumps(body), headers=self._headers
        )

    def upload(self, uri: str, *files: str) -> Any:
        return self.call("uploads", artifacts=[{"uri": uri, "files": list(files)}])


@pytest.fixture
def step(world: World, api: TestClient, ir: Callable[[Any], dict[str, Any]]) -> Step:
    return Step(world, api, ir(pipelines.artifacts))


def test_what_the_server_itself_names(step: Step) -> None:
    told = step.call("start").json()
    for item in (*told["artifacts"], *told["reports"]):
        [[address]] = step.upload(item["uri"], "").json()["artifacts"]
        assert urlsplit(address).path == "/" + item["uri"].removeprefix("s3://")
    uri = told["artifacts"][0]["uri"]
    [addresses] = step.upload(uri, "a", "deep/b").json()["artifacts"]
    assert [urlsplit(address).path.rpartition("/data/")[2] for address in addresses] == [
        "a",
        "deep/b",
    ]


def test_another_address_below_the_root(step: Step) -> None:
    root = step.call("start").json()["artifacts"][0]["uri"].rpartition("/")[0]
    assert step.upload(f"{root}/of-its-own/name", "").status_code == 200


@pytest.mark.parametrize(
    ("uri", "files", "words"),
    [
        ("s3://rhods/data/train.csv", [""], "does not belong to this step"),
        ("s3://rhods/pipelines/artifacts/artifacts/another-run/x", [""], "does not belong"),
        ("{root}", [""], "does not belong"),
        ("{root}-beside/x", [""], "does not belong"),
        ("{root}/../../other", [""], "does not belong"),
        ("{root}/x", ["../../y"], "leads out"),
        ("{root}/x", ["/y"], "leads out"),
        ("s3://other/x", [""], "bucket 'other'"),
        ("{root}/\ud800", [""], "surrogate"),
    ],
)
def test_what_belongs_to_others(step: Step, uri: str, files: list[str], words: str) -> None:
    root = step.call("start").json()["artifacts"][0]["uri"].rpartition("/")[0]
    reply = step.upload(uri.format(root=root), *files)
    assert reply.status_code == 400, reply.text
    assert words in reply.json()["message"]


def test_what_lies_elsewhere_is_left_alone(step: Step) -> None:
    assert step.upload("gs://elsewhere/x", "").json() == {"artifacts": [[None]]}
