"""The kustomize directory and what else speaks of its objects keep together."""

from __future__ import annotations

from typing import Any

import yaml

from .rendering import ROOT

BASE = ROOT / "inference" / "base"
IMAGE = (
    "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-inference:1.0"
)


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((BASE / name).read_text(encoding="utf-8")))


def containers() -> list[dict[str, Any]]:
    return [
        container
        for name in ("function.yaml", "page.yaml")
        for manifest in read(name)
        if "template" in manifest["spec"]
        for container in manifest["spec"]["template"]["spec"]["containers"]
    ]


def test_every_file_is_listed() -> None:
    (kustomization,) = read("kustomization.yaml")
    files = {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files


def test_raw_mode_replaces_the_models_address() -> None:
    (function,) = read("function.yaml")
    first = function["spec"]["template"]["spec"]["containers"][0]["env"][0]
    assert first["name"] == "MODEL_URL"
    (raw,) = yaml.safe_load_all(
        (ROOT / "inference" / "raw" / "kustomization.yaml").read_text(encoding="utf-8")
    )
    operations = yaml.safe_load(raw["patches"][0]["patch"])
    assert operations[-1]["path"] == "/spec/template/spec/containers/0/env/0/value"
    assert "mnist-predictor" in operations[-1]["value"]


def test_role_knows_the_image_that_it_replaces() -> None:
    assert [container["image"] for container in containers()] == [IMAGE, IMAGE]
    template = ROOT / "roles" / "lab_inference" / "templates" / "objects.yml.j2"
    assert IMAGE in template.read_text(encoding="utf-8")


def test_pods_run_under_pod_security_restricted() -> None:
    for container in containers():
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"]
        assert security["runAsNonRoot"]
        assert not security["allowPrivilegeEscalation"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_function_reads_token_and_authority_from_files_that_may_come_later() -> None:
    (function,) = read("function.yaml")
    volumes = {volume["name"]: volume for volume in function["spec"]["template"]["spec"]["volumes"]}
    assert volumes["token"]["secret"]["secretName"] == "model-mesh"
    assert volumes["token"]["secret"]["optional"]
    assert volumes["ca"]["configMap"]["optional"]
    (authority,) = read("certificate-authority.yaml")
    assert authority["metadata"]["name"] == volumes["ca"]["configMap"]["name"]
    assert authority["metadata"]["annotations"] == {
        "service.beta.openshift.io/inject-cabundle": "true"
    }
