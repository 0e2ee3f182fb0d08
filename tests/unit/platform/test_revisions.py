"""A rebuilt image of the same tag reaches what runs it, and nothing else moves."""

from __future__ import annotations

import pytest
from platform_manifests import notebook

from controllers.data_science_pipelines import build as pipelines
from controllers.data_science_pipelines import specification
from controllers.model_serving.build import model_mesh, raw_deployment
from controllers.model_serving.specs import Runtime, read_model
from controllers.notebook import build as notebooks
from lab_ground import settings
from lab_ground.kubernetes.revisions import PREFIX, image_revisions
from object_storage import builders as store

PLATFORM, SERVING = "registry/lab/lab-platform:1.0", "registry/lab/mnist-serving:1.0"


@pytest.fixture
def installed(monkeypatch):
    """Say what the images are made from, as the operators' Deployment does."""

    def install(platform="a1", serving="b1"):
        monkeypatch.setenv("LAB_PLATFORM_IMAGE", PLATFORM)
        monkeypatch.setenv("LAB_SERVING_IMAGE", SERVING)
        monkeypatch.setenv("LAB_PLATFORM_REVISION", platform)
        monkeypatch.setenv("LAB_SERVING_REVISION", serving)
        settings.get_settings.cache_clear()

    install()
    yield install
    settings.get_settings.cache_clear()


def build_all():
    """Every kind of pod that the controllers make, by name."""
    app = specification.read(
        {
            "apiVersion": pipelines.API_VERSION,
            "kind": pipelines.KIND,
            "metadata": {"name": "sample", "namespace": "mnist"},
            "spec": {},
        }
    )
    runtime = Runtime.read(
        {
            "metadata": {"name": "r", "namespace": "mnist", "annotations": {"enable-auth": "true"}},
            "spec": {
                "multiModel": True,
                "supportedModelFormats": [{"name": "onnx"}],
                "containers": [{"name": "mlserver", "image": SERVING}],
            },
        }
    )
    annotations = {"serving.kserve.io/deploymentMode": "RawDeployment"}
    model = read_model(
        {
            "metadata": {"name": "m", "namespace": "mnist", "annotations": annotations},
            "spec": {
                "predictor": {
                    "model": {
                        "modelFormat": {"name": "onnx"},
                        "storage": {"key": "k", "path": "a.onnx"},
                    }
                }
            },
        },
        model_mesh_enabled=False,
    )
    objects = {
        "pipelines": pipelines.build_server(app, "uid", "v1"),
        "database": pipelines.build_database(app)[2],
        "store": store.build_deployment(store.ObjectStore("s", "mnist", ())),
        "models": model_mesh.build_deployment("mnist", runtime),
        "model": raw_deployment.build_deployment(model, runtime),
        "workbench": notebooks.build_stateful_set(notebook(), "i:1"),
    }
    return {name: one["spec"]["template"] for name, one in objects.items()}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


def test_same_content_moves_nothing(installed):
    before = build_all()
    installed()
    assert build_all() == before


def test_a_rebuilt_serving_image_rolls_the_model_servers_alone(installed):
    before = build_all()
    installed(serving="b2")
    assert changed(before, build_all()) == {"models", "model"}


def test_a_rebuilt_platform_image_rolls_all_that_run_it_but_no_workbench(installed):
    before = build_all()
    installed(platform="a2")
    # The model that asks for no token has no proxy, and so nothing of that image.
    assert changed(before, build_all()) == {"pipelines", "database", "store", "models"}


def test_images_of_others_are_not_noted(installed):
    pod = {
        "containers": [{"image": "registry.example/other:1"}],
        "initContainers": [{"image": SERVING}],
    }
    assert image_revisions(pod) == {f"{PREFIX}mnist-serving": "b1"}


def test_without_a_known_content_there_is_no_note(installed):
    installed(platform="", serving="")
    assert image_revisions({"containers": [{"image": PLATFORM}, {"image": SERVING}]}) == {}
