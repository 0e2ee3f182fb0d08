"""Settings of the model server, read from the environment once at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lab_ground.serving import constants

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class ServerSettings:
    """What the model server listens on, where its models lie and what it refuses."""

    models_dir: str = constants.MODELS_DIR
    host: str = "0.0.0.0"  # noqa: S104 - the pod's own address, unknown before it starts
    rest_port: int = constants.REST_PORT
    grpc_port: int = constants.GRPC_PORT
    metrics_port: int = constants.METRICS_PORT
    admin_port: int = constants.ADMIN_PORT
    max_request_bytes: int = 8 * MEBIBYTE
    max_model_bytes: int = 1024 * MEBIBYTE
    request_timeout: float = 15.0
    load_at_start: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> ServerSettings:
        """Read `LAB_SERVER_*`; what is absent keeps its default."""
        values: dict[str, object] = {}
        for name, default in cls().__dict__.items():
            text = environ.get(f"LAB_SERVER_{name.upper()}")
            if text is None:
                continue
            if isinstance(default, bool):
                values[name] = text.lower() in {"1", "true", "yes"}
            else:
                values[name] = type(default)(text)
        return cls(**values)  # type: ignore[arg-type]
