"""What is told of a kubelet whose control plane does not come up."""

from __future__ import annotations

import pytest

from embedded_cluster import kubelet_log
from embedded_cluster.layout import Layout

CAUSE = (
    'E1124 14:18:22.045690     341 log.go:32] "RunPodSandbox from runtime service failed" '
    'err="rpc error: code = Unknown desc = failed to copy host\'s resolv.conf to \\"/var/x\\""'
)
CONSEQUENCE = (
    'E1124 14:18:23.907197     341 kubelet_node_status.go:107] "Unable to register node" '
    'err="Post \\"https://10.245.0.1:6443/api/v1/nodes\\": connection refused" node="mnist-lab"'
)


@pytest.mark.parametrize("prefix", ["", "Nov 24 14:18:22 host run-kubelet[341]: "])
def test_the_cause_is_told_and_not_its_consequence(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [prefix + CAUSE, prefix + CONSEQUENCE, "I1124 14:18:24 341 a.go:1] all is well"]
    monkeypatch.setattr(kubelet_log, "last_lines", lambda _: lines)
    told = kubelet_log.complaint(Layout())
    assert told is not None
    assert told.endswith('failed to copy host\'s resolv.conf to "/var/x"')


def test_without_a_cause_nothing_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubelet_log, "last_lines", lambda _: [CONSEQUENCE, ""])
    assert kubelet_log.complaint(Layout()) is None
