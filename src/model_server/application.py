"""Puts the model server together: MLServer with the lab's data plane and fronts."""

from __future__ import annotations

import asyncio
import secrets
import signal
from typing import Any

import uvicorn
from fastapi import FastAPI
from mlserver import MLServer
from mlserver.rest.app import create_app
from mlserver.rest.server import RESTServer
from mlserver.settings import ModelSettings, Settings

from model_server.data_plane import ArrayInference
from model_server.grpc_front import ArrayGRPCServer
from model_server.rest import InferenceApp, public_app
from model_server.settings import ServerSettings

# Longer than the proxy keeps its connections, so that it never writes to one being closed.
KEEP_ALIVE_SECONDS = 90


def mlserver_settings(settings: ServerSettings) -> Settings:
    """The same in MLServer's terms; one process, since ONNX Runtime releases the GIL."""
    return Settings(
        debug=False,
        parallel_workers=0,
        host=settings.host,
        http_port=settings.rest_port,
        grpc_port=settings.grpc_port,
        metrics_port=settings.metrics_port,
        grpc_max_message_length=settings.max_request_bytes,
        model_repository_root=settings.models_dir,
        model_repository_implementation=("model_server.repository.DataOnlyRepository"),
        load_models_at_startup=settings.load_at_start,
        server_name="lab-model-server",
        extensions=["binary_tensor_data"],
        gzip_enabled=False,
    )


class _Listener(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Signals belong to MLServer."""


class ModelServer(MLServer):
    """MLServer with the fast REST and gRPC fronts and a repository API for the pod alone."""

    def __init__(self, settings: ServerSettings) -> None:
        self._lab_settings = settings
        self.instance = secrets.token_hex(8)
        super().__init__(mlserver_settings(settings))

    def _create_servers(self) -> None:
        inference = ArrayInference(self._data_plane, self._model_registry)
        handlers = self._model_repository_handlers
        rest = public_app(self._settings, self._data_plane, handlers)
        self._rest_server = _RestFront(self._settings, self._data_plane, handlers)
        self._rest_server.application = InferenceApp(
            inference,
            rest,
            max_bytes=self._lab_settings.max_request_bytes,
            timeout=self._lab_settings.request_timeout,
        )
        self._grpc_server = ArrayGRPCServer(self._settings, self._data_plane, handlers)
        self._grpc_server.inference = inference
        self._kafka_server = None
        self._admin = _Listener(
            uvicorn.Config(
                admin_app(self),
                host="127.0.0.1",
                port=self._lab_settings.admin_port,
                access_log=False,
                log_level="warning",
            )
        )

    async def start(self, models_settings: list[ModelSettings] | None = None) -> None:
        """Serve until stopped."""
        await asyncio.gather(super().start(models_settings or []), self._admin.serve())

    async def stop(self, sig: int | None = None) -> None:
        """End every listener; running requests finish first."""
        self._admin.handle_exit(sig=sig or signal.SIGTERM, frame=None)
        await super().stop(sig or signal.SIGTERM)

    def admin_parts(self) -> tuple[Any, Any, Any]:
        """Settings, data plane and repository handlers, for the repository API."""
        return self._settings, self._data_plane, self._model_repository_handlers


class _RestFront(RESTServer):
    """MLServer's REST listener, serving our application."""

    application: InferenceApp

    def _get_config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self.application,  # type: ignore[arg-type]
            host=self._settings.host,
            port=self._settings.http_port,
            http="httptools",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=10,
            server_header=False,
            date_header=False,
            backlog=2048,
        )


def admin_app(server: ModelServer) -> FastAPI:
    """The V2 model-repository calls, for the pod's own loopback."""
    settings, data_plane, handlers = server.admin_parts()
    without_metrics = settings.model_copy(update={"metrics_endpoint": None})
    app = create_app(without_metrics, data_plane=data_plane, model_repository_handlers=handlers)

    async def instance() -> dict[str, str]:
        return {"instance": server.instance}

    app.add_api_route("/instance", instance)
    return app
