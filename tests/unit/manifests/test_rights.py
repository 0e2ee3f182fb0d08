"""An instructor's rights are those that the roles and modules use, each where it is used.

What looks at the cluster is in docs/instructor/rights.yml, with the image streams' project; the
rest is a Role in each seat, which lab_project makes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_reset.planning import read_rules

REPOSITORY = Path(__file__).resolve().parents[3]
RIGHTS = REPOSITORY / "docs" / "instructor" / "rights.yml"
SEAT = REPOSITORY / "roles" / "lab_project" / "vars" / "main.yml"
# Roles that an instructor runs on OpenShift; the others make a cluster, a platform or the images,
# which are there already.
ROLES = sorted(
    path
    for path in REPOSITORY.glob("roles/lab_*")
    if path.name not in ("lab_nightly", "lab_images")
)
# Made by `./lab run grant-seats`, which is an administrator's.
ADMINISTRATORS = ("namespaces.yml.j2", "instructors.yml.j2")
# What is asked outside of the seats; everything else is asked in each seat.
CLUSTER = {
    ("", "namespaces"),
    ("", "nodes"),
    ("", "persistentvolumes"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("datasciencecluster.opendatahub.io", "datascienceclusters"),
    ("dscinitialization.opendatahub.io", "dscinitializations"),
    ("gateway.networking.k8s.io", "gateways"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
}
IMAGES = {("image.openshift.io", "imagestreams"), ("template.openshift.io", "templates")}
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
    found = [
        path
        for role in ROLES
        for path in role.glob("templates/*.j2")
        if path.name not in ADMINISTRATORS
    ]
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
            if read := task.get("lab_read"):
                found.append((read["api_version"], read["kind"], {"list"}, where))
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
    ("", "nodes", "list", "lab_validation"),
    # Nobody gives what they have not: what the Roles say that the lab binds.
    *(("datasciencepipelinesapplications.opendatahub.io", "datasciencepipelinesapplications/api",
       verb, "lab_pipeline_server") for verb in ("get", "create", "update", "patch", "delete")),
]  # fmt: skip


def place(group: str, resource: str) -> str:
    """Where a call is made."""
    if (group, resource) in CLUSTER:
        return "cluster"
    return "images" if (group, resource) in IMAGES else "seat"


def rules() -> dict[str, list[dict[str, Any]]]:
    """The rules of each place."""
    whole, images = yaml.safe_load_all(RIGHTS.read_text())
    assert (whole["kind"], images["kind"]) == ("ClusterRole", "Role")
    assert images["metadata"]["namespace"] == "redhat-ods-applications"
    seat = yaml.safe_load(SEAT.read_text())["__lab_project_instructor_rules"]
    return {"cluster": whole["rules"], "images": images["rules"], "seat": seat}


def given(where: str) -> dict[tuple[str, str], set[str]]:
    """Verbs by group and resource, for every name or for the lab's."""
    rights: dict[tuple[str, str], set[str]] = {}
    for rule in rules()[where]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                rights.setdefault((group, resource), set()).update(rule["verbs"])
    return rights


def test_every_call_is_allowed_where_it_is_made() -> None:
    rights = {where: given(where) for where in rules()}
    refused = [
        f"{verb} {resource}.{group} (called in {where})"
        for group, resource, verb, where in called()
        if (group, resource) != ("", "namespaces") or verb in READ
        if verb not in rights[place(group, resource)].get((group, resource), set())
    ]
    assert not refused, sorted(set(refused))


@pytest.mark.parametrize("where", ["cluster", "images", "seat"])
def test_nothing_is_allowed_that_nothing_calls(where: str) -> None:
    used: dict[tuple[str, str], set[str]] = {}
    for group, resource, verb, _ in called():
        if place(group, resource) == where:
            used.setdefault((group, resource), set()).add(verb)
    # A get and a list are one right to read.
    spare = {
        f"{verb} {resource}.{group}"
        for (group, resource), verbs in given(where).items()
        for verb in verbs - used.get((group, resource), set()) - READ
    }
    assert not spare
    assert not given(where).keys() - used.keys()


def test_outside_of_the_seats_an_instructor_only_looks() -> None:
    assert {verb for verbs in given("cluster").values() for verb in verbs} <= READ
    writing = {key for key, verbs in given("images").items() if verbs - READ}
    assert writing == {("image.openshift.io", "imagestreams")}
    streams = yaml.safe_load((REPOSITORY / "roles/lab_image_streams/defaults/main.yml").read_text())
    ours = {
        image["name"]
        for kind in ("workbenches", "runtimes")
        for image in streams[f"lab_image_streams_{kind}"]
    }
    changed = [rule["resourceNames"] for rule in rules()["images"] if rule["verbs"] == ["patch"]]
    assert [set(names) for names in changed] == [ours]


@pytest.mark.parametrize("where", ["cluster", "images", "seat"])
def test_no_rule_leads_to_more(where: str) -> None:
    for rule in rules()[where]:
        assert not {"escalate", "bind", "impersonate", "*"} & set(rule["verbs"]), rule
        assert "*" not in rule["apiGroups"] + rule["resources"], rule


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_role_that_is_bound_gives_no_more_than_the_instructor_has(path: Path) -> None:
    """Without `bind` nobody can give what they do not have."""
    for kind, name in re.findall(r"^roleRef:\n(?:  .*\n)*?  kind: (.*)\n  name: (.*)$",
                                 path.read_text(), re.M):  # fmt: skip
        assert kind == "Role"
        plain = re.sub(r"{{.*}}$", "NAME", name)
        known = ("ds-pipeline-user-access-NAME", "{{ server }}-view-role", "mnist-lab-terminal")
        assert plain in known, name


def test_the_terminal_has_no_more_than_the_instructor_who_gives_it() -> None:
    """Nor what would let a notebook's code give rights, read every Secret or start pods by hand."""
    held = given("seat")
    terminal = yaml.safe_load(SEAT.read_text())["__lab_project_terminal_rules"]
    for rule in terminal:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                assert set(rule["verbs"]) <= held.get((group, resource), set()), (group, resource)
                if set(rule["verbs"]) - {"get", "list"}:
                    assert group != "rbac.authorization.k8s.io"
                    assert resource not in ("pods", "secrets", "serviceaccounts")
                assert resource != "secrets" or rule["resourceNames"]
