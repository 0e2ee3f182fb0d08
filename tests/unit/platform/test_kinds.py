"""The custom resource definitions, and the rights of the controllers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"
FILES = sorted((ROLES / "platform_crds" / "files").glob("*.yml"))
RBAC = sorted((ROLES / "platform_operators" / "templates" / "rbac").glob("*.yml.j2"))

KINDS = {
    ("route.openshift.io", "Route", "v1"),
    ("image.openshift.io", "ImageStream", "v1"),
    ("kubeflow.org", "Notebook", "v1"),
    (
        "datasciencepipelinesapplications.opendatahub.io",
        "DataSciencePipelinesApplication",
        "v1alpha1",
    ),
    ("datasciencepipelinesapplications.opendatahub.io", "DataSciencePipelinesApplication", "v1"),
    ("serving.kserve.io", "ServingRuntime", "v1alpha1"),
    ("serving.kserve.io", "InferenceService", "v1beta1"),
    ("serving.knative.dev", "Service", "v1"),
    ("datasciencecluster.opendatahub.io", "DataScienceCluster", "v1"),
    ("template.openshift.io", "Template", "v1"),
}


def load(file):
    return yaml.safe_load(file.read_text())


def test_every_kind_is_there():
    found = {
        (crd["spec"]["group"], crd["spec"]["names"]["kind"], version["name"])
        for crd in map(load, FILES)
        for version in crd["spec"]["versions"]
        if version["served"]
    }
    assert found >= KINDS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_definition_is_whole(file):
    crd = load(file)
    assert crd["metadata"]["name"] == f"{crd['spec']['names']['plural']}.{crd['spec']['group']}"
    assert sum(version["storage"] for version in crd["spec"]["versions"]) == 1
    for version in crd["spec"]["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        assert schema["type"] == "object"
        assert version["additionalPrinterColumns"]
        if "status" in schema["properties"]:
            assert version["subresources"] == {"status": {}}


def test_a_subdomain_is_as_strict_as_a_host():
    crd = load(ROLES / "platform_crds" / "files" / "route.yml")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields = schema["properties"]["spec"]["properties"]
    assert fields["subdomain"]["pattern"] == fields["host"]["pattern"]
    for wrong in ("x`) || !host(`y", "my_app", "-x", "a..b"):
        assert not re.search(fields["subdomain"]["pattern"], wrong)
    assert re.search(fields["subdomain"]["pattern"], "digits.Class-1")


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
