"""Reading a lab's cluster: objects, logs, the Secrets' values, what a command in a pod prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubernetes import client as official
from kubernetes.stream import stream

from lab_ground.connections import secret_texts
from lab_ground.kubernetes.client import open_client
from lab_ground.kubernetes.errors import UnknownKindError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.transport import load_configuration

# The pipeline server's kind as OpenShift AI has it, the newest version first: v1 came with 2.16.
PIPELINE_SERVER = "DataSciencePipelinesApplication"
PIPELINE_SERVER_APIS = (
    "datasciencepipelinesapplications.opendatahub.io/v1",
    "datasciencepipelinesapplications.opendatahub.io/v1alpha1",
)


class SecretValues(dict[str, str]):
    """A Secret's values, of which a traceback shows the names only."""

    def __repr__(self) -> str:
        """Return the names."""
        return f"<values of {', '.join(self)}>"


class ClusterReader:
    """A cluster that is only read. Raises what the client raises (lab_ground.kubernetes.errors)."""

    def __init__(self, kubeconfig: Path | None) -> None:
        """Connect with ``kubeconfig``, or with the environment's when it is None."""
        self._kubeconfig = str(kubeconfig or "")
        self._client = open_client(self._kubeconfig)

    def objects(self, api_version: str, kind: str, namespace: str) -> list[Manifest]:
        """List the objects of a kind; none where the cluster does not know the kind."""
        try:
            return self._client.list_objects(api_version, kind, namespace)
        except UnknownKindError:
            return []

    def find(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> Manifest | None:
        """Return one object, or None where it or its kind is not there."""
        return self._client.get(api_version, kind, name, namespace)

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
        return SecretValues(secret_texts(found))

    def token(self, namespace: str, account: str, seconds: int) -> str:
        """Return a token of a service account that ends after ``seconds`` (at least 600).

        Raises:
            LookupError: there is no such account.
        """
        token = self._client.token(account, namespace, seconds)
        if token is None:
            raise LookupError(f"the cluster gave no token for {namespace}/{account}")
        return token

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """Return the last ``lines`` lines of a container's log."""
        return self._client.read_log(pod, namespace, container=container, tail_lines=lines)

    def run(
        self, namespace: str, pod: str, container: str, command: list[str], seconds: int = 60
    ) -> str:
        """Run a command in a container and return what it printed, errors too.

        Raises:
            kubernetes.client.ApiException: the API server did not let it.
        """
        api = official.CoreV1Api(official.ApiClient(load_configuration(self._kubeconfig)))
        printed = stream(
            api.connect_get_namespaced_pod_exec,
            pod,
            namespace,
            container=container,
            command=command,
            stdout=True,
            stderr=True,
            stdin=False,
            tty=False,
            _request_timeout=seconds,
        )
        return str(printed)

    def secret_values(self, namespace: str) -> list[str]:
        """Return every value of the namespace's Secrets, for the redactor to mask."""
        return [
            value.strip()
            for secret in self.objects("v1", "Secret", namespace)
            for key, value in secret_texts(secret).items()
            # A certificate is public, and masking it would hide nothing.
            if not key.endswith(".crt")
        ]
