"""Settings of the model server, read from the environment once at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import mlserver

from lab_platform.model_serving import constants

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
    threads: int = 1
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

    def for_mlserver(self) -> mlserver.Settings:
        """The same in MLServer's terms; one process, since ONNX Runtime releases the GIL."""
        return mlserver.Settings(
            debug=False,
            parallel_workers=0,
            host=self.host,
            http_port=self.rest_port,
            grpc_port=self.grpc_port,
            metrics_port=self.metrics_port,
            grpc_max_message_length=self.max_request_bytes,
            model_repository_root=self.models_dir,
            model_repository_implementation=(
                "lab_platform.model_serving.server.repository.DataOnlyRepository"
            ),
            load_models_at_startup=self.load_at_start,
            server_name="lab-model-server",
            extensions=["model_repository", "binary_tensor_data"],
            gzip_enabled=False,
        )
