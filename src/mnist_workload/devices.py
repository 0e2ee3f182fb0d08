"""Says so when a computation that could use a GPU has none."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)


def cpu_notice(gpus: Sequence[object], environ: Mapping[str, str] = os.environ) -> str | None:
    """Return what to tell the reader of the log where an image for GPUs has none."""
    if environ.get("LAB_IMAGE_ACCELERATOR") != "cuda" or gpus:
        return None
    return (
        "NOTICE: this image is for NVIDIA GPUs and none is visible to this container. "
        "TensorFlow runs on the CPU: the results are the same, the training takes longer. "
        "Ask for nvidia.com/gpu in the container's resources, or choose the image without CUDA."
    )


def warn_without_gpu(gpus: Sequence[object]) -> None:
    """Log the notice, if there is one."""
    if notice := cpu_notice(gpus):
        logger.warning(notice)
