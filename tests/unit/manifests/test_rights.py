"""The rights that docs/instructor/rights.yml gives are those that the roles and modules use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_reset.planning import read_rules

REPOSITORY = Path(__file__).resolve().parents[3]
RIGHTS = REPOSITORY / "docs" / "instructor" / "rights.yml"
# Roles that run on OpenShift; the others make a cluster or a platform, which is there already.
ROLES = sorted(
    path for path in REPOSITORY.glob("roles/lab_*") if path.name not in ("lab_nightly",)
)  # fmt: skip
APPLY = {"get", "create", "patch"}
READ = {"get", "list"}
HEAD = re.compile(r"^apiVersion: (.+)\nkind: (\w+)$", re.M)
NAMED = re.compile(r"""["'](v1|[a-z0-9.]+/v\w+)["'], ["']([A-Z]\w+)["']""")


def plural(kind: str) -> str:
    name = kind.lower()
    return name[:-1] + "ies" if re.search("[^aeiou]y$", name) else name + "s"


def group_of(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def documents() -> list[Path]:
    found = [path for role in ROLES for path in role.glob("templates/*.j2")]
    return found + sorted((REPOSITORY / "inference" / "base").glob("*.yaml"))


def tasks_of(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tasks, those of blocks too."""
    found = []
    for entry in entries or []:
        for part in ("block", "rescue", "always"):
            found += tasks_of(entry.get(part) or [])
        found.append(entry)
    return found


def called_by_tasks() -> list[tuple[str, str, set[str], str]]:
    found = []
    for path in (path for role in ROLES for path in role.glob("tasks/*.yml")):
        for task in tasks_of(yaml.safe_load(path.read_text())):
            where = str(path.relative_to(REPOSITORY))
            if read := task.get("kubernetes.core.k8s_info"):
                found.append((read["api_version"], read["kind"], READ, where))
            if write := task.get("kubernetes.core.k8s"):
                thing = write.get("definition") or {}
                version = write.get("api_version") or thing["apiVersion"]
                kind = write.get("kind") or thing["kind"]
                verbs = {"get", "delete"} if write.get("state") == "absent" else APPLY
                found.append((version, kind, verbs, where))
            for wait in (task.get("lab_wait") or {}).get("objects", ()):
                version = wait["api_version"]
                for name, value in (task.get("vars") or {}).items():
                    version = version.replace(f"{{{{ {name} }}}}", str(value))
                found.append((version, wait["kind"], READ, where))
    return found


def called() -> list[tuple[str, str, str, str]]:
    """(group, plural, verb, where) of every call that can be read off the code."""
    found = [
        (version, kind, APPLY, str(path.relative_to(REPOSITORY)))
        for path in documents()
        for version, kind in HEAD.findall(path.read_text())
        if "Kustomiz" not in kind
    ]
    found += called_by_tasks()
    for rule in read_rules(REPOSITORY / "roles"):
        found.append((rule.api_version, rule.kind, {"list", "delete"}, "lab_reset's rules"))
    for folder in (
        "src/lab_diagnosis",
        "src/lab_reset",
        "src/lab_driver",
        "src/lab_playbook",
        "src/lab_validation",
    ):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for version, kind in NAMED.findall(path.read_text()):
                verbs = {"list"} if kind in ("PersistentVolume", "ClusterRoleBinding") else READ
                if kind != "Lease":
                    found.append((version, kind, verbs, str(path.relative_to(REPOSITORY))))
    defaults = yaml.safe_load((REPOSITORY / "roles/lab_access/defaults/main.yml").read_text())
    split = [
        (group_of(version), plural(kind), verb, where)
        for version, kind, verbs, where in found
        for verb in sorted(verbs)
    ]
    for name in defaults["lab_access_kinds"]:
        resource, _, group = name.partition(".")
        split += [(group, resource, verb, "lab_access") for verb in sorted(READ)]
    return split + OTHERWISE


# Calls whose kind is not written beside their version.
OTHERWISE = [
    *(("coordination.k8s.io", "leases", verb, "lab_seat_lease") for verb in
      ("get", "create", "update", "delete")),
    ("", "serviceaccounts/token", "create", "lab_reset"),
    ("", "pods", "delete", "lab_reset hurries them"),
    ("", "pods/log", "get", "lab_diagnosis"),
    *(("batch", "jobs", verb, "lab_training") for verb in ("delete", *APPLY)),
    *(("", "configmaps", verb, "lab_training") for verb in APPLY),
    ("datasciencepipelinesapplications.opendatahub.io", "datasciencepipelinesapplications", "list",
     "lab_reset"),
    *(("image.openshift.io", "imagestreams", verb, "lab_images") for verb in APPLY),
    *(("build.openshift.io", "buildconfigs", verb, "lab_images") for verb in APPLY),
    ("build.openshift.io", "buildconfigs/instantiatebinary", "create", "lab_images"),
    ("build.openshift.io", "builds", "get", "lab_images"),
    ("build.openshift.io", "builds/log", "get", "lab_images"),
    ("", "nodes", "list", "lab_validation"),
]  # fmt: skip


def given() -> dict[tuple[str, str], set[str]]:
    """Verbs by group and resource, where the rule is for every name."""
    rights: dict[tuple[str, str], set[str]] = {}
    for rule in yaml.safe_load(RIGHTS.read_text())["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                if "resourceNames" not in rule:
                    rights.setdefault((group, resource), set()).update(rule["verbs"])
    return rights


def test_every_call_is_allowed() -> None:
    rights = given()
    refused = [
        f"{verb} {resource}.{group} (called in {where})"
        for group, resource, verb, where in called()
        if verb not in rights.get((group, resource), set())
    ]
    assert not refused, sorted(set(refused))


def test_nothing_is_allowed_that_nothing_calls() -> None:
    used: dict[tuple[str, str], set[str]] = {}
    for group, resource, verb, _ in called():
        used.setdefault((group, resource), set()).add(verb)
    # A get and a list are one right to read.
    spare = {
        f"{verb} {resource}.{group}"
        for (group, resource), verbs in given().items()
        for verb in verbs - used.get((group, resource), set()) - READ
    }
    assert not spare
    assert not given().keys() - used.keys()


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_role_that_is_bound_may_be_bound(path: Path) -> None:
    """Nobody can give what they do not have, unless they may bind that very role."""
    bindable = {
        name
        for rule in yaml.safe_load(RIGHTS.read_text())["rules"]
        if rule["verbs"] == ["bind"]
        for name in rule["resourceNames"]
    }
    bound = re.findall(r"^roleRef:\n(?:  .*\n)*?  name: (.*)$", path.read_text(), re.M)
    for name in bound:
        plain = re.sub(
            r"{{ lab_(pipeline_server_name|workbench_pipeline_server) }}", "ds-pipeline", name
        )
        if "{{" in plain:
            # lab_serving's own Role, which gives no more than the instructor has.
            assert plain == "{{ server }}-view-role"
            continue
        assert plain in bindable
