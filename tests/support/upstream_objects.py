"""What upstream's own controllers made of the lab's objects, and what ours make of the same."""

from __future__ import annotations

import base64
import copy
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from memory_cluster import MemoryCluster
from upstream_data import UPSTREAM

from lab_ground.kubernetes.manifest import Manifest

# Kinds of which the stand-ins read one and make the rest.
GIVEN = ("Notebook", "DataSciencePipelinesApplication", "ServingRuntime", "InferenceService")
# Secrets of the lab's own that they read.
LABS = ("aws-connection-s3-creds",)
VALUES = {
    "AWS_S3_ENDPOINT": base64.b64encode(b"http://minio:9000").decode(),
    "AWS_S3_BUCKET": base64.b64encode(b"rhods").decode(),
}
Identity = tuple[str, str]


def upstream_objects(path: str) -> list[Manifest]:
    """The objects of one scenario; none where the data is not on this machine."""
    file = UPSTREAM.with_name("upstream-objects") / path
    if not file.exists():
        print(f"nothing compared: {file} is not there; set LAB_UPSTREAM")
        assert os.environ.get("CI") != "true", f"{file} is not there"
        return []
    found: list[Manifest] = json.loads(file.read_text())
    return found


def as_applied(manifest: Manifest) -> Manifest:
    """An object as the lab's role had applied it, without what webhooks and controllers added."""
    given = copy.deepcopy(manifest)
    given.pop("status", None)
    given["metadata"].pop("finalizers", None)
    if given["kind"] == "Secret":
        # Their values are left out of the data.
        given["data"] = {key: VALUES.get(key, "eA==") for key in given["data"]}
    if given["kind"] == "Secret":
        # Their values are left out of the data.
        given["data"] = {key: VALUES.get(key, "eA==") for key in given["data"]}
    if given["kind"] == "Notebook":
        spec = given["spec"]["template"]["spec"]
        spec["containers"] = spec["containers"][:1]
        (main,) = spec["containers"]
        added = {"trusted-ca", "oauth-config", "oauth-client", "tls-certificates"}
        added |= {"kube-rbac-proxy-config", "kube-rbac-proxy-tls-certificates", "runtime-images"}
        for part in (spec["volumes"], main["volumeMounts"]):
            part[:] = [each for each in part if each["name"] not in added]
        main["env"] = [each for each in main["env"] if each.get("value", "")[:9] != "/etc/pki/"]
    return given


def fill(cluster: MemoryCluster, objects: Iterable[Manifest]) -> str:
    """Put what was applied into a cluster in memory, and return its namespace."""
    namespace = ""
    for manifest in objects:
        namespace = manifest["metadata"].get("namespace") or namespace
        if manifest["kind"] in GIVEN or manifest["metadata"]["name"] in LABS:
            cluster.add(as_applied(manifest))
    mesh = any(each["kind"] == "Service" for each in objects if "mesh" in str(each["metadata"]))
    labels = {"modelmesh-enabled": "true" if mesh else "false"}
    metadata = {"name": namespace, "labels": labels}
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    return namespace


# -- field by field ------------------------------------------------------------------------------


def compared(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The fields that make up what an object is to others, by their paths.

    Names, labels, annotations, owner references, finalizers; ports, selectors, accounts, rules,
    subjects, policies, hosts; and of pods the environment, mounts and volumes. Not compared are
    what servers default, images, resources, probes, and the values of Secrets.
    """
    metadata = manifest["metadata"]
    fields: dict[str, str] = {}
    for part in ("labels", "annotations"):
        for key, value in (metadata.get(part) or {}).items():
            fields[f"{part}/{key}"] = str(value)
    for owner in metadata.get("ownerReferences") or ():
        version = str(owner["apiVersion"]).rpartition("/")[0]
        told = f"{version} {owner['name']} controller={owner.get('controller', False)}"
        fields[f"owner/{owner['kind']}"] = told
    for finalizer in metadata.get("finalizers") or ():
        fields[f"finalizers/{finalizer}"] = "held"
    for key in manifest.get("data") or {}:
        fields[f"data/{key}"] = "there"
    for number, rule in enumerate(_sorted(manifest.get("rules") or ())):
        fields[f"rules/{number}"] = _text(rule)
    if "roleRef" in manifest:
        fields["roleRef"] = f"{manifest['roleRef']['kind']} {manifest['roleRef']['name']}"
        for subject in manifest["subjects"]:
            fields[f"subjects/{subject['kind']}/{subject['name']}"] = "bound"
    fields |= _spec(manifest["kind"], manifest.get("spec") or {})
    return fields


def _spec(kind: str, spec: Mapping[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = {}
    if kind == "Service":
        for port in spec.get("ports") or ():
            fields[f"ports/{port['port']}"] = f"{port.get('name', '')} to {port['targetPort']}"
        fields["selector"] = _text(spec.get("selector"))
        fields["clusterIP"] = "None" if spec.get("clusterIP") == "None" else "one"
    elif kind == "Route":
        fields["to"] = f"{spec['to']['name']} {spec.get('port', {}).get('targetPort')}"
        tls = spec.get("tls") or {}
        fields["tls"] = f"{str(tls.get('termination')).lower()} " + str(
            tls.get("insecureEdgeTerminationPolicy")
        )
    elif kind == "NetworkPolicy":
        fields["podSelector"] = _text(spec["podSelector"])
        for rule in spec.get("ingress") or ():
            ports = ",".join(str(port["port"]) for port in rule.get("ports") or ())
            for peer in rule.get("from") or ({},):
                fields[f"ingress/{ports}/{_text(peer)}"] = "let in"
    elif kind == "ReferenceGrant":
        fields |= {part: _text(spec[part]) for part in ("from", "to")}
    elif kind == "PersistentVolumeClaim":
        fields["storage"] = f"{spec['resources']['requests']['storage']} {spec['accessModes']}"
    elif kind in ("Deployment", "StatefulSet"):
        fields |= _workload(spec)
    return fields


def _workload(spec: Mapping[str, Any]) -> dict[str, str]:
    template = spec["template"]
    pod = template["spec"]
    fields = {
        "selector": _text(spec["selector"]["matchLabels"]),
        "account": str(pod.get("serviceAccountName") or "default"),
    }
    for part in ("labels", "annotations"):
        for key, value in (template["metadata"].get(part) or {}).items():
            fields[f"pod/{part}/{key}"] = str(value)
    for container in [*(pod.get("initContainers") or ()), *pod["containers"]]:
        path = f"pod/{container['name']}"
        fields[path] = "there"
        for port in container.get("ports") or ():
            fields[f"{path}/ports/{port['containerPort']}"] = str(port.get("name") or "")
        for entry in container.get("env") or ():
            fields[f"{path}/env/{entry['name']}"] = _text(
                _without_defaults(entry.get("value", entry.get("valueFrom")))
            )
        for source in container.get("envFrom") or ():
            fields[f"{path}/envFrom/{_text(source)}"] = "there"
        for mount in container.get("volumeMounts") or ():
            where = f"{mount['mountPath'].rstrip('/')} {mount.get('subPath', '')}".strip()
            fields[f"{path}/mounts/{mount['name']}"] = where
    for volume in pod.get("volumes") or ():
        source = {key: value for key, value in volume.items() if key != "name"}
        fields[f"pod/volumes/{volume['name']}"] = _text(_without_defaults(source))
    return fields


def _without_defaults(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without_defaults(each)
            for key, each in value.items()
            if key not in ("defaultMode", "apiVersion")
        }
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _sorted(rules: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    plain = [
        {key: sorted(value) if isinstance(value, list) else value for key, value in rule.items()}
        for rule in rules
    ]
    return sorted(plain, key=_text)


def differences(
    ours: Mapping[Identity, Manifest], theirs: Mapping[Identity, Manifest]
) -> Iterator[str]:
    """Every object and field that the one has and the other has not, or otherwise."""
    for identity in sorted({*ours, *theirs}):
        name = "/".join(identity)
        if identity not in ours:
            yield f"{name}: upstream only"
        elif identity not in theirs:
            yield f"{name}: ours only"
        else:
            mine, other = compared(ours[identity]), compared(theirs[identity])
            for path in sorted({*mine, *other}):
                if mine.get(path) != other.get(path):
                    yield f"{name} {path}: {mine.get(path)} is {other.get(path)} upstream"


def unexplained(found: Iterable[str], reasons: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The differences that no pattern accepts, and the patterns that accept nothing."""
    used: set[str] = set()
    left = []
    for line in found:
        matching = {pattern for pattern in reasons if re.match(pattern, line)}
        used |= matching
        if not matching:
            left.append(line)
    return left, sorted(reasons.keys() - used)
