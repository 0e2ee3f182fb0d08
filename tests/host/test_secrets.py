"""Secrets on the machine's disk: encrypted in etcd, absent from the API server's log."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedded_cluster import encryption

from .conftest import KUBECTL, PROJECT

Kubectl = Callable[..., str]
PKI = Path("/etc/kubernetes/pki/etcd")
AUDIT = Path("/var/log/mnist-lab/audit")
MIB = 1 << 20
# How the API server begins what it has encrypted by the key named "lab".
ENCRYPTED = b"k8s:enc:secretbox:v1:lab:"
SECRET = "a-word-that-is-nowhere-else"


def etcd(call: str, **message: Any) -> dict[str, Any]:
    """Ask etcd itself, past the API server, by its JSON gateway."""
    context = ssl.create_default_context(cafile=str(PKI / "ca.crt"))
    context.load_cert_chain(PKI / "healthcheck-client.crt", PKI / "healthcheck-client.key")
    request = urllib.request.Request(
        f"https://127.0.0.1:2379/v3/kv/{call}", json.dumps(message).encode()
    )
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return dict(json.load(answer))


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def stored(prefix: str) -> dict[str, bytes]:
    """What etcd has under a prefix, by its key."""
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    found = etcd("range", key=encoded(prefix), range_end=encoded(end))
    return {
        base64.b64decode(item["key"]).decode(): base64.b64decode(item["value"])
        for item in found.get("kvs", [])
    }


def secret(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "data": {"word": encoded(SECRET)},
    }


def test_every_secret_is_encrypted_in_etcd(apply: Callable[..., None], namespace: str) -> None:
    apply(secret("new"))
    found = stored("/registry/secrets/")
    assert f"/registry/secrets/{namespace}/new" in found
    assert [key for key, value in found.items() if not value.startswith(ENCRYPTED)] == []
    assert not any(SECRET.encode() in value for value in found.values())


def test_a_secret_from_before_is_encrypted_and_stays_as_it_is(
    kubectl: Kubectl, namespace: str
) -> None:
    """One is put into etcd as an API server without a key does."""
    key = f"/registry/secrets/{namespace}/before"
    metadata = {"name": "before", "namespace": namespace, "uid": "0", "labels": {"a": "b"}}
    etcd(
        "put",
        key=encoded(key),
        value=encoded(json.dumps({**secret("before"), "metadata": metadata})),
    )
    read = ("-n", namespace, "get", "secret", "before", "-o", "json")
    before = json.loads(kubectl(*read))
    assert before["data"] == secret("before")["data"]
    assert not stored(key)[key].startswith(ENCRYPTED)
    encryption.encrypt_stored([KUBECTL, f"--kubeconfig={PROJECT}/.lab/kubeconfig"])
    assert stored(key)[key].startswith(ENCRYPTED)
    after = json.loads(kubectl(*read))
    assert (after["data"], after["metadata"]["labels"]) == (before["data"], {"a": "b"})


def test_what_is_encrypted_already_is_not_written_again() -> None:
    before = etcd(
        "range",
        key=encoded("/registry/secrets/kube-system"),
        range_end=encoded("/registry/secrets/l"),
    )
    encryption.encrypt_stored([KUBECTL, f"--kubeconfig={PROJECT}/.lab/kubeconfig"])
    after = etcd(
        "range",
        key=encoded("/registry/secrets/kube-system"),
        range_end=encoded("/registry/secrets/l"),
    )
    assert [one["mod_revision"] for one in before.get("kvs", [])] == [
        one["mod_revision"] for one in after.get("kvs", [])
    ]


def test_the_audit_log_says_who_did_what_and_no_contents(
    kubectl: Kubectl, apply: Callable[..., None], namespace: str
) -> None:
    apply(secret("told"))
    kubectl("-n", namespace, "get", "secret", "told")
    wanted = {"create", "get"}
    until = time.monotonic() + 10
    while time.monotonic() < until:
        text = (AUDIT / "audit.log").read_text()
        events = [
            json.loads(line) for line in text.splitlines() if f'"namespace":"{namespace}"' in line
        ]
        told = [one for one in events if one["objectRef"].get("name") == "told"]
        if wanted <= {one["verb"] for one in told}:
            break
        time.sleep(0.2)
    assert wanted <= {one["verb"] for one in told}
    assert {one["user"]["username"] for one in told} == {"kubernetes-admin"}
    assert not any({"requestObject", "responseObject"} & one.keys() for one in events)
    assert SECRET not in text
    assert encoded(SECRET) not in text


def test_the_audit_log_is_roots_and_bounded() -> None:
    """By its size, its age and the number of those that are kept: the API server turns it over."""
    process = subprocess.run(
        ["pgrep", "-x", "kube-apiserver"], capture_output=True, text=True, check=True
    )
    words = Path(f"/proc/{process.stdout.split()[0]}/cmdline").read_text().split("\0")
    assert {"--audit-log-maxsize=20", "--audit-log-maxbackup=3", "--audit-log-maxage=14"} <= {
        *words
    }
    logs = list(AUDIT.glob("audit*.log"))
    assert 1 <= len(logs) <= 4
    for path in logs:
        assert path.stat().st_size <= 21 * MIB
        assert path.stat().st_mode & 0o077 == 0


def test_others_of_the_machine_do_not_read_the_keys() -> None:
    keys = [Path("/etc/mnist-lab") / encryption.ENCRYPTION, *PKI.glob("*.key")]
    assert len(keys) > 2
    assert [path for path in keys if path.stat().st_mode & 0o077] == []
