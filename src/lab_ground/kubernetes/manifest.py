"""An object of the API, as plain dictionaries and lists."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]
