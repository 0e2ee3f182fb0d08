"""A package index as pip asks one (PEP 503), over TLS with an authority of its own.

Its wheels are made here: a small package, and kfp as it is installed but under another version,
which a component of another client asks for.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import importlib.metadata
import io
import ssl
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from platform_cluster import container

from controllers.serving_certificate.build.authority import KeyPair
from lab_ground.kubernetes.manifest import Manifest

PORT = 8443
# Serves the files below /index with the certificate that is mounted beside them.
SERVE = f"""
import functools, http.server, ssl
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/index")
server = http.server.ThreadingHTTPServer(("", {PORT}), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def small_wheel(name: str, version: str, source: str) -> tuple[str, bytes]:
    """A wheel of one module: its file name and content."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    return _wheel(name, version, {f"{name}.py": source.encode()}, metadata)


def kfp_wheel(version: str) -> tuple[str, bytes]:
    """The installed SDK under another version."""
    here = importlib.metadata.distribution("kfp")
    files = {
        str(file): Path(str(file.locate())).read_bytes()
        for file in here.files or ()
        if str(file).startswith("kfp/") and "__pycache__" not in str(file)
    }
    files["kfp/version.py"] = f"__version__ = {version!r}\n".encode()
    metadata = (here.read_text("METADATA") or "").replace(
        f"\nVersion: {here.version}\n", f"\nVersion: {version}\n"
    )
    return _wheel("kfp", version, files, metadata)


def _wheel(name: str, version: str, files: Mapping[str, bytes], metadata: str) -> tuple[str, bytes]:
    about = f"{name}-{version}.dist-info"
    tag = "Wheel-Version: 1.0\nGenerator: lab\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    every = {**files, f"{about}/METADATA": metadata.encode(), f"{about}/WHEEL": tag.encode()}
    lines = [f"{path},{_digest(content)},{len(content)}" for path, content in every.items()]
    every[f"{about}/RECORD"] = "\n".join([*lines, f"{about}/RECORD,,"]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in every.items():
            archive.writestr(path, content)
    return f"{name}-{version}-py3-none-any.whl", packed.getvalue()


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
    return f"sha256={digest.rstrip('=')}"


def index_files(wheels: Mapping[str, bytes]) -> dict[str, bytes]:
    """What an index of these wheels has, by path."""
    files = {f"wheels/{name}": content for name, content in wheels.items()}
    for name in wheels:
        page = f'<!DOCTYPE html><a href="../../wheels/{name}">{name}</a>'
        asked = name.partition("-")[0].replace("_", "-")
        files[f"simple/{asked}/index.html"] = page.encode()
    return files


@contextmanager
def serving(directory: Path, wheels: Mapping[str, bytes], pair: KeyPair) -> Iterator[str]:
    """Serve an index on this machine's loopback; gives its address, of host ``localhost``."""
    for name, content in index_files(wheels).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    chain, key = directory / "tls.crt", directory / "tls.key"
    chain.write_text(pair.certificate)
    key.touch(mode=0o600)
    key.write_text(pair.key)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_address[1]}/simple"
        server.shutdown()


def index_manifests(
    name: str, namespace: str, wheels: Mapping[str, bytes], pair: KeyPair
) -> list[Manifest]:
    """An index in the cluster, at ``https://<name>.<namespace>.svc:8443/simple``."""
    files = index_files(wheels)
    keys = {path: path.replace("/", "_") for path in files}
    metadata = {"name": name, "namespace": namespace}
    main = container(
        command=["python3", "-c", SERVE],
        ports=[{"containerPort": PORT}],
        readinessProbe={"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        volumeMounts=[
            {"name": "index", "mountPath": "/index"},
            {"name": "tls", "mountPath": "/tls"},
        ],
    )
    listed = [{"key": key, "path": path} for path, key in keys.items()]
    spec = {
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [main],
        "volumes": [
            {"name": "index", "configMap": {"name": name, "items": listed}},
            {"name": "tls", "secret": {"secretName": name}},
        ],
    }
    content = {keys[path]: base64.b64encode(data).decode() for path, data in files.items()}
    chain = {"tls.crt": pair.certificate, "tls.key": pair.key}
    ports = {"selector": {"app": name}, "ports": [{"port": PORT}]}
    pod = {**metadata, "labels": {"app": name}}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": content},
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": chain},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": ports},
        {"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": spec},
    ]
