"""The rights of the controllers."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"
RBAC = sorted((ROLES / "platform_operators" / "templates" / "rbac").glob("*.yml.j2"))


def load(file):
    return yaml.safe_load(file.read_text())


@pytest.mark.parametrize("file", RBAC, ids=lambda file: file.name.partition(".")[0])
def test_rights_are_written_out(file):
    rules = load(file)
    assert isinstance(rules, list)
    for rule in rules:
        assert rule["verbs"]
        for part in ("apiGroups", "resources", "verbs"):
            assert "*" not in rule[part], f"{file.name}: {part} of {rule}"
        if "secrets" in rule["resources"]:
            assert "deletecollection" not in rule["verbs"]
        assert "escalate" not in rule["verbs"]
        assert "impersonate" not in rule["verbs"]
        if "bind" in rule["verbs"] and "clusterroles" in rule["resources"]:
            assert rule.get("resourceNames"), f"{file.name}: may bind any ClusterRole"
