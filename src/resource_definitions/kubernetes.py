"""What the kinds take from Kubernetes, out of the OpenAPI document that its API server serves.

The document (``/openapi/v2``) leaves a few types open (quantities, times) and says some things that
a definition must not (merge keys); controller-gen, which upstream's definitions come from, closes
the ones and leaves out the others (enums too, which the API server checks when a pod is made).
`from_document` does the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resource_definitions.notation import Schema

ROOTS = (
    "io.k8s.api.apps.v1.DeploymentStrategy",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior",
    "io.k8s.api.autoscaling.v2.MetricSpec",
    "io.k8s.api.core.v1.ObjectReference",
    "io.k8s.api.core.v1.PodSpec",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
)
# Types that the notation knows by a name of its own.
_OWN = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "object",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": "object",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
}
_LEFT_OUT = frozenset(
    {
        "description",
        "enum",
        "x-kubernetes-group-version-kind",
        "x-kubernetes-patch-merge-key",
        "x-kubernetes-patch-strategy",
        "x-kubernetes-unions",
    }
)


def from_document(document: Mapping[str, Any]) -> dict[str, Schema]:
    """The definitions that `ROOTS` reach, by short name, in the notation.

    Args:
        document: an API server's OpenAPI document, version 2.
    """
    found: dict[str, Schema] = {}

    def named(reference: str) -> Schema:
        name = reference.rpartition("/")[2]
        if name in _OWN:
            return {"like": _OWN[name]}
        add(name)
        return {"like": name.rpartition(".")[2]}

    def noted(node: Mapping[str, Any]) -> Schema:
        if "$ref" in node:
            return named(str(node["$ref"]))
        schema = {key: value for key, value in node.items() if key not in _LEFT_OUT}
        if "properties" in node:
            schema["properties"] = {
                name: noted(field) for name, field in node["properties"].items()
            }
        for keyword in ("items", "additionalProperties"):
            if isinstance(node.get(keyword), Mapping):
                schema[keyword] = noted(node[keyword])
        if "required" in node:
            schema["required"] = sorted(node["required"])
        return schema

    def add(name: str) -> None:
        short = name.rpartition(".")[2]
        if short not in found:
            # Taken first: definitions reach themselves.
            found[short] = {}
            found[short] = {"type": "object", **noted(document["definitions"][name])}

    for root in ROOTS:
        add(root)
    return found
