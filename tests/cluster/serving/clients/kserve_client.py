"""Calls the model with kserve's clients: `kserve_client.py rest|grpc`, settings on stdin."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from typing import Any

import numpy as np
from kserve import (
    InferenceGRPCClient,
    InferenceRESTClient,
    InferInput,
    InferRequest,
    RESTConfig,
)


def request(settings: dict[str, Any]) -> InferRequest:
    """Two pictures of that grey."""
    tensor = InferInput(name="input_1", shape=[2, 28, 28, 1], datatype="FP32")
    picture = np.full((2, 28, 28, 1), settings["value"], dtype=np.float32)
    tensor.set_data_from_numpy(picture, binary_data=settings["binary"])
    return InferRequest(model_name=settings["model"], infer_inputs=[tensor])


async def rest(settings: dict[str, Any]) -> dict[str, Any]:
    """Over HTTPS, through the Route, with a token."""
    context = ssl.create_default_context(cadata=settings["authority"])
    client = InferenceRESTClient(RESTConfig(protocol="v2", verify=context, retries=1))
    headers = {"Authorization": f"Bearer {settings['token']}"}
    ready = await client.is_model_ready(settings["url"], settings["model"], headers=headers)
    answer = await client.infer(
        settings["url"], request(settings), model_name=settings["model"], headers=headers
    )
    return described(ready, answer)


async def grpc(settings: dict[str, Any]) -> dict[str, Any]:
    """Over gRPC, inside the cluster."""
    client = InferenceGRPCClient(url=settings["grpc"])
    ready = await client.is_model_ready(settings["model"])
    answer = await client.infer(request(settings))
    await client.close()
    return described(ready, answer)


def described(ready: bool, answer: Any) -> dict[str, Any]:
    """What the test compares."""
    output = answer.outputs[0]
    return {
        "ready": ready,
        "model_name": answer.model_name,
        "shape": list(output.shape),
        "data": output.as_numpy().ravel().tolist(),
    }


if __name__ == "__main__":
    call = {"rest": rest, "grpc": grpc}[sys.argv[1]]
    print(json.dumps(asyncio.run(call(json.load(sys.stdin)))))
