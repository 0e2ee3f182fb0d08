"""A seat whose learner has edited what a reset needs: mended, or told; never called clean."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from botocore.exceptions import ClientError

from lab_ground.connections import DataConnection
from lab_ground.s3 import explain
from lab_reset import cluster as clusters
from lab_reset import pipelines, seat

ROLE = Path(__file__).resolve().parents[3] / "roles" / "lab_reset"
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
STORE = {"accesskey": "key", "secretkey": "secret"}
CLIENT = "pipelines-client"


class Bucket:
    """A bucket that knows the store's own keys only."""

    stored: ClassVar[dict[str, tuple[str, ...]]] = {
        "rhods": ("data/train.csv", "data/test.csv", "data/mine.csv", "onnx/model-v2.onnx"),
        "mlpipeline": ("pipelines/logs/1.log",),
    }

    def __init__(self, connection: DataConnection, **_: Any) -> None:
        self.connection = connection
        self.name = connection.bucket
        self.right = connection == DataConnection(
            "https://minio-ds-pipeline", self.name, "key", "secret"
        )

    def keys(self) -> list[str]:
        if not self.right:
            answer = {"Error": {"Code": "InvalidAccessKeyId"}}
            raise explain(ClientError(answer, "ListObjectsV2"), self.connection.endpoint)
        return list(self.stored[self.name])


class Server:
    """A pipeline server that knows one token."""

    def __init__(self, url: str, token: str, ca: str | None) -> None:
        self.token = token

    def trouble(self) -> str:
        return "" if self.token == "good" else "refuses it (403)"

    def accepts(self, token: str) -> bool:
        return token == "good"

    def rows(self) -> list[tuple[str, str, str, str]]:
        return [("runs", "1", "mine", "SUCCEEDED")]


class Namespace:
    """A seat in memory."""

    namespace = "mnist"

    def __init__(self) -> None:
        self.routes = {"minio-ds-pipeline", "ds-pipeline-ds-pipeline"}
        self.secrets = {
            "ds-pipeline-s3-ds-pipeline": STORE,
            # What the learner sees and may edit: a reset does not look at it.
            "aws-connection-s3-creds": {"AWS_SECRET_ACCESS_KEY": "wrong"},
            CLIENT: {"token": "good"},
        }
        self.account_token: str | None = "good"
        self.server = True

    def route_url(self, name: str) -> str | None:
        return f"https://{name}" if name in self.routes else None

    def has_pipeline_server(self) -> bool:
        return self.server

    def secret(self, name: str) -> dict[str, str] | None:
        return self.secrets.get(name)

    def token(self, account: str) -> str | None:
        assert account == CLIENT
        return self.account_token

    def objects(self, api_version: str, kind: str) -> list[dict[str, Any]]:
        names = self.secrets if kind == "Secret" else ()
        return [{"metadata": {"name": name, "uid": name}} for name in names]


@pytest.fixture(name="namespace")
def used_namespace(monkeypatch: pytest.MonkeyPatch) -> Namespace:
    monkeypatch.setattr(seat, "Bucket", Bucket)
    monkeypatch.setattr(pipelines, "PipelineServer", Server)
    return Namespace()


def look(namespace: Namespace, to: str = "project") -> seat.Seat:
    wanted = (
        "store_secret", "buckets", "storage_route", "pipelines_route", "pipelines_account",
        "kept_keys",
    )  # fmt: skip
    params = {name: DEFAULTS[f"lab_reset_{name}"] for name in wanted}
    return seat.Seat(
        {**params, "to": to, "rules": [], "ca_certificate": None, "timeout": 0}, namespace
    )


@pytest.mark.parametrize("connection", [None, {}, {"AWS_SECRET_ACCESS_KEY": "wrong"}])
def test_a_spoilt_or_deleted_data_connection_does_not_matter(
    namespace: Namespace, connection: dict[str, str] | None
) -> None:
    namespace.secrets["aws-connection-s3-creds"] = connection
    _, keys, rows = look(namespace).plan()
    assert keys == [
        "rhods/data/mine.csv",
        "rhods/onnx/model-v2.onnx",
        "mlpipeline/pipelines/logs/1.log",
    ]
    assert rows


@pytest.mark.parametrize("secret", [None, {"accesskey": "key"}], ids=["deleted", "without a key"])
def test_without_the_stores_own_keys_it_says_so(
    namespace: Namespace, secret: dict[str, str] | None
) -> None:
    namespace.secrets["ds-pipeline-s3-ds-pipeline"] = secret
    with pytest.raises(clusters.ResetError) as error:
        look(namespace)
    assert str(error.value).startswith(
        "in mnist, its buckets can be neither emptied nor proved empty: Secret "
        "ds-pipeline-s3-ds-pipeline with the object store's keys is not there"
    )


def test_keys_that_the_store_refuses_are_told(namespace: Namespace) -> None:
    namespace.secrets["ds-pipeline-s3-ds-pipeline"] = {**STORE, "secretkey": "edited"}
    with pytest.raises(clusters.ResetError, match="ds-pipeline and does not know the access key"):
        look(namespace)


@pytest.mark.parametrize(
    ("route", "what"), [("minio-ds-pipeline", "buckets"), ("ds-pipeline-ds-pipeline", "runs")]
)
def test_a_pipeline_server_without_its_route_is_not_passed_over(
    namespace: Namespace, route: str, what: str
) -> None:
    namespace.routes.remove(route)
    with pytest.raises(clusters.ResetError, match=rf"its {what} .* no admitted Route {route};"):
        look(namespace)


def test_a_seat_without_a_pipeline_server_has_nothing_to_empty(namespace: Namespace) -> None:
    namespace.routes.clear()
    namespace.server = False
    assert look(namespace).plan()[1:] == ([], [])


@pytest.mark.parametrize("secret", [None, {"token": "good"}])
def test_a_deleted_secret_of_the_client_does_not_matter(
    namespace: Namespace, secret: dict[str, str] | None
) -> None:
    namespace.secrets[CLIENT] = secret
    outcome, _, rows = look(namespace).plan()
    assert rows
    assert outcome.remove == []


@pytest.mark.parametrize("to", ["project", "trained"])
def test_a_clients_token_that_does_not_work_is_made_anew(namespace: Namespace, to: str) -> None:
    namespace.secrets[CLIENT] = {"token": "edited"}
    outcome, _, rows = look(namespace, to).plan()
    assert [str(each) for each in outcome.remove] == [f"Secret/{CLIENT}"]
    assert outcome.restore == outcome.remove
    assert bool(rows) == (to == "project")


@pytest.mark.parametrize(
    ("token", "told"),
    [(None, f"ServiceAccount {CLIENT} is not there"), ("bad", "and refuses it \\(403\\)")],
)
def test_a_client_that_may_not_look_is_told(
    namespace: Namespace, token: str | None, told: str
) -> None:
    namespace.account_token = token
    with pytest.raises(clusters.ResetError, match=f"its runs .*{told}.*prepare-lab"):
        look(namespace)


def test_what_comes_back_within_the_time_is_waited_for() -> None:
    looks = iter([(None, "not yet"), (None, "not yet"), ("it", "")])
    assert seat.patiently(lambda: next(looks), timeout=5, pause=0) == ("it", "")
