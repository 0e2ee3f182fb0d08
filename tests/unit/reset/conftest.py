"""Makes the suite's module utilities importable as Ansible does."""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

UTILITIES = Path(__file__).resolve().parents[3] / "plugins" / "module_utils"
ansible.module_utils.__path__.append(str(UTILITIES))
