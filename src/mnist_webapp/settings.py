"""What the function and the page read from their environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def read_namespace(environ: Mapping[str, str]) -> str:
    """Name the project this pod runs in: NAMESPACE, else what Kubernetes mounted."""
    if named := environ.get("NAMESPACE"):
        return named
    try:
        return SERVICE_ACCOUNT_NAMESPACE.read_text(encoding="ascii").strip()
    except OSError:
        return "mnist"


@dataclass(frozen=True)
class FunctionSettings:
    """Where the model is, and how to prove who asks."""

    model_url: str
    model_name: str
    token_file: Path
    ca_file: Path
    timeout: float

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> FunctionSettings:
        """Read the settings; the defaults are the lab's names."""
        namespace = read_namespace(environ)
        url = environ.get("MODEL_URL", "https://modelmesh-serving.{namespace}.svc:8443")
        return cls(
            model_url=url.replace("{namespace}", namespace).rstrip("/"),
            model_name=environ.get("MODEL_NAME", "mnist"),
            token_file=Path(environ.get("MODEL_TOKEN_FILE", "/var/run/mnist/token/token")),
            ca_file=Path(environ.get("MODEL_CA_FILE", "/var/run/mnist/ca/service-ca.crt")),
            timeout=float(environ.get("MODEL_TIMEOUT_SECONDS", "5")),
        )


@dataclass(frozen=True)
class PageSettings:
    """Where the function is, where the page's files are, and how long to wait."""

    function_url: str
    static_directory: Path
    timeout: float

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> PageSettings:
        """Read the settings; the defaults are the lab's names."""
        namespace = read_namespace(environ)
        url = environ.get("FUNCTION_URL", "http://mnist-function.{namespace}.svc.cluster.local")
        bundled = Path(__file__).parent / "static"
        return cls(
            function_url=url.replace("{namespace}", namespace).rstrip("/"),
            static_directory=Path(environ.get("PAGE_STATIC_DIRECTORY", str(bundled))),
            timeout=float(environ.get("FUNCTION_TIMEOUT_SECONDS", "60")),
        )
