"""Port 8887: what answers there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from pipeline_server.api import grpc_port


class State:
    alive = True


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def channel(state: State) -> Iterator[grpc.Channel]:
    server, port = grpc_port.listen("127.0.0.1:0", lambda: state.alive, 8888)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    server.stop(grace=None)


def call(channel: grpc.Channel, method: str) -> Any:
    return channel.unary_unary(method)(b"", timeout=10)


def test_health(channel: grpc.Channel, state: State) -> None:
    assert call(channel, grpc_port.HEALTH) == b"\x08\x01"
    state.alive = False
    assert call(channel, grpc_port.HEALTH) == b"\x08\x02"


def test_everything_else_is_told_where_to_go(channel: grpc.Channel) -> None:
    method = "/kubeflow.pipelines.backend.api.v2beta1.RunService/GetRun"
    with pytest.raises(grpc.RpcError) as refused:
        call(channel, method)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "/apis/v2beta1 over HTTP on port 8888" in refused.value.details()
