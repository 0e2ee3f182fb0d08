"""The kinds that the dashboard reads and writes, and where the API has them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from dashboard.errors import Right


@dataclass(frozen=True)
class Kind:
    """One kind of the API."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str = "", name: str = "") -> str:
        """The REST path of the kind, or of one object."""
        root = "apis" if self.group else "api"
        path = f"/{root}/{self.api_version}"
        if self.namespaced and namespace:
            path += f"/namespaces/{quote(namespace, safe='')}"
        path += f"/{self.plural}"
        return f"{path}/{quote(name, safe='')}" if name else path

    def right(self, verb: str, namespace: str = "", name: str = "") -> Right:
        """What one needs to do something with it."""
        return Right(verb, self.group, self.plural, name, namespace)


_SERVING = "serving.kserve.io"
_RBAC = "rbac.authorization.k8s.io/v1"
_PIPELINES = "datasciencepipelinesapplications"

NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("v1", "Node", "nodes", namespaced=False)
POD = Kind("v1", "Pod", "pods")
EVENT = Kind("v1", "Event", "events")
CLAIM = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
SECRET = Kind("v1", "Secret", "secrets")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
ROLE = Kind(_RBAC, "Role", "roles")
ROLE_BINDING = Kind(_RBAC, "RoleBinding", "rolebindings")
STORAGE_CLASS = Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", namespaced=False)
ROUTE = Kind("route.openshift.io/v1", "Route", "routes")
IMAGE_STREAM = Kind("image.openshift.io/v1", "ImageStream", "imagestreams")
TEMPLATE = Kind("template.openshift.io/v1", "Template", "templates")
NOTEBOOK = Kind("kubeflow.org/v1", "Notebook", "notebooks")
RUNTIME = Kind(f"{_SERVING}/v1alpha1", "ServingRuntime", "servingruntimes")
MODEL = Kind(f"{_SERVING}/v1beta1", "InferenceService", "inferenceservices")
FUNCTION = Kind("serving.knative.dev/v1", "Service", "services")
PIPELINES = Kind(f"{_PIPELINES}.opendatahub.io/v1", "DataSciencePipelinesApplication", _PIPELINES)

ALL = (
    NAMESPACE, NODE, POD, EVENT, CLAIM, SECRET, CONFIG_MAP, SERVICE_ACCOUNT, ROLE, ROLE_BINDING,
    STORAGE_CLASS, ROUTE, IMAGE_STREAM, TEMPLATE, NOTEBOOK, RUNTIME, MODEL, PIPELINES,
    FUNCTION,
)  # fmt: skip


def kind_of(api_version: str, kind: str) -> Kind:
    """The kind that a manifest names.

    Raises:
        KeyError: the dashboard makes none of it.
    """
    for known in ALL:
        if (known.api_version, known.kind) == (api_version, kind):
            return known
    raise KeyError(f"{api_version} {kind}")
