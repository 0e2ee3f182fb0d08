"""What is asked of the API server about the steps' pods."""

from __future__ import annotations

from typing import Any

import pytest

from lab_ground.kubernetes.errors import ApiError
from pipeline_server.execution.cluster import STOP_SECONDS, Cluster


class Client:
    """Keeps what it was asked, and answers one thing."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def request(self, method: str, path: str, **options: Any) -> Any:
        self.asked.append((method, path, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def cluster_with(client: Client) -> Cluster:
    return Cluster(client, "mnist", "ds-pipeline")  # type: ignore[arg-type]


def test_pods_end_soon_whatever_their_own_grace() -> None:
    client = Client()
    cluster = cluster_with(client)
    cluster.delete_pod("say-1")
    cluster.delete_pod("say-1", 0)
    cluster.delete_run("run-1")
    one, forced, pods, claims = client.asked
    assert one[2]["body"]["gracePeriodSeconds"] == STOP_SECONDS
    assert forced[2]["body"]["gracePeriodSeconds"] == 0
    assert pods[2]["query"]["gracePeriodSeconds"] == str(STOP_SECONDS)
    assert "gracePeriodSeconds" not in claims[2]["query"]
    assert "run-1" in pods[2]["query"]["labelSelector"]


def event(kind: str, reason: str, when: str, newer: str | None = None) -> dict[str, Any]:
    times = {"lastTimestamp": None if newer else when, "eventTime": newer}
    return {"type": kind, "reason": reason, "message": f"about {reason}", **times}


SCHEDULED = event("Normal", "Scheduled", "", "2026-01-05T08:30:00.123456Z")
FAILED = event("Warning", "FailedMount", "2026-01-05T08:30:31Z")
PULLED = event("Normal", "Pulled", "2026-01-05T08:30:40Z")


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([FAILED, SCHEDULED], ("FailedMount", "about FailedMount")),
        ([SCHEDULED, PULLED, FAILED], None),
        ([SCHEDULED], None),
        ([], None),
        (None, None),
    ],
)
def test_the_last_warning_about_a_pod(items: Any, expected: Any) -> None:
    client = Client({"items": items})
    assert cluster_with(client).last_warning("say-1") == expected
    [(method, path, options)] = client.asked
    assert (method, path) == ("GET", "/api/v1/namespaces/mnist/events")
    assert options["query"] == {"fieldSelector": "involvedObject.name=say-1"}


def test_events_that_may_not_be_read_are_none() -> None:
    client = Client(ApiError(403, "Forbidden", "events is forbidden"))
    assert cluster_with(client).last_warning("say-1") is None
