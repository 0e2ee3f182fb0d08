"""Run the exported model with ONNX Runtime, as the model server does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from mnist_workload.errors import ExportError
from mnist_workload.preprocessing import Floats

_IMAGES_AT_ONCE = 1000


def open_model(path: Path) -> onnxruntime.InferenceSession:
    """Open an ONNX model on the processor."""
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors share no other base class
        raise ExportError(f"{path} is no ONNX model: {error}") from error


def predict(session: onnxruntime.InferenceSession, images: Floats) -> Floats:
    """Return ten probabilities for each image."""
    name = session.get_inputs()[0].name
    parts = [
        session.run(None, {name: images[start : start + _IMAGES_AT_ONCE]})[0]
        for start in range(0, len(images), _IMAGES_AT_ONCE)
    ]
    return np.concatenate(parts).astype(np.float32)
