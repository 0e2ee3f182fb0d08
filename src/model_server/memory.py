"""How much memory the container may still take."""

from __future__ import annotations

from pathlib import Path

_LIMITS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
    ),
)
_NO_LIMIT = 1 << 60


def available_bytes(root: Path = Path("/")) -> int | None:
    """Bytes up to the cgroup's limit, page cache counted as free; None where there is no limit."""
    for limit_file, usage_file, stat_file in _LIMITS:
        limit = _number(root / limit_file.lstrip("/"))
        usage = _number(root / usage_file.lstrip("/"))
        if limit is None or usage is None or limit >= _NO_LIMIT:
            continue
        return max(0, limit - usage + _reclaimable(root / stat_file.lstrip("/")))
    return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _reclaimable(path: Path) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    values = dict(line.split(maxsplit=1) for line in lines if " " in line)
    return int(values.get("inactive_file", values.get("total_inactive_file", "0")))
