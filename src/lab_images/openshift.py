"""Has OpenShift build the images, from the same Containerfiles, into its own registry."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from lab_ground.waiting import moments
from lab_images.builder import (
    explain_failure,
    failing_step,
    labels_for,
    stage_context,
    write_revision,
)
from lab_images.catalogue import Image, ImageError, Settings, build_arguments

KEY_ANNOTATION = "mnist-lab/content-key"
FINISHED = frozenset({"Complete", "Failed", "Error", "Cancelled"})
POLL_SECONDS = 5.0


def build_image_stream(settings: Settings, image: Image) -> dict[str, Any]:
    """Return the ImageStream that a build's result goes to.

    Its tags are left to the builds, and its labels to the role that offers it to learners.
    """
    return {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStream",
        "metadata": {
            "name": image.name,
            "namespace": settings.namespace,
            "labels": {"app.kubernetes.io/part-of": "mnist-lab"},
        },
        "spec": {"lookupPolicy": {"local": True}},
    }


def arguments_for(settings: Settings, image: Image) -> dict[str, str]:
    """Return the build's arguments; without a base the Containerfile's own default holds: UBI 9."""
    arguments = build_arguments(settings, image)
    if image.base:
        arguments["BASE_IMAGE"] = settings.reference(image.base)
    elif settings.base_image:
        arguments["BASE_IMAGE"] = settings.base_image
    return arguments


def build_build_config(settings: Settings, image: Image, key: str) -> dict[str, Any]:
    """Return the BuildConfig that makes the image from what is sent to it."""
    arguments = arguments_for(settings, image)
    labels = labels_for(settings, image, key)
    return {
        "apiVersion": "build.openshift.io/v1",
        "kind": "BuildConfig",
        "metadata": {
            "name": image.name,
            "namespace": settings.namespace,
            "labels": {"app.kubernetes.io/part-of": "mnist-lab"},
        },
        "spec": {
            "runPolicy": "Serial",
            "successfulBuildsHistoryLimit": 2,
            "failedBuildsHistoryLimit": 2,
            "source": {"type": "Binary", "binary": {}},
            "strategy": {
                "type": "Docker",
                "dockerStrategy": {
                    "dockerfilePath": image.containerfile,
                    "imageOptimizationPolicy": "None",
                    "buildArgs": [
                        {"name": name, "value": value} for name, value in arguments.items()
                    ],
                },
            },
            # Packages come through the cluster's own egress.
            "mountTrustedCA": True,
            "output": {
                "to": {"kind": "ImageStreamTag", "name": f"{image.name}:{settings.tag}"},
                "imageLabels": [
                    {"name": name, "value": value} for name, value in labels.items() if value
                ],
            },
            "resources": {"limits": {"memory": "6Gi"}, "requests": {"cpu": "500m"}},
        },
    }


def pack_context(settings: Settings, image: Image) -> bytes:
    """Return the archive of just the files that the image is made from."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        stage_context(settings.root, image, directory)
        write_revision(settings, image, directory)
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            archive.add(directory, arcname=".")
        return stream.getvalue()


@dataclass(frozen=True)
class OpenShift:
    """A cluster with the build and image APIs."""

    api: client.ApiClient
    namespace: str

    def built_key(self, name: str, tag: str) -> str:
        """Return the content key of the image that the stream's tag holds, or nothing."""
        stream = self._get("image.openshift.io/v1", "imagestreams", name)
        if stream is None:
            return ""
        tags = stream.get("status", {}).get("tags") or []
        filled = any(item.get("items") for item in tags if item.get("tag") == tag)
        annotations = stream["metadata"].get("annotations") or {}
        return str(annotations.get(f"{KEY_ANNOTATION}-{tag}", "")) if filled else ""

    def build(self, settings: Settings, image: Image, key: str, timeout: float) -> None:
        """Build the image; on failure the stream's tag stays on the former image."""
        self._apply("imagestreams", build_image_stream(settings, image))
        self._apply("buildconfigs", build_build_config(settings, image, key))
        path = self._path("build.openshift.io/v1", "buildconfigs", image.name)
        started = self._call(
            f"{path}/instantiatebinary",
            "POST",
            body=pack_context(settings, image),
            content_type="application/octet-stream",
        )
        name = started["metadata"]["name"]
        phase = self._wait(name, timeout)
        log = settings.state / "log" / "images" / f"{image.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(self._log(name))
        if phase != "Complete":
            raise ImageError(explain_failure(image, f"{failing_step(log)} (build {name})", log))
        annotation = {f"{KEY_ANNOTATION}-{settings.tag}": key}
        self._call(
            self._path("image.openshift.io/v1", "imagestreams", image.name),
            "PATCH",
            body={"metadata": {"annotations": annotation}},
            content_type="application/merge-patch+json",
        )

    def _wait(self, name: str, timeout: float) -> str:
        phase = ""
        for _ in moments(timeout, POLL_SECONDS):
            build = self._get("build.openshift.io/v1", "builds", name) or {}
            phase = str(build.get("status", {}).get("phase", ""))
            if phase in FINISHED:
                return phase
        raise ImageError(
            f"build {name} in {self.namespace} is {phase or 'not started'} after "
            f"{timeout:.0f} s: look at it, or raise lab_images_build_timeout"
        )

    def _log(self, name: str) -> str:
        path = self._path("build.openshift.io/v1", "builds", name)
        try:
            response = self.api.call_api(
                f"{path}/log",
                "GET",
                header_params={"Accept": "*/*"},
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
            )
        except ApiException as error:
            return f"the log of build {name} could not be read: {error.reason}\n"
        return str(response.data.decode(errors="replace"))

    def _apply(self, plural: str, manifest: dict[str, Any]) -> None:
        path = self._path(manifest["apiVersion"], plural, manifest["metadata"]["name"])
        self._call(
            f"{path}?fieldManager=mnist-lab-images&force=true",
            "PATCH",
            body=manifest,
            content_type="application/apply-patch+yaml",
        )

    def _path(self, api_version: str, plural: str, name: str) -> str:
        return f"/apis/{api_version}/namespaces/{self.namespace}/{plural}/{name}"

    def _get(self, api_version: str, plural: str, name: str) -> dict[str, Any] | None:
        try:
            return self._call(self._path(api_version, plural, name), "GET")
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def _call(
        self, path: str, method: str, *, body: Any = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        response = self.api.call_api(
            path,
            method,
            body=body,
            header_params={"Accept": "application/json", "Content-Type": content_type},
            auth_settings=["BearerToken"],
            _preload_content=False,
            _return_http_data_only=True,
        )
        answer: dict[str, Any] = json.loads(response.data or b"{}")
        return answer


def connect(namespace: str) -> OpenShift:
    """Return the cluster that the kubeconfig points at."""
    config.load_config()
    return OpenShift(client.ApiClient(), namespace)
