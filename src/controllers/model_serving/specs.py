"""What an InferenceService and a ServingRuntime ask for, and which runtime serves which model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lab_ground.serving import constants
from lab_ground.settings import get_settings

Manifest = Mapping[str, Any]

MODEL_MESH, RAW = "ModelMesh", "RawDeployment"


class SpecError(Exception):
    """The model cannot be served as it is described; `reason` is one of ModelMesh's."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


# Of a host's part, and of a label's value.
LABEL_LIMIT = 63


def check_names(model: Model, runtime: Runtime) -> None:
    """Refuse names of which something cannot be made, before anything is made.

    Raises:
        SpecError: with the name that would be too long, its length, and what is allowed.
    """
    wanted = [("the model's name", model.name, model.name, "")]
    if model.mode == RAW:
        wanted.append(("its Service", f"{model.name}-predictor", model.name, "-predictor"))
        if model.exposed:
            host = f"{model.name}-{model.namespace}"
            wanted.append(("its host's first part", host, model.name, f"-{model.namespace}"))
    else:
        # Its name is a label of its pods too.
        server = f"{constants.SERVICE}-{runtime.name}"
        wanted.append(("the server's Deployment", server, runtime.name, f"{constants.SERVICE}-"))
        if runtime.route:
            host = f"{model.name}-{model.namespace}"
            wanted.append(("its host's first part", host, model.name, f"-{model.namespace}"))
    for what, made, given, added in wanted:
        if len(made) > LABEL_LIMIT:
            raise SpecError(
                "InvalidPredictorSpec",
                f"{what} would be {made}, {len(made)} characters, of which {LABEL_LIMIT} are "
                f"allowed: the name {given} may have {LABEL_LIMIT - len(added)}",
            )


@dataclass(frozen=True)
class Model:
    """One InferenceService, read."""

    name: str
    namespace: str
    mode: str
    format_name: str
    format_version: str
    runtime: str
    storage_key: str
    path: str
    bucket: str
    min_replicas: int
    service_account: str
    authorised: bool
    exposed: bool
    parameters: tuple[tuple[str, str], ...] = ()
    """What storage.parameters says besides the bucket, such as the model's sha256."""

    @property
    def revision(self) -> str:
        """The name of this revision of the model: another source is another revision."""
        parts: list[Any] = [self.format_name, self.format_version]
        parts += [self.storage_key, self.path, self.bucket]
        if self.parameters:
            parts.append(self.parameters)
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return f"{self.name}__isvc-{digest[:10]}"

    def wanted(self) -> dict[str, str]:
        """The puller's order for this model."""
        order = {
            "name": self.name,
            "revision": self.revision,
            "storageKey": self.storage_key,
            "path": self.path,
        }
        return {**order, "bucket": self.bucket} if self.bucket else order


@dataclass(frozen=True)
class Runtime:
    """One ServingRuntime, read."""

    manifest: Manifest
    name: str
    multi_model: bool
    disabled: bool
    replicas: int
    route: bool
    auth: bool
    formats: tuple[tuple[str, str, bool], ...]

    @classmethod
    def read(cls, manifest: Manifest) -> Runtime:
        """Read a ServingRuntime."""
        metadata, spec = manifest["metadata"], manifest.get("spec") or {}
        annotations = metadata.get("annotations") or {}
        return cls(
            manifest=manifest,
            name=metadata["name"],
            multi_model=bool(spec.get("multiModel")),
            disabled=bool(spec.get("disabled")),
            replicas=int(spec.get("replicas", 1)),
            route=annotations.get(constants.ENABLE_ROUTE) == "true",
            auth=annotations.get(constants.ENABLE_AUTH) == "true",
            formats=tuple(
                (item["name"], str(item.get("version") or ""), bool(item.get("autoSelect")))
                for item in spec.get("supportedModelFormats") or []
            ),
        )

    def supports(self, model: Model, *, by_itself: bool = False) -> bool:
        """Whether this runtime takes the model's format (and offers to, where it was not named)."""
        return any(
            name == model.format_name
            and model.format_version in ("", version)
            and (auto or not by_itself)
            for name, version, auto in self.formats
        )


def read_model(manifest: Manifest, *, model_mesh_enabled: bool) -> Model:
    """Read an InferenceService, or raise SpecError."""
    metadata = manifest["metadata"]
    annotations = metadata.get("annotations") or {}
    predictor = (manifest.get("spec") or {}).get("predictor") or {}
    model, format_name, format_version = _framework(predictor)
    storage = model.get("storage") or {}
    key, path, bucket = str(storage.get("key") or ""), str(storage.get("path") or ""), ""
    parameters = {
        str(name): str(value) for name, value in (storage.get("parameters") or {}).items()
    }
    uri = model.get("storageUri")
    if not (key or path or uri) and get_settings().plays_since("3.0"):
        # As the operator's webhook resolves them (serving/mutating_isvc.go).
        key = str(annotations.get("opendatahub.io/connections") or "").rpartition("/")[2]
        path = str(annotations.get("opendatahub.io/connection-path") or "")
    if uri:
        bucket, path = _read_uri(str(uri))
        key = key or str(annotations.get("serving.kserve.io/secretKey") or "")
    else:
        bucket = parameters.pop("bucket", "")
    if not path.strip("/"):
        raise SpecError("InvalidPredictorSpec", "the model has neither storage.path nor storageUri")
    return Model(
        name=metadata["name"],
        namespace=metadata["namespace"],
        mode=mode_of(manifest, model_mesh_enabled=model_mesh_enabled),
        format_name=format_name,
        format_version=format_version,
        runtime=str(model.get("runtime") or ""),
        storage_key=key,
        path=path.strip("/"),
        bucket=bucket,
        min_replicas=int(predictor.get("minReplicas", 1)),
        service_account=str(predictor.get("serviceAccountName") or ""),
        authorised=annotations.get(constants.RAW_ENABLE_AUTH) == "true",
        exposed=(metadata.get("labels") or {}).get(constants.RAW_VISIBILITY) == "exposed",
        parameters=tuple(sorted(parameters.items())),
    )


def mode_of(manifest: Manifest, *, model_mesh_enabled: bool) -> str:
    """How an InferenceService wants to be served."""
    annotations = manifest["metadata"].get("annotations") or {}
    stated = annotations.get(constants.MODE_ANNOTATION)
    if stated in {"Standard", RAW}:
        return RAW
    if stated:
        return str(stated)
    return MODEL_MESH if model_mesh_enabled else RAW


def with_storage_key(
    model: Model,
    connections: Mapping[str, Mapping[str, str]],
    faults: Mapping[str, str] | None = None,
) -> Model:
    """The model with its data connection settled: named, or the only one that fits its bucket.

    ``faults`` has why a connection of the project cannot be used.
    """
    faults = faults or {}
    if model.storage_key:
        if model.storage_key in faults:
            raise SpecError("ModelLoadFailed", faults[model.storage_key])
        if model.storage_key not in connections:
            names = ", ".join(sorted(connections)) or "none"
            raise SpecError(
                "ModelLoadFailed",
                f"no data connection '{model.storage_key}' in the project; there are: {names}",
            )
        return model
    fitting = [
        name
        for name, connection in sorted(connections.items())
        if not model.bucket or connection.get("bucket") == model.bucket
    ]
    if len(fitting) != 1:
        raise SpecError(
            "InvalidPredictorSpec",
            "the model names no data connection (storage.key) and "
            + "; ".join([f"{len(fitting)} of the project's fit it", *sorted(faults.values())]),
        )
    return Model(**{**model.__dict__, "storage_key": fitting[0]})


def choose_runtime(model: Model, runtimes: Iterable[Runtime]) -> Runtime:
    """The runtime that serves the model, or SpecError with the reason that there is none."""
    runtime = _choose(model, runtimes)
    for number, reason, what in (
        (runtime.replicas, "RuntimeUnhealthy", f"ServingRuntime '{runtime.name}': spec.replicas"),
        (model.min_replicas, "InvalidPredictorSpec", "spec.predictor.minReplicas"),
    ):
        if not 0 <= number <= constants.MOST_REPLICAS:
            raise SpecError(
                reason, f"{what} is {number}; it must be 0 to {constants.MOST_REPLICAS}"
            )
    return runtime


def _choose(model: Model, runtimes: Iterable[Runtime]) -> Runtime:
    wanted_multi = model.mode == MODEL_MESH
    by_name = {runtime.name: runtime for runtime in runtimes}
    described = f"{model.format_name} {model.format_version}".strip()
    if model.runtime:
        runtime = by_name.get(model.runtime)
        if runtime is None:
            names = ", ".join(sorted(by_name)) or "none"
            raise SpecError(
                "RuntimeNotRecognized", f"no ServingRuntime '{model.runtime}'; there are: {names}"
            )
        if runtime.disabled:
            raise SpecError("RuntimeDisabled", f"ServingRuntime '{runtime.name}' is disabled")
        if not runtime.supports(model):
            raise SpecError(
                "NoSupportingRuntime",
                f"ServingRuntime '{runtime.name}' does not support format {described}",
            )
        if runtime.multi_model != wanted_multi:
            wanted = "multi-model" if wanted_multi else "single-model"
            raise SpecError(
                "NoSupportingRuntime",
                f"ServingRuntime '{runtime.name}' is no {wanted} runtime, mode {model.mode} "
                "needs one",
            )
        return runtime
    for runtime in sorted(by_name.values(), key=lambda item: item.name):
        fits = runtime.multi_model == wanted_multi and not runtime.disabled
        if fits and runtime.supports(model, by_itself=True):
            return runtime
    raise SpecError("NoSupportingRuntime", f"no ServingRuntime supports format {described}")


def _framework(predictor: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, str]:
    model = predictor.get("model")
    if isinstance(model, Mapping):
        found = model.get("modelFormat") or {}
        if not found.get("name"):
            raise SpecError("InvalidPredictorSpec", "predictor.model has no modelFormat.name")
        return model, str(found["name"]), str(found.get("version") or "")
    for name in ("onnx", "tensorflow", "sklearn", "xgboost", "lightgbm", "pytorch", "triton"):
        if isinstance(predictor.get(name), Mapping):
            return predictor[name], name, ""
    raise SpecError("InvalidPredictorSpec", "the predictor has no model")


def _read_uri(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise SpecError("InvalidPredictorSpec", f"storageUri '{uri}' is not s3://bucket/path")
    return parts.netloc, parts.path.strip("/")
