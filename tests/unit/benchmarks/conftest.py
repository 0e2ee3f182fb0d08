"""Loads the benchmark scripts, which are no modules of a package."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# What only the environment of the model server's tests has.
ELSEWHERE = ("numpy", "onnxruntime", "onnx", "serving_models")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Load a script by its name, as Python runs it, but for its ``main``."""

    def loaded(name: str) -> ModuleType:
        for module in ELSEWHERE:
            if importlib.util.find_spec(module) is None:
                monkeypatch.setitem(sys.modules, module, mock.MagicMock())
        monkeypatch.setitem(sys.modules, "serving_models", mock.MagicMock())
        spec = importlib.util.spec_from_file_location(
            f"benchmark_{name}", BENCHMARKS / f"{name}.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return loaded
