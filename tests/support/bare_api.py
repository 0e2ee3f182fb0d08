"""An API server of the test's own, with etcd and nothing else, from the cluster's own binaries."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from ports import free_port

from controllers.serving_certificate.build.authority import create_authority, sign
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.errors import ApiError
from lab_ground.waiting import wait_for

BINARIES = Path("/opt/mnist-lab/bin")
HOST = "localhost"
# Of a server that lives for seconds, on this machine's own address.
TOKEN = "administrator"


@dataclass(frozen=True)
class BareApi:
    """The server: a client of the administrator's, and the kubeconfig for other processes."""

    client: KubernetesClient
    kubeconfig: Path

    def install(self, definitions: list[dict[str, Any]]) -> None:
        """Add kinds, and wait until they are served."""
        for definition in definitions:
            self.client.create(definition)
        kind = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")

        def served() -> bool:
            return all(
                any(
                    condition["type"] == "Established" and condition["status"] == "True"
                    for condition in (found.get("status") or {}).get("conditions") or []
                )
                for found in self.client.list_objects(*kind)
            )

        wait_for(served, 30, "the kinds")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


@contextlib.contextmanager
def started(command: list[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with the block; what it says goes into a file."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, **options)
        try:
            yield process
        finally:
            _end(process)


def _secrets(folder: Path) -> None:
    authority = create_authority([HOST])
    pair = sign(authority, [HOST])
    (folder / "ca.crt").write_text(authority.certificate)
    (folder / "tls.crt").write_text(pair.certificate)
    (folder / "tls.key").write_text(pair.key)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "accounts.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (folder / "tokens.csv").write_text(f"{TOKEN},administrator,1,system:masters\n")


def _kubeconfig(folder: Path, port: int) -> Path:
    cluster = {
        "server": f"https://{HOST}:{port}",
        "certificate-authority": str(folder / "ca.crt"),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bare", "cluster": cluster}],
        "users": [{"name": "administrator", "user": {"token": TOKEN}}],
        "contexts": [{"name": "bare", "context": {"cluster": "bare", "user": "administrator"}}],
        "current-context": "bare",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path


@contextlib.contextmanager
def bare_api(folder: Path) -> Iterator[BareApi]:
    """Start etcd and an API server that keep everything in a folder; end both with the block."""
    store, peers, port = free_port(), free_port(), free_port()
    _secrets(folder)
    url = f"http://127.0.0.1:{store}"
    etcd = [
        *(str(BINARIES / "etcd"), f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync"),
        *(f"--listen-client-urls={url}", f"--advertise-client-urls={url}"),
        f"--listen-peer-urls=http://127.0.0.1:{peers}",
    ]
    server = [
        *(str(BINARIES / "kube-apiserver"), f"--etcd-servers={url}", f"--secure-port={port}"),
        *("--bind-address=127.0.0.1", f"--token-auth-file={folder / 'tokens.csv'}"),
        *(f"--tls-cert-file={folder / 'tls.crt'}", f"--tls-private-key-file={folder / 'tls.key'}"),
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        *("--authorization-mode=AlwaysAllow", "--service-cluster-ip-range=10.96.0.0/16"),
        "--disable-admission-plugins=ServiceAccount",
    ]
    with (
        started(etcd, folder / "etcd.log"),
        started(server, folder / "apiserver.log") as process,
    ):
        kubeconfig = _kubeconfig(folder, port)
        client = open_client(str(kubeconfig))
        deadline = time.monotonic() + 60
        while True:
            try:
                client.request("GET", "/readyz", accept="text/plain, */*")
                break
            except (ApiError, OSError):
                assert process.poll() is None, (folder / "apiserver.log").read_text()[-2000:]
                assert time.monotonic() < deadline, "the API server is not ready"
                time.sleep(0.2)
        yield BareApi(client, kubeconfig)
