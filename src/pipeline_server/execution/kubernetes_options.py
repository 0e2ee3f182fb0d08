"""``platforms.kubernetes``: from an executor's config to parts of a pod; pure.

Both spellings are known: the older one with constants (``secretName``, ``constant``) and the
newer one with parameters (``secretNameParameter.runtimeValue.constant``).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf import json_format

from lab_ground.kubernetes.manifest import Manifest
from pipeline_server.execution.pods import KubernetesOptions
from pipeline_server.ir import values
from pipeline_server.ir.errors import PipelineError
from pipeline_server.ir.kubernetes import read_config


class UnsetError(PipelineError):
    """An option's parameter is optional and nobody gave it: the option is left out."""


def _set_ones(items: Iterable[Any], read: Callable[[Any], None]) -> None:
    """Read the options that have a value."""
    for item in items:
        with contextlib.suppress(UnsetError):
            read(item)


class OptionsReader:
    """Reads one executor's config with one task's inputs."""

    def __init__(
        self, config: Mapping[str, Any], parameters: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> None:
        self._parameters = parameters
        self._outputs = outputs
        self.config = read_config(dict(config))
        self.volumes: list[Manifest] = []
        self.mounts: list[Manifest] = []
        self.environment: list[Manifest] = []
        self.claims: list[str] = []

    def read(self) -> KubernetesOptions:
        """Everything that the config says."""
        self._secrets()
        self._config_maps()
        self._claims()
        self._scratch()
        for item in self.config.field_path_as_env:
            self.environment.append(
                {"name": item.name, "valueFrom": {"fieldRef": {"fieldPath": item.field_path}}}
            )
        security: Manifest = {}
        if self.config.HasField("security_context"):
            security = json_format.MessageToDict(self.config.security_context)
            security = {
                key: int(value) if key != "runAsNonRoot" else value
                for key, value in security.items()
            }
        return KubernetesOptions(
            volumes=self.volumes,
            mounts=self.mounts,
            environment=self.environment,
            labels=dict(self.config.pod_metadata.labels),
            annotations=dict(self.config.pod_metadata.annotations),
            node_selector=self._node_selector(),
            tolerations=self._tolerations(),
            affinity=self._affinity(),
            pull_secrets=self._pull_secrets(),
            pull_policy=self.config.image_pull_policy,
            deadline_seconds=int(self.config.active_deadline_seconds),
            security_context=security,
            claims=self.claims,
        )

    # -- values --------------------------------------------------------------------------------

    def _value(self, item: Any) -> Any:
        """An InputParameterSpec as a value."""
        match item.WhichOneof("kind"):
            case "runtime_value":
                constant = item.runtime_value
                if constant.WhichOneof("value") == "constant":
                    return values.plain(constant.constant)
                return constant.runtime_parameter
            case "component_input_parameter":
                return self._input(item.component_input_parameter)
            case "task_output_parameter":
                source = item.task_output_parameter
                return self._output(source.producer_task, source.output_parameter_key)
        raise PipelineError("platforms.kubernetes has a parameter without a value")

    def _input(self, name: str) -> Any:
        if name not in self._parameters:
            raise UnsetError(f"platforms.kubernetes asks for input {name!r}, which has no value")
        return self._parameters[name]

    def _output(self, task: str, key: str) -> Any:
        made = self._outputs.get(task, {}).get("parameters", {})
        if key not in made:
            raise PipelineError(f"platforms.kubernetes asks for {key!r} of task {task!r}")
        return made[key]

    def _name(self, item: Any, field: str) -> str:
        parameter = f"{field}_parameter"
        if item.HasField(parameter):
            name = values.to_text(self._value(getattr(item, parameter)))
        else:
            name = getattr(item, field)
        if not name:
            raise PipelineError(f"platforms.kubernetes: {field} is empty")
        return name

    def _volume(self, source: Manifest, path: str, **mount: Any) -> None:
        if not path.startswith("/"):
            raise PipelineError(f"platforms.kubernetes: mountPath {path!r} must begin with /")
        name = f"volume-{len(self.volumes)}"
        self.volumes.append({"name": name, **source})
        self.mounts.append({"name": name, "mountPath": path, **mount})

    # -- secrets, config maps, claims ------------------------------------------------------------

    def _pull_secrets(self) -> list[str]:
        names: list[str] = []
        _set_ones(
            self.config.image_pull_secret,
            lambda item: names.append(self._name(item, "secret_name")),
        )
        return names

    def _secrets(self) -> None:
        def volume(item: Any) -> None:
            source = {"secretName": self._name(item, "secret_name")}
            optional = {"optional": True} if item.optional else {}
            self._volume({"secret": {**source, **optional}}, item.mount_path)

        def environment(item: Any) -> None:
            name = self._name(item, "secret_name")
            for pair in item.key_to_env:
                self._from_key("secretKeyRef", name, pair.secret_key, pair.env_var, item.optional)

        _set_ones(self.config.secret_as_volume, volume)
        _set_ones(self.config.secret_as_env, environment)

    def _config_maps(self) -> None:
        def volume(item: Any) -> None:
            source: Manifest = {"name": self._name(item, "config_map_name")}
            if item.optional:
                source["optional"] = True
            self._volume({"configMap": source}, item.mount_path)

        def environment(item: Any) -> None:
            name = self._name(item, "config_map_name")
            for pair in item.key_to_env:
                key, variable = pair.config_map_key, pair.env_var
                self._from_key("configMapKeyRef", name, key, variable, item.optional)

        _set_ones(self.config.config_map_as_volume, volume)
        _set_ones(self.config.config_map_as_env, environment)

    def _from_key(self, kind: str, name: str, key: str, variable: str, optional: bool) -> None:
        reference: Manifest = {"name": name, "key": key}
        if optional:
            reference["optional"] = True
        self.environment.append({"name": variable, "valueFrom": {kind: reference}})

    def _claims(self) -> None:
        known: dict[str, str] = {}

        def mount(item: Any) -> None:
            claim = self._claim(item)
            sub_path = {"subPath": item.sub_path} if item.sub_path else {}
            if claim in known:
                self.mounts.append({"name": known[claim], "mountPath": item.mount_path, **sub_path})
                return
            source = {"persistentVolumeClaim": {"claimName": claim}}
            self._volume(source, item.mount_path, **sub_path)
            known[claim] = self.volumes[-1]["name"]
            self.claims.append(claim)

        _set_ones(self.config.pvc_mount, mount)

    def _claim(self, item: Any) -> str:
        if item.HasField("pvc_name_parameter"):
            claim = self._value(item.pvc_name_parameter)
        else:
            match item.WhichOneof("pvc_reference"):
                case "constant":
                    claim = item.constant
                case "component_input_parameter":
                    claim = self._input(item.component_input_parameter)
                case "task_output_parameter":
                    source = item.task_output_parameter
                    claim = self._output(source.producer_task, source.output_parameter_key)
                case _:
                    claim = ""
        if not isinstance(claim, str) or not claim:
            raise PipelineError(f"platforms.kubernetes: pvcMount at {item.mount_path} has no claim")
        return claim

    def _scratch(self) -> None:
        for item in self.config.empty_dir_mounts:
            source: Manifest = {}
            if item.medium:
                source["medium"] = item.medium
            if item.size_limit:
                source["sizeLimit"] = item.size_limit
            self._volume({"emptyDir": source}, item.mount_path)
        if self.config.HasField("enabled_shared_memory"):
            source = {"medium": "Memory"}
            if self.config.enabled_shared_memory.size:
                source["sizeLimit"] = self.config.enabled_shared_memory.size
            self._volume({"emptyDir": source}, "/dev/shm")  # noqa: S108 - in the container
        for item in self.config.generic_ephemeral_volume:
            spec: Manifest = {
                "accessModes": list(item.access_modes),
                "resources": {"requests": {"storage": item.size}},
            }
            if item.storage_class_name and not item.default_storage_class:
                spec["storageClassName"] = item.storage_class_name
            template: Manifest = {"spec": spec}
            metadata = json_format.MessageToDict(item.metadata)
            if metadata:
                template["metadata"] = metadata
            self._volume({"ephemeral": {"volumeClaimTemplate": template}}, item.mount_path)

    # -- where it runs -----------------------------------------------------------------------------

    def _node_selector(self) -> dict[str, str]:
        selector = self.config.node_selector
        if selector.HasField("node_selector_json"):
            try:
                labels = _json(self._value(selector.node_selector_json))
            except UnsetError:
                return {}
            if not isinstance(labels, dict):
                raise PipelineError("platforms.kubernetes: the node selector must be an object")
            return {str(key): str(value) for key, value in labels.items()}
        return dict(selector.labels)

    def _tolerations(self) -> list[Manifest]:
        result: list[Manifest] = []

        def from_json(item: Any) -> None:
            chosen = _json(self._value(item.toleration_json))
            result.extend(chosen if isinstance(chosen, list) else [chosen] if chosen else [])

        for item in self.config.tolerations:
            if item.HasField("toleration_json"):
                _set_ones([item], from_json)
                continue
            toleration = {
                key: value
                for key, value in (
                    ("key", item.key),
                    ("operator", item.operator),
                    ("value", item.value),
                    ("effect", item.effect),
                )
                if value
            }
            if item.HasField("toleration_seconds"):
                toleration["tolerationSeconds"] = item.toleration_seconds
            result.append(toleration)
        return result

    def _affinity(self) -> Manifest:
        required: list[Manifest] = []
        preferred: list[Manifest] = []
        whole: Manifest = {}
        for item in self.config.node_affinity:
            if item.HasField("node_affinity_json"):
                with contextlib.suppress(UnsetError):
                    given = _json(self._value(item.node_affinity_json))
                    whole = given if isinstance(given, dict) and given else whole
                continue
            term: Manifest = {}
            if item.match_expressions:
                term["matchExpressions"] = [_requirement(one) for one in item.match_expressions]
            if item.match_fields:
                term["matchFields"] = [_requirement(one) for one in item.match_fields]
            if item.HasField("weight"):
                preferred.append({"weight": item.weight, "preference": term})
            else:
                required.append(term)
        affinity: Manifest = {}
        if whole:
            affinity["nodeAffinity"] = whole
        elif required or preferred:
            node: Manifest = {}
            if required:
                node["requiredDuringSchedulingIgnoredDuringExecution"] = {
                    "nodeSelectorTerms": required
                }
            if preferred:
                node["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
            affinity["nodeAffinity"] = node
        for item in self.config.pod_affinity:
            kind = "podAntiAffinity" if item.anti else "podAffinity"
            place = affinity.setdefault(kind, {})
            term = _pod_term(item)
            if item.HasField("weight"):
                place.setdefault("preferredDuringSchedulingIgnoredDuringExecution", []).append(
                    {"weight": item.weight, "podAffinityTerm": term}
                )
            else:
                place.setdefault("requiredDuringSchedulingIgnoredDuringExecution", []).append(term)
        return affinity


def _pod_term(item: Any) -> Manifest:
    term: Manifest = {"topologyKey": item.topology_key}
    selector = _selector(item.match_pod_expressions, item.match_pod_labels)
    if selector:
        term["labelSelector"] = selector
    spaces = _selector(item.match_namespace_expressions, item.match_namespace_labels)
    if spaces:
        term["namespaceSelector"] = spaces
    if item.namespaces:
        term["namespaces"] = list(item.namespaces)
    return term


def _selector(expressions: Any, labels: Any) -> Manifest:
    selector: Manifest = {}
    if expressions:
        selector["matchExpressions"] = [_requirement(one) for one in expressions]
    if labels:
        selector["matchLabels"] = dict(labels)
    return selector


def _requirement(item: Any) -> Manifest:
    result: Manifest = {"key": item.key, "operator": item.operator}
    if item.values:
        result["values"] = list(item.values)
    return result


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise PipelineError(f"platforms.kubernetes: {value[:80]!r} is not JSON") from None
