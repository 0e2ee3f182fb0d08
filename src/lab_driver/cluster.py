"""Reading a lab's cluster: objects, logs and the Secrets' values, nothing is ever written."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from kubernetes import client, config, dynamic
from kubernetes.dynamic.exceptions import NotFoundError, ResourceNotFoundError

# The pipeline server's kind as OpenShift AI has it, the newest version first: v1 came with 2.16.
PIPELINE_SERVER = "DataSciencePipelinesApplication"
PIPELINE_SERVER_APIS = (
    "datasciencepipelinesapplications.opendatahub.io/v1",
    "datasciencepipelinesapplications.opendatahub.io/v1alpha1",
)
TIMEOUT = 20  # seconds for one call; a hanging API server must not hang the report


class SecretValues(dict[str, str]):
    """A Secret's values, of which a traceback shows the names only."""

    def __repr__(self) -> str:
        """Return the names."""
        return f"<values of {', '.join(self)}>"


class ClusterReader:
    """A cluster that is only read. Raises what the kubernetes client raises."""

    def __init__(self, kubeconfig: Path | None) -> None:
        """Connect with ``kubeconfig``, or with the environment's when it is None."""
        self._api = config.new_client_from_config(str(kubeconfig) if kubeconfig else None)
        self._dynamic = dynamic.DynamicClient(self._api)
        self._core = client.CoreV1Api(self._api)

    def objects(self, api_version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
        """List the objects of a kind; none where the cluster does not know the kind."""
        try:
            resource = self._dynamic.resources.get(api_version=api_version, kind=kind)
            found = self._dynamic.get(resource, namespace=namespace, _request_timeout=TIMEOUT)
        except (ResourceNotFoundError, NotFoundError):
            # The client remembers kinds on disk, those of an earlier cluster at this address, too.
            return []
        return [
            {"apiVersion": api_version, "kind": kind, **item} for item in found.to_dict()["items"]
        ]

    def find(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        """Return one object, or None where it or its kind is not there."""
        try:
            resource = self._dynamic.resources.get(api_version=api_version, kind=kind)
            found = resource.get(name=name, namespace=namespace, _request_timeout=TIMEOUT)
        except (ResourceNotFoundError, NotFoundError):
            return None
        result: dict[str, Any] = found.to_dict()
        return result

    def pipeline_server(self, name: str, namespace: str) -> dict[str, Any] | None:
        """Return the pipeline server, in the newest version that the cluster has it in."""
        for api_version in PIPELINE_SERVER_APIS:
            if found := self.find(api_version, PIPELINE_SERVER, name, namespace):
                return found
        return None

    def secret(self, reference: str) -> SecretValues:
        """Return the decoded values of the Secret ``namespace/name``.

        Raises:
            LookupError: there is no such Secret.
        """
        namespace, _, name = reference.partition("/")
        found = self.find("v1", "Secret", name, namespace)
        if found is None:
            raise LookupError(f"Secret {reference} is not there")
        return SecretValues(
            (key, base64.b64decode(value).decode(errors="replace"))
            for key, value in (found.get("data") or {}).items()
        )

    def token(self, namespace: str, account: str, seconds: int) -> str:
        """Return a token of a service account that ends after ``seconds`` (at least 600)."""
        request = client.AuthenticationV1TokenRequest(
            spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=seconds)
        )
        answer = self._core.create_namespaced_service_account_token(
            account, namespace, request, _request_timeout=TIMEOUT
        )
        if answer.status is None:
            raise LookupError(f"the cluster gave no token for {namespace}/{account}")
        return str(answer.status.token)

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """Return the last ``lines`` lines of a container's log."""
        text = self._core.read_namespaced_pod_log(
            pod, namespace, container=container, tail_lines=lines, _request_timeout=TIMEOUT
        )
        return str(text or "")

    def secret_values(self, namespace: str) -> list[str]:
        """Return every value of the namespace's Secrets, for the redactor to mask."""
        values: list[str] = []
        for secret in self.objects("v1", "Secret", namespace):
            for key, value in (secret.get("data") or {}).items():
                # A certificate is public, and masking it would hide nothing.
                if not key.endswith(".crt"):
                    values.append(base64.b64decode(value).decode(errors="replace").strip())
        return values
