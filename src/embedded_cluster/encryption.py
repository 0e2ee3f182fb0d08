"""Secrets in etcd: the key that encrypts them, and those that were stored before there was one."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Sequence

from embedded_cluster.layout import Layout

ENCRYPTION = "encryption.json"
# Another writer in between is no trouble: what he wrote is encrypted, and the next try sees it.
TRIES = 4


def make_key(layout: Layout) -> bool:
    """Make the key with which the API server encrypts Secrets in etcd, once; tells if it was new.

    What was stored before is read as it is, until `encrypt_stored` has written it again.
    """
    path = layout.configuration / ENCRYPTION
    if path.exists():
        return False
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    value = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [
            {
                "resources": ["secrets"],
                "providers": [
                    {"secretbox": {"keys": [{"name": "lab", "secret": key}]}},
                    {"identity": {}},
                ],
            }
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        json.dump(value, stream, indent=1)
    path.with_suffix(".new").replace(path)
    return True


def encrypt_stored(kubectl: Sequence[str]) -> int:
    """Write every Secret once more, as it is, so that what etcd keeps of it is encrypted.

    The API server writes what does not change only where it was stored in another form.

    Args:
        kubectl: the client, with the options that make it the administrator.

    Returns:
        How many there are.

    Raises:
        SystemExit: some could not be written; the message has the client's last words.
    """
    said = ""
    for _ in range(TRIES):
        listed = _run([*kubectl, "get", "secrets", "--all-namespaces", "--output=json"])
        if listed.returncode != 0:
            said = listed.stderr
            continue
        count = len(json.loads(listed.stdout)["items"])
        if count == 0:
            return 0
        command = [*kubectl, "replace", "--output=name", "--filename=-"]
        replaced = _run(command, listed.stdout)
        if replaced.returncode == 0:
            return count
        said = replaced.stderr
    raise SystemExit(
        "Secrets from before their encryption could not all be written again, so some are plain in "
        f"etcd: {said.strip()[-400:]}. Run ./lab run create-cluster once more."
    )


def _run(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)
