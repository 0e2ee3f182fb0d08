"""What a run may use: what its caller may, asked of the cluster before the run starts."""

from __future__ import annotations

from typing import Any

import cluster_accounts
import kfp
import pytest
import requests
from pipeline_project import NAME, PipelineServer
from sdk_pipelines.kubernetes_pipelines import names_a_secret, names_nothing

from lab_ground.kubernetes.client import KubernetesClient

pytestmark = pytest.mark.cluster
RUNS = "/apis/v2beta1/runs"


@pytest.fixture(scope="module")
def narrow(server: PipelineServer) -> str:
    """A token of an account that may use the server and nothing else of the project."""
    return server.make_token("narrow", f"ds-pipeline-user-access-{NAME}")


@pytest.fixture(scope="module")
def narrow_client(server: PipelineServer, narrow: str) -> kfp.Client:
    return kfp.Client(
        host=server.url, existing_token=narrow, ssl_ca_cert=str(server.ca_certificate)
    )


def refusal(client: kfp.Client, pipeline: Any, **options: Any) -> str:
    with pytest.raises(Exception, match="403") as caught:
        client.create_run_from_pipeline_func(pipeline, experiment_name="tests", **options)
    return str(caught.value)


def test_a_secret_that_the_caller_may_not_read_is_not_mounted_for_them(
    server: PipelineServer, narrow_client: kfp.Client
) -> None:
    secret = f"ds-pipeline-db-{NAME}"
    before = server.request("GET", RUNS).json().get("total_size", 0)
    told = refusal(narrow_client, names_a_secret, arguments={"secret": secret})
    assert f"Secret '{secret}', which its sender may not use" in told
    assert server.request("GET", RUNS).json().get("total_size", 0) == before


def test_an_account_that_the_caller_may_not_be_runs_nothing_for_them(
    server: PipelineServer, narrow_client: kfp.Client
) -> None:
    account = f"ds-pipeline-{NAME}"
    told = refusal(narrow_client, names_nothing, service_account=account)
    assert f"service account '{account}'" in told
    made = narrow_client.create_run_from_pipeline_func(
        names_nothing, experiment_name="tests", service_account=f"pipeline-runner-{NAME}"
    )
    server.request("DELETE", f"{RUNS}/{made.run_id}").raise_for_status()


def test_a_narrow_right_is_enough_for_what_it_is_for(
    server: PipelineServer, kubernetes: KubernetesClient, narrow_client: kfp.Client
) -> None:
    namespace = server.namespace
    kubernetes.create(
        {
            "apiVersion": f"{cluster_accounts.RBAC}/v1",
            "kind": "Role",
            "metadata": {"name": "one-secret", "namespace": namespace},
            "rules": [
                {
                    "apiGroups": [""],
                    "resources": ["secrets"],
                    "resourceNames": ["one"],
                    "verbs": ["get"],
                }
            ],
        }
    )
    kubernetes.create(
        cluster_accounts.binding(
            "one-secret", namespace, role="one-secret", kind="Role", to="narrow"
        )
    )
    made = narrow_client.create_run_from_pipeline_func(
        names_a_secret, arguments={"secret": "one"}, experiment_name="tests"
    )
    server.request("DELETE", f"{RUNS}/{made.run_id}").raise_for_status()
    assert "'other'" in refusal(narrow_client, names_a_secret, arguments={"secret": "other"})


def test_a_viewer_of_the_project_does_not_come_in(
    server: PipelineServer, kubernetes: KubernetesClient
) -> None:
    kubernetes.create(cluster_accounts.account("viewer", server.namespace))
    kubernetes.create(cluster_accounts.binding("viewer", server.namespace, role="view"))
    token = cluster_accounts.token_of(kubernetes, server.namespace, "viewer")
    reply = requests.get(
        server.url + RUNS,
        headers={"Authorization": f"Bearer {token}"},
        verify=str(server.ca_certificate),
        timeout=30,
    )
    assert reply.status_code == 403
    assert "may not get datasciencepipelinesapplications" in reply.json()["message"]
