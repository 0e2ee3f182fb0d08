"""Calls the model with tritonclient: `triton_client.py rest|grpc`, settings on stdin."""

from __future__ import annotations

import json
import ssl
import sys
import tempfile
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import tritonclient.grpc
import tritonclient.http


def picture(settings: dict[str, Any]) -> np.ndarray:
    """Two pictures of that grey."""
    return np.full((2, 28, 28, 1), settings["value"], dtype=np.float32)


def rest(settings: dict[str, Any]) -> dict[str, Any]:
    """Over HTTPS, through the Route, with a token."""
    with tempfile.NamedTemporaryFile("w", suffix=".crt") as authority:
        authority.write(settings["authority"])
        authority.flush()
        client = tritonclient.http.InferenceServerClient(
            urlsplit(settings["url"]).netloc,
            ssl=True,
            ssl_options={"ca_certs": authority.name},
            ssl_context_factory=ssl.create_default_context,
        )
        headers = {"Authorization": f"Bearer {settings['token']}"}
        ready = client.is_model_ready(settings["model"], headers=headers)
        metadata = client.get_model_metadata(settings["model"], headers=headers)
        tensor = tritonclient.http.InferInput("input_1", [2, 28, 28, 1], "FP32")
        tensor.set_data_from_numpy(picture(settings), binary_data=settings["binary"])
        answer = client.infer(settings["model"], [tensor], headers=headers)
        found = {
            "ready": ready,
            "input": metadata["inputs"][0]["name"],
            "model_name": answer.get_response()["model_name"],
            "shape": list(answer.as_numpy("dense").shape),
            "data": answer.as_numpy("dense").ravel().tolist(),
        }
        client.close()
    return found


def grpc(settings: dict[str, Any]) -> dict[str, Any]:
    """Over gRPC, inside the cluster."""
    client = tritonclient.grpc.InferenceServerClient(settings["grpc"])
    metadata = client.get_model_metadata(settings["model"])
    tensor = tritonclient.grpc.InferInput("input_1", [2, 28, 28, 1], "FP32")
    tensor.set_data_from_numpy(picture(settings))
    answer = client.infer(settings["model"], [tensor])
    return {
        "ready": client.is_server_live() and client.is_model_ready(settings["model"]),
        "input": metadata.inputs[0].name,
        "model_name": answer.get_response().model_name,
        "shape": list(answer.as_numpy("dense").shape),
        "data": answer.as_numpy("dense").ravel().tolist(),
    }


if __name__ == "__main__":
    call = {"rest": rest, "grpc": grpc}[sys.argv[1]]
    print(json.dumps(call(json.load(sys.stdin))))
