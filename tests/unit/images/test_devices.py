"""An image for GPUs says so where there is none."""

from __future__ import annotations

from mnist_workload.devices import cpu_notice


def test_notice_names_the_cause_and_the_remedy() -> None:
    notice = cpu_notice([], {"LAB_IMAGE_ACCELERATOR": "cuda"})
    assert notice
    assert "CPU" in notice
    assert "nvidia.com/gpu" in notice


def test_nothing_is_said_where_all_is_as_it_should_be() -> None:
    assert cpu_notice(["GPU:0"], {"LAB_IMAGE_ACCELERATOR": "cuda"}) is None
    assert cpu_notice([], {"LAB_IMAGE_ACCELERATOR": "none"}) is None
    assert cpu_notice([], {}) is None
