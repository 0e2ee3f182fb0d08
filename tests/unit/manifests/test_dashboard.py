"""What the dashboard's forms make is what the lab's roles make; each difference has its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from dashboard.objects import connection as connections
from dashboard.objects import serving
from dashboard.objects.storage import build_claim
from dashboard.objects.workbench import Mount, Workbench, build_notebook, env_from
from dashboard.settings import Size
from lab_ground.kubernetes.manifest import Manifest

from .rendering import render, render_text

PART_OF = "metadata.labels.app.kubernetes.io/part-of"
LAB = {PART_OF: "the lab marks what its reset removes"}
COMPONENT = {"metadata.labels.app.kubernetes.io/component": LAB[PART_OF]}
# By path: why the role's object and the form's are not the same there.
WORKBENCH = {
    **LAB,
    "metadata.annotations.opendatahub.io/image-display-name": "of upstream's column M; the role "
    "knows no shown names",
    "metadata.annotations.opendatahub.io/accelerator-name": "of upstream's column M, empty",
    "spec.template.spec.serviceAccountName": "the controller sets the same where none is named",
    "spec.template.spec.tolerations": "upstream's, for nodes that are kept for workbenches",
    "spec.template.spec.containers.0.securityContext": "the controller's pod has all of it, or the "
    "project's Pod Security asks for it; upstream's form has none",
}
SERVER = {
    **LAB,
    **COMPONENT,
    "metadata.annotations.opendatahub.io/template-name": "the form takes a Template, the role has "
    "the same written down",
    "metadata.annotations.opendatahub.io/template-display-name": "the same",
    "metadata.annotations.opendatahub.io/accelerator-name": "of upstream's column M, empty",
    "metadata.annotations.openshift.io/display-name": "the name that was typed",
    "spec.volumes": "upstream's memory volume, since its 2.15",
    "spec.containers.0.volumeMounts": "the same volume",
    "spec.tolerations": "of upstream's column M, empty",
}
MODEL = {
    **LAB,
    **COMPONENT,
    "spec.predictor.model.storage.parameters": "the role read the file's checksum before",
}
ACCESS = {**LAB, **COMPONENT}
CLAIM = {**LAB, "metadata.annotations.openshift.io/description": "the form has a description"}
CONNECTION = {**LAB}


def flat(thing: Any, path: str = "") -> dict[str, Any]:
    """Every leaf by its path; an empty list or mapping is one."""
    if isinstance(thing, Mapping) and thing:
        parts = thing.items()
    elif isinstance(thing, list) and thing:
        parts = [(str(index), part) for index, part in enumerate(thing)]
    else:
        return {path: thing}
    found: dict[str, Any] = {}
    for key, part in parts:
        found |= flat(part, f"{path}.{key}" if path else str(key))
    return found


def differences(role: Manifest, form: Manifest) -> set[str]:
    """Paths at which two manifests differ."""
    one, other = flat(role), flat(form)
    return {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}


def unexplained(role: Manifest, form: Manifest, reasons: Mapping[str, str]) -> set[str]:
    return {
        path
        for path in differences(role, form)
        if not any(path == known or path.startswith(f"{known}.") for known in reasons)
    }


def of_kind(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    found = [m for m in manifests if m["kind"] == kind and name in ("", m["metadata"]["name"])]
    assert len(found) == 1, [m["metadata"]["name"] for m in found]
    return found[0]


@pytest.fixture(scope="module")
def lab() -> list[Manifest]:
    return render("embedded", lab_seats=["mnist"])


def size_of(container: Manifest) -> Size:
    resources = container["resources"]
    return Size("Small", resources["requests"], resources["limits"])


def test_workbench(lab: list[Manifest]) -> None:
    role = of_kind(lab, "Notebook")
    container = role["spec"]["template"]["spec"]["containers"][0]
    annotations = role["metadata"]["annotations"]
    form = build_notebook(
        Workbench(
            namespace="mnist",
            name="notebook",
            display="notebook",
            description="",
            user=annotations["opendatahub.io/username"],
            image=container["image"],
            selection=annotations["notebooks.opendatahub.io/last-image-selection"],
            image_display="Custom Datascience Notebook",
            size=size_of(container),
            origin="https://rhods-dashboard-redhat-ods-applications.apps.mnist-lab.localhost",
            mounts=[Mount("notebook")],
            env_from=[
                env_from("secret", "aws-connection-s3-creds"),
                env_from("secret", "lab-package-index", optional=True),
            ],
            pull_policy="IfNotPresent",
            runtime=True,
        )
    )
    # Upstream translates the name for the label; the role's is a name that needs none.
    assert form["metadata"]["labels"].pop("opendatahub.io/user") == "lab-2dadmin"
    assert role["metadata"]["labels"].pop("opendatahub.io/user") == "lab-admin"
    words = [arguments_of(manifest) for manifest in (role, form)]
    assert words[0] == words[1]
    assert unexplained(role, form, WORKBENCH) == set()
    assert_reasons_hold(role, form, WORKBENCH)


def arguments_of(notebook: Manifest) -> list[str]:
    """Take JupyterLab's options out of a Notebook: they are compared as words."""
    container = notebook["spec"]["template"]["spec"]["containers"][0]
    (entry,) = [e for e in container["env"] if e["name"] == "NOTEBOOK_ARGS"]
    return str(entry.pop("value")).split()


def assert_reasons_hold(role: Manifest, form: Manifest, reasons: Mapping[str, str]) -> None:
    """What is the same by now needs no reason any more."""
    found = differences(role, form)
    idle = {
        known
        for known in reasons
        if not any(path == known or path.startswith(f"{known}.") for path in found)
    }
    assert idle == set()


def runtime_template(single: bool) -> Manifest:
    text = render_text("embedded", "platform_dashboard", "runtimes.yml.j2")
    templates = list(yaml.safe_load_all(text))
    name = "mnist-model-server-single" if single else "mnist-model-server"
    return next(t for t in templates if t and t["metadata"]["name"] == name)


@pytest.mark.parametrize(("mode", "single"), [("modelmesh", False), ("raw", True)])
def test_model_server_and_its_access(mode: str, single: bool) -> None:
    lab = render("embedded", lab_seats=["mnist"], lab_serving_mode=mode)
    role = of_kind(lab, "ServingRuntime")
    server = serving.Server(
        namespace="mnist",
        name=role["metadata"]["name"],
        display="Model server",
        template=runtime_template(single),
        size=size_of(role["spec"]["containers"][0]),
        auth=True,
        single=single,
    )
    form = serving.build_runtime(server)
    assert unexplained(role, form, SERVER) == set()
    token = ("model-mesh", "model-mesh")
    made = {manifest["kind"]: manifest for manifest in serving.build_access(server, [token])}
    names = {
        "Role": f"{server.name}-view-role",
        "RoleBinding": f"{server.name}-view",
        "ServiceAccount": f"{server.name}-sa",
    }
    for kind in ("ServiceAccount", "Role", "RoleBinding", "Secret"):
        name = names.get(kind, "model-mesh")
        assert unexplained(of_kind(lab, kind, name), made[kind], ACCESS) == set(), kind
    # The lab's text: the Secret has the name that was typed.
    assert made["Secret"]["metadata"]["name"] == "model-mesh"


@pytest.mark.parametrize(("mode", "single"), [("modelmesh", False), ("raw", True)])
def test_model(mode: str, single: bool) -> None:
    role = of_kind(
        render("embedded", lab_seats=["mnist"], lab_serving_mode=mode), "InferenceService"
    )
    form = serving.build_model(
        serving.Model(
            namespace="mnist",
            name="mnist",
            display="mnist",
            format_name="onnx",
            format_version="1",
            runtime=role["spec"]["predictor"]["model"]["runtime"],
            connection="aws-connection-s3-creds",
            # A server of the model's own counts versions in a folder; a slash before it is dropped.
            path=f"/{role['spec']['predictor']['model']['storage']['path']}",
            single=single,
            auth=True,
        )
    )
    assert unexplained(role, form, MODEL) == set()


def test_storage(lab: list[Manifest]) -> None:
    role = of_kind(lab, "PersistentVolumeClaim", "notebook")
    form = build_claim("mnist", "notebook", "notebook", "", 20)
    assert unexplained(role, form, CLAIM) == set()
    assert_reasons_hold(role, form, {path: CLAIM[path] for path in (PART_OF,)})


def test_data_connection(lab: list[Manifest]) -> None:
    role = of_kind(lab, "Secret", "aws-connection-s3-creds")
    form = connections.build_secret("mnist", "aws-connection-s3-creds", Typed())  # type: ignore[arg-type]
    values = form.pop("stringData")
    assert values.keys() == (role.pop("data", None) or role.pop("stringData")).keys()
    assert unexplained(role, form, CONNECTION) == set()


class Typed:
    """A connection's form as it was filled in."""

    display_name = "s3-creds"

    def model_dump(self, *, by_alias: bool) -> dict[str, str]:
        """The fields by their names on the page."""
        assert by_alias
        return dict.fromkeys(connections.FIELDS, "value")
