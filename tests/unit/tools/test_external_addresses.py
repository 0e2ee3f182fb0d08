"""What an API server's answer to the probe for externalIPs means: its own words, as they came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embedded_cluster.external_addresses import NOBODY, ask, judge, main

DENIED = (
    'Error from server (Forbidden): error when creating "STDIN": services "may-a-service-claim-'
    'addresses-xfsgq" is forbidden: Use of external IPs is denied by admission control'
)
OPENSHIFT = (
    'The Service "may-a-service-claim-addresses-xfsgq" is invalid: spec.externalIPs: Forbidden: '
    "externalIPs have been disabled"
)
NO_RIGHT = (
    'Error from server (Forbidden): error when creating "STDIN": services is forbidden: User "u" '
    'cannot create resource "services" in API group "" in the namespace "default"'
)
ABSENT = 'Error from server (NotFound): error when creating "STDIN": namespaces "nope" not found'
QUOTA = (
    'Error from server (Forbidden): error when creating "STDIN": services "may-a-service-claim-'
    'addresses-xfsgq" is forbidden: exceeded quota: seat, requested: services=1'
)


@pytest.mark.parametrize(("code", "said", "expected"), [
    (0, "", True),
    (1, DENIED, False),
    (1, OPENSHIFT, False),
    (1, NO_RIGHT, None),
    (1, ABSENT, None),
    (1, QUOTA, None),
    (1, "Unable to connect to the server: dial tcp: i/o timeout", None),
])  # fmt: skip
def test_an_answer_means(code: int, said: str, expected: bool | None) -> None:
    assert judge(code, said) is expected


@pytest.fixture
def kubectl(tmp_path: Path) -> Path:
    """Answers by namespace: the default one admits, others are absent; keeps what it was sent."""
    program = tmp_path / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *--dry-run=server*) ;; *) echo "not a dry run" >&2; exit 2;; esac\n'
        f'case "$*" in *--namespace=default*) cat > {tmp_path}/sent; exit 0;; esac\n'
        f"echo '{ABSENT}' >&2; exit 1\n"
    )
    program.chmod(0o755)
    return program


def test_the_first_namespace_that_tells_is_believed(
    kubectl: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask([str(kubectl)], ["nope"]) is None
    assert ask([str(kubectl)], ["nope", "default"]) is True
    sent = json.loads((kubectl.parent / "sent").read_text())
    assert sent["spec"]["externalIPs"] == [NOBODY]
    main(["--kubectl", str(kubectl), "nope", "default"])
    assert "DenyServiceExternalIPs" in capsys.readouterr().out
    main(["--kubectl", str(kubectl), "nope"])
    assert capsys.readouterr().out == ""


def test_no_client_tells_nothing(tmp_path: Path) -> None:
    assert ask([str(tmp_path / "absent")], ["default"]) is None
