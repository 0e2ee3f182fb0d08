"""Combinations of versions that cannot work are refused, with a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from ansible.template import Templar, trust_as_template

from resource_definitions.definitions import definitions

from .rendering import load_inventory

ROOT = Path(__file__).resolve().parents[3]
AS_IT_IS = "as it is"
CASES: dict[str, dict[str, str]] = {
    AS_IT_IS: {},
    "2.9": {"lab_openshift_ai_version": "2.9"},
    "2.15": {"lab_openshift_ai_version": "2.15"},
    "3.0 raw": {"lab_openshift_ai_version": "3.0", "lab_serving_mode": "raw"},
    "tekton": {"lab_openshift_ai_version": "2.8"},
    "modelmesh": {"lab_openshift_ai_version": "3.0", "lab_serving_mode": "modelmesh"},
    "api": {"lab_openshift_ai_version": "2.12", "lab_pipelines_api_version": "v1"},
}


PIPELINES = "datasciencepipelinesapplications.datasciencepipelinesapplications.opendatahub.io"
KINDS = (
    PIPELINES,
    "inferenceservices.serving.kserve.io",
    "notebooks.kubeflow.org",
    "servingruntimes.serving.kserve.io",
    "services.serving.knative.dev",
)


def cluster(
    *,
    served: tuple[str, ...] = ("v1alpha1", "v1"),
    without: str = "",
    release: str | None = "2.25.1",
    serving: str = "modelmeshserving",
    applications: str = "redhat-ods-applications",
    gateway: str = "",
) -> dict[str, Any]:
    """Return what the role reads of a cluster: its kinds, and OpenShift AI's version."""
    versions = [{"name": name, "served": name in served} for name in ("v1alpha1", "v1")]
    definitions = [
        {"metadata": {"name": name}, "spec": {"versions": versions}}
        for name in KINDS
        if name != without
    ]
    status = {} if release is None else {"release": {"name": "x", "version": release}}
    components = {
        name: {"managementState": "Managed" if name == serving else "Removed"}
        for name in ("kserve", "modelmeshserving")
    }
    listeners = [{"name": "https", "hostname": gateway}]
    return {
        "__lab_compatibility_definitions": {"resources": definitions},
        "__lab_compatibility_clusters": {
            "resources": [{"spec": {"components": components}, "status": status}]
        },
        "__lab_compatibility_initializations": {
            "resources": [{"spec": {"applicationsNamespace": applications}}]
        },
        "__lab_compatibility_gateways": {
            "resources": [{"spec": {"listeners": listeners}}] if gateway else []
        },
    }


# What the cluster offers, and what the inventory openshift asks of it (2.25, v1).
CLUSTERS: dict[str, dict[str, Any]] = {
    "as named": cluster(),
    "no version told": cluster(release=None),
    "no DataScienceCluster": {**cluster(), "__lab_compatibility_clusters": {"skipped": True}},
    "another version": cluster(release="2.19.0"),
    "ModelMesh is gone": cluster(release="3.0.0"),
    "kind missing": cluster(without="servingruntimes.serving.kserve.io"),
    "old pipelines": cluster(served=("v1alpha1",)),
    "Open Data Hub": cluster(applications="opendatahub"),
    "no ModelMesh": cluster(serving="kserve"),
    "its own gateway": {
        **cluster(gateway="rh-ai.apps.example.com"),
        "lab_gateway_host": "rh-ai.apps.example.com",
    },
    "another gateway": {
        **cluster(gateway="rh-ai.apps.example.com"),
        "lab_gateway_host": "data.example.com",
    },
}


def build_play(report: Path) -> list[dict[str, Any]]:
    """Return a play that asks the role about every case and writes down what it said."""
    tasks: list[dict[str, Any]] = []
    asked = [("inventory", *case) for case in CASES.items()]
    asked += [("cluster", *case) for case in CLUSTERS.items()]
    for part, name, variables in asked:
        ask = {
            "ansible.builtin.include_role": {"name": "lab_compatibility", "tasks_from": part},
            "vars": variables,
        }
        said = {"said": "{{ said | default({}) | combine({name: ansible_failed_result.msg}) }}"}
        note = {"ansible.builtin.set_fact": said, "vars": {"name": name}}
        tasks.append({"block": [ask], "rescue": [note]})
    content = "{{ said | default({}) | to_json }}"
    tasks.append({"ansible.builtin.copy": {"content": content, "dest": str(report)}})
    return [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]


@cache
def ask(inventory: str) -> dict[str, str]:
    """Return what the role refused, by case, in one run of Ansible for all of them."""
    with TemporaryDirectory() as folder:
        play, report = Path(folder) / "play.yml", Path(folder) / "report.json"
        play.write_text(yaml.safe_dump(build_play(report), sort_keys=False), encoding="utf-8")
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", str(ROOT / "inventories" / inventory)),
            str(play),
        ]
        environment = {**os.environ, "ANSIBLE_ROLES_PATH": str(ROOT / "roles")}
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert report.exists(), done.stdout + done.stderr
        refusals: dict[str, str] = json.loads(report.read_text(encoding="utf-8"))
    return refusals


def value_of(name: str, inventory: str, **variables: Any) -> Any:
    """What a variable of an inventory, or of the role, is with these others."""
    loader, known = load_inventory(inventory)
    role = ROOT / "roles" / "lab_compatibility"
    merged: dict[str, Any] = {}
    for part in ("defaults", "vars"):
        path = str(role / part / "main.yml")
        merged |= loader.load_from_file(path, trusted_as_template=True)
    merged |= {**known, **variables}
    return Templar(loader=loader, variables=merged).template(
        trust_as_template("{{ " + name + " }}")
    )


def test_what_the_cluster_tells_is_detected() -> None:
    told = cluster(
        release="3.5.1", serving="kserve", applications="opendatahub", gateway="rh-ai.example.com"
    )
    found = value_of("__lab_compatibility_detected", "openshift", **told)
    assert found == {
        "version": "3.5",
        "applications_namespace": "opendatahub",
        "gateway_host": "rh-ai.example.com",
        "serving": ["kserve"],
    }
    # What nobody pins is taken from it.
    inventory = {
        name: value_of(name, "openshift", lab_compatibility_detected=found)
        for name in (
            "lab_openshift_ai_version",
            "lab_images_namespace",
            "lab_gateway_host",
            "lab_serving_mode",
            "lab_serving_template",
        )
    }
    assert inventory == {
        "lab_openshift_ai_version": "3.5",
        "lab_images_namespace": "opendatahub",
        "lab_gateway_host": "rh-ai.example.com",
        "lab_serving_mode": "raw",
        "lab_serving_template": "kserve-ovms",
    }


def test_a_cluster_that_tells_nothing_leaves_the_defaults() -> None:
    silent = {"__lab_compatibility_definitions": {"resources": []}}
    assert value_of("__lab_compatibility_detected", "openshift", **silent) == {}
    assert value_of("lab_openshift_ai_version", "openshift") == "2.25"
    assert value_of("lab_images_namespace", "openshift") == "redhat-ods-applications"
    assert value_of("lab_serving_mode", "openshift") == "modelmesh"


@pytest.mark.parametrize(
    ("served", "expected"), [(("v1",), "v1"), (("v1", "v2"), "v1"), (("v2",), "v2")]
)
def test_the_data_science_cluster_is_read_in_a_version_that_is_served(
    served: tuple[str, ...], expected: str
) -> None:
    """opendatahub-operator's api/datasciencecluster: v1 alone to 2.x, v1 and v2 since 3.0."""
    versions = [{"name": name, "served": name in served} for name in ("v1", "v2")]
    name = "datascienceclusters.datasciencecluster.opendatahub.io"
    known = {"resources": [{"metadata": {"name": name}, "spec": {"versions": versions}}]}
    variables = {"__lab_compatibility_definitions": known}
    found = value_of("__lab_compatibility_cluster_version", "openshift", **variables)
    assert found == expected


@pytest.mark.parametrize("version", ["2.16", "2.25", "3.5"])
def test_stand_ins_say_which_version_they_play(version: str) -> None:
    told = {
        "__lab_compatibility_definitions": {"resources": definitions(version)},
        "__lab_compatibility_clusters": {"skipped": True},
    }
    assert value_of("__lab_compatibility_release", "embedded", **told) == version
    assert value_of("__lab_compatibility_detected", "embedded", **told) == {"version": version}


@pytest.mark.parametrize(("former", "version"), [("2.25", "3.5"), ("3.5", "2.25")])
def test_kinds_that_only_a_former_version_had_do_not_tell_the_version(
    former: str, version: str
) -> None:
    """A definition stays where it is when another version is played that has none of its name."""
    kept = {each["metadata"]["name"]: each for each in definitions(former)}
    kept |= {each["metadata"]["name"]: each for each in definitions(version)}
    told = {
        "__lab_compatibility_definitions": {"resources": [kept[name] for name in sorted(kept)]},
        "__lab_compatibility_clusters": {"skipped": True},
    }
    assert value_of("__lab_compatibility_release", "embedded", **told) == version


@pytest.mark.parametrize("inventory", ["embedded", "kubernetes", "openshift"])
@pytest.mark.parametrize(
    ("version", "mode"), [("2.16", "modelmesh"), ("2.25", "modelmesh"), ("3.5", "raw")]
)
def test_the_serving_mode_is_the_version_s(inventory: str, version: str, mode: str) -> None:
    assert value_of("lab_serving_mode", inventory, lab_openshift_ai_version=version) == mode


@pytest.mark.parametrize("inventory", ["embedded", "kubernetes", "openshift"])
def test_inventory_is_right_as_it_is(inventory: str) -> None:
    assert AS_IT_IS not in ask(inventory)


@pytest.mark.parametrize("case", ["2.9", "2.15", "3.0 raw"])
def test_combination_that_works_is_accepted(case: str) -> None:
    assert case not in ask("openshift")


@pytest.mark.parametrize(
    ("case", "found", "remedy"),
    [
        ("tekton", "OpenShift AI 2.8 ", "2.9 or newer is needed"),
        ("modelmesh", "3.0 (lab_openshift_ai_version) has no ModelMesh", "Set lab_serving_mode"),
        ("api", "OpenShift AI 2.12 ", "Set lab_pipelines_api_version to v1alpha1"),
    ],
)
def test_wrong_combination_is_refused_with_the_remedy(case: str, found: str, remedy: str) -> None:
    said = ask("openshift")[case]
    assert found in said
    assert remedy in said


@pytest.mark.parametrize(
    "case", ["as named", "no version told", "no DataScienceCluster", "its own gateway"]
)
def test_cluster_that_fits_is_accepted(case: str) -> None:
    assert case not in ask("openshift")


@pytest.mark.parametrize(
    ("case", "found", "remedy"),
    [
        ("another version", "runs OpenShift AI 2.19.0, ", "lab_openshift_ai_version is 2.25"),
        ("ModelMesh is gone", "runs OpenShift AI 3.0.0, ", "Set it to what is installed"),
        ("kind missing", "servingruntimes.serving.kserve.io", "Enable the components"),
        (
            "old pipelines",
            "DataSciencePipelinesApplication v1alpha1, ",
            "lab_pipelines_api_version",
        ),
        (
            "Open Data Hub",
            "namespace is opendatahub, but lab_images_namespace is redhat-ods-applications",
            "Set lab_images_namespace to it",
        ),
        (
            "no ModelMesh",
            "manages kserve, but lab_serving_mode is modelmesh",
            "Set the component to Managed",
        ),
        (
            "another gateway",
            "rh-ai.apps.example.com, but lab_gateway_host is data.example.com",
            "Set it to the former",
        ),
    ],
)
def test_cluster_that_does_not_fit_is_refused_with_what_was_found(
    case: str, found: str, remedy: str
) -> None:
    said = ask("openshift")[case]
    assert found in said
    assert remedy in said


def play(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the first playbook of site.yml, with no cluster to look at."""
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("-i", str(ROOT / "inventories" / "openshift")),
        str(ROOT / "playbooks" / "check-inventory.yml"),
        *options,
    ]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": "/nonexistent", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_inventory_is_checked_before_anything_is_changed() -> None:
    first = yaml.safe_load((ROOT / "site.yml").read_text(encoding="utf-8"))[0]
    assert first["ansible.builtin.import_playbook"] == "playbooks/check-inventory.yml"
    assert play().returncode == 0
    refused = play("-e", "lab_openshift_ai_version=3.0", "-e", "lab_serving_mode=modelmesh")
    assert refused.returncode != 0
    assert "has no ModelMesh" in refused.stdout
    assert "changed=0" in refused.stdout


@pytest.mark.parametrize("seats", ["mnist-x", [], ["mnist", "Walk"]])
def test_seats_that_are_no_list_of_namespaces_are_refused(seats: object) -> None:
    refused = play("-e", json.dumps({"lab_seats": seats}))
    assert refused.returncode != 0
    assert "lab_seats is a list of namespaces" in " ".join(refused.stdout.split())


def test_a_seat_is_not_removed_that_cannot_be_built_anew() -> None:
    (reset,) = yaml.safe_load((ROOT / "playbooks" / "reset-lab.yml").read_text(encoding="utf-8"))
    roles = reset["roles"]
    assert roles.index("lab_compatibility") < roles.index("lab_reset")


@pytest.mark.parametrize("name", ["prepare-lab", "train-model", "serve-model", "deploy-inference"])
def test_each_step_compares_the_inventory_with_the_cluster(name: str) -> None:
    (step,) = yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text(encoding="utf-8"))
    roles = [role["role"] for role in step["roles"]]
    assert roles[:2] == ["lab_target", "lab_compatibility"]
    assert step["roles"][1] == {"role": "lab_compatibility", "tags": "always"}


@pytest.mark.parametrize("admits", [True, False])
def test_a_cluster_that_lets_services_claim_addresses_is_warned_of(
    tmp_path: Path, admits: bool
) -> None:
    """With a client that answers as the API server does; a dry run keeps nothing."""
    kubectl = tmp_path / "kubectl"
    denied = "services x is forbidden: Use of external IPs is denied by admission control"
    answer = "exit 0" if admits else f"echo '{denied}' >&2; exit 1"
    kubectl.write_text(f'#!/bin/sh\ncase "$*" in *--dry-run=server*) {answer};; esac\nexit 3\n')
    kubectl.chmod(0o755)
    ask = {"name": "lab_compatibility", "tasks_from": "neighbours"}
    task = {
        "ansible.builtin.include_role": ask,
        "vars": {"lab_compatibility_kubectl": str(kubectl)},
    }
    play = tmp_path / "play.yml"
    play.write_text(
        yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
    )
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "--check"]
    done = subprocess.run(
        [*command, "-i", str(ROOT / "inventories/kubernetes"), str(play)],
        cwd=ROOT, env={**os.environ, "ANSIBLE_ROLES_PATH": str(ROOT / "roles")},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert ("DenyServiceExternalIPs" in done.stdout) is admits
