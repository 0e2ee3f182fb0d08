"""Which pods and objects belong to one."""

from __future__ import annotations

from typing import Any

from lab_diagnosis.collect import explain_error, family, gather


def owned(kind: str, name: str, owner: str = "", **labels: str) -> dict[str, Any]:
    references = [{"uid": f"uid-{owner}", "name": owner}] if owner else []
    metadata = {"name": name, "uid": f"uid-{name}", "ownerReferences": references, "labels": labels}
    return {"kind": kind, "metadata": metadata, "spec": {}}


def test_pods_are_found_through_what_owns_them() -> None:
    between = [owned("ReplicaSet", "web-1", "web"), owned("ReplicaSet", "other-1", "other")]
    pods = [owned("Pod", "web-1-a", "web-1"), owned("Pod", "other-1-a", "other-1")]
    related, own = family("Deployment", "web", owned("Deployment", "web"), between, pods)
    assert [each["metadata"]["name"] for each in related] == ["web-1"]
    assert [each["metadata"]["name"] for each in own] == ["web-1-a"]


def test_the_order_of_the_list_does_not_matter() -> None:
    between = [owned("ReplicaSet", "web-1", "web"), owned("Deployment", "web", "top")]
    pods = [owned("Pod", "p", "web-1")]
    related, own = family("Service", "top", owned("Service", "top"), between, pods)
    assert len(related) == 2
    assert len(own) == 1


def test_a_pipeline_server_is_known_by_its_names() -> None:
    between = [owned("Deployment", "ds-pipeline-a"), owned("Deployment", "minio-b")]
    pods = [owned("Pod", "x", "ds-pipeline-a"), owned("Pod", "y", "minio-b")]
    kind = "DataSciencePipelinesApplication"
    _, own = family(kind, "a", owned(kind, "a"), between, pods)
    assert [each["metadata"]["name"] for each in own] == ["x"]


def test_a_model_is_served_by_the_model_servers_pods() -> None:
    pods = [owned("Pod", "server", "", **{"modelmesh-service": "modelmesh-serving"})]
    _, own = family("InferenceService", "mnist", None, [], pods)
    assert len(own) == 1


def test_errors_of_the_client_are_sentences() -> None:
    assert "does not answer" in explain_error(OSError("Connection refused"))
    forbidden = OSError("no")
    forbidden.status = 403  # type: ignore[attr-defined]
    assert explain_error(forbidden) == "the API server does not allow it (403)"


def test_a_stateful_set_s_notebook_and_the_accounts_are_evidence() -> None:
    notebook = owned("Notebook", "nb")
    stateful_set = owned("StatefulSet", "nb", "nb")
    stateful_set["metadata"]["ownerReferences"][0]["kind"] = "Notebook"

    class Reader:
        """Two kinds of a namespace."""

        def objects(self, api_version: str, kind: str, namespace: str) -> list[Any]:
            return {"Notebook": [notebook], "ServiceAccount": [{"metadata": {"name": "x"}}]}.get(
                kind, []
            )

        def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
            return ""

    found = gather(Reader(), "StatefulSet", "nb", "mnist", stateful_set, None)
    assert found.owner == notebook
    assert [each["metadata"]["name"] for each in found.accounts] == ["x"]
