"""Says in one sentence why something in the cluster is not as it should be.

``collect`` reads an object and what hangs on it (events, pods, their last log lines, claims,
quotas); ``diagnose`` is pure and turns that into a ``Finding``: which step, which object, the
cause, and the command to see more. See README.md beside this file.
"""

from __future__ import annotations

from lab_diagnosis.causes import diagnose
from lab_diagnosis.evidence import Evidence, Finding
from lab_diagnosis.text import last_log_line, scrub

__all__ = ["Evidence", "Finding", "diagnose", "last_log_line", "scrub"]
