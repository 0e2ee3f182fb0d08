"""Loads the suite's Ansible plugins as Python modules."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"


@pytest.fixture(scope="session")
def plugin() -> Callable[[str], ModuleType]:
    """Return a loader of plugins by their path below plugins/."""

    def load(path: str) -> ModuleType:
        name = f"plugin_{path.replace('/', '_')}"
        spec = importlib.util.spec_from_file_location(name, PLUGINS / f"{path}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
