"""The controller's pure parts: spec, manifests, conditions, the database's start."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml
from botocore.exceptions import ClientError
from memory_cluster import MemoryCluster, in_memory

from controllers.data_science_pipelines import build as builders
from controllers.data_science_pipelines import (
    looking,
    making,
    reconcile,
    removal,
    specification,
    status,
)
from controllers.data_science_pipelines.build import access
from controllers.data_science_pipelines.specification import SpecificationError
from lab_ground import s3
from lab_ground.kubernetes.errors import ApiError
from object_storage.builders import build_identities
from pipeline_database import __main__ as mariadb

ROOT = Path(__file__).parents[3]


@pytest.fixture
def cluster() -> Iterator[MemoryCluster]:
    with in_memory() as memory:
        yield memory


def resource(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": builders.API_VERSION,
        "kind": builders.KIND,
        "metadata": {"name": "sample", "namespace": "mnist", "generation": 3},
        "spec": spec,
    }


EXTERNAL_STORE = {
    "host": "s3.example.com",
    "scheme": "https",
    "bucket": "b",
    "region": "eu",
    "basePath": "/runs/",
    "s3CredentialsSecret": {"secretName": "keys", "accessKey": "a", "secretKey": "s"},
}


def test_the_defaults_are_upstream_s() -> None:
    app = specification.read(resource())
    assert (app.database.name, app.database.user, app.database.size) == (
        "mlpipeline",
        "mlpipeline",
        "10Gi",
    )
    assert app.store.endpoint == "http://minio-sample.mnist.svc.cluster.local:9000"
    assert app.store.bucket == "mlpipeline"
    assert (app.route, app.oauth, app.store.route) == (True, True, False)


def test_the_store_is_as_upstream_s_minio() -> None:
    """DSPO's dspipeline_params.go: its bucket is mlpipeline, its keys are MinIO's root."""
    own = {"bucket": "rhods", "image": "registry.example/minio", "deploy": True}
    app = specification.read(resource(objectStorage={"minio": own}))
    assert app.store.bucket == "mlpipeline"
    store = builders.build_store(app, "minio", "minio123", "admin", "secret")
    (project,) = [one for one in store.identities if one.access_key == "minio"]
    # So that the init Job of the seed makes its three buckets.
    assert build_identities([project])["identities"][0]["actions"] == ["Admin"]


def test_the_status_tells_the_address_with_tls() -> None:
    """DSPO's dspipeline_controller.go: status.components.apiServer.url is of the proxy's port."""
    app = specification.read(resource())
    assert builders.proxy_url(app) == "https://ds-pipeline-sample.mnist.svc.cluster.local:8443"
    plain = specification.read(resource(apiServer={"enableOauth": False}))
    assert builders.proxy_url(plain) == "https://ds-pipeline-sample.mnist.svc.cluster.local:8888"


@pytest.mark.parametrize(
    ("spec", "scheme"),
    [({}, "https"), ({"podToPodTLS": True}, "https"), ({"podToPodTLS": False}, "http")],
)
@pytest.mark.parametrize("oauth", [True, False])
def test_8888_speaks_tls_unless_the_spec_says_otherwise(
    spec: dict[str, Any], scheme: str, oauth: bool
) -> None:
    """DSPO's deployment.yaml.tmpl: the certificate is the proxy's, the probes are HTTPS."""
    app = specification.read(resource(apiServer={"enableOauth": oauth}, **spec))
    pod = builders.build_server(app, "uid", builders.API_VERSION)["spec"]["template"]["spec"]
    server, *beside = pod["containers"]
    environment = environment_of({"spec": {"template": {"spec": pod}}})
    assert environment["PIPELINES_STEP_URL"].startswith(f"{scheme}://")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["httpGet"]["scheme"] == scheme.upper()
    mounted = {mount["name"] for mount in server["volumeMounts"]}
    assert ("proxy-tls" in mounted) is (scheme == "https")
    assert mounted <= {volume["name"] for volume in pod["volumes"]}
    # Beside a server with TLS the proxy goes by a port of the pod's own.
    local = environment.get("PIPELINES_LOCAL_PORT", "8888")
    for proxy in beside:
        upstream = {item["name"]: item.get("value") for item in proxy["env"]}
        assert upstream["AUTH_PROXY_UPSTREAM"] == f"127.0.0.1:{local}"
    assert len(beside) == oauth


def test_external_services() -> None:
    app = specification.read(
        resource(
            objectStorage={"externalStorage": EXTERNAL_STORE},
            database={
                "externalDB": {
                    "host": "db.example.com",
                    "port": "3307",
                    "username": "u",
                    "pipelineDBName": "p",
                    "passwordSecret": {"name": "db", "key": "word"},
                }
            },
        )
    )
    assert (app.store.endpoint, app.store.prefix) == ("https://s3.example.com", "runs")
    assert (app.database.host, app.database.port) == ("db.example.com", 3307)
    environment = environment_of(builders.build_server(app, "uid", builders.API_VERSION))
    assert environment["PIPELINES_DATABASE_PASSWORD"] == {"name": "db", "key": "word"}
    assert environment["PIPELINES_STORE_ACCESS_KEY"] == {"name": "keys", "key": "a"}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"database": {"mariaDB": {"deploy": False}}}, "there is no externalDB"),
        ({"objectStorage": {"minio": {"deploy": False}}}, "there is no other store"),
        (
            {"objectStorage": {"externalStorage": {"host": "https://s3.example.com"}}},
            "without scheme",
        ),
        ({"database": {"externalDB": {"host": "h", "port": "many"}}}, "must be 1 to 65535"),
        ({"dspVersion": "v9"}, "dspVersion"),
    ],
)
def test_a_spec_that_cannot_be_carried_out(spec: dict[str, Any], reason: str) -> None:
    with pytest.raises(SpecificationError, match=reason):
        specification.read(resource(**spec))


def environment_of(deployment: dict[str, Any]) -> dict[str, Any]:
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return {
        item["name"]: item.get("value", (item.get("valueFrom") or {}).get("secretKeyRef"))
        for item in container["env"]
    }


def test_names_ports_and_aliases_are_the_contract_s() -> None:
    app = specification.read(resource())
    own, alias = builders.build_server_services(app, alias=True)
    assert (own["metadata"]["name"], alias["metadata"]["name"]) == (
        "ds-pipeline-sample",
        "ml-pipeline",
    )
    ports = {port["name"]: port["port"] for port in own["spec"]["ports"]}
    assert ports == {"oauth": 8443, "http": 8888, "grpc": 8887}
    route = builders.build_route(app)["spec"]
    assert route["port"]["targetPort"] == "oauth"
    assert route["tls"]["termination"] == "reencrypt"
    roles = {item["metadata"]["name"] for item in builders.build_access(app)}
    assert {"pipeline-runner-sample", "ds-pipeline-user-access-sample"} <= roles
    assert builders.build_database(app)[1]["spec"]["ports"][0]["port"] == 3306


def test_the_network_policy_lets_in_whom_it_shall() -> None:
    policy = builders.build_network_policy(specification.read(resource()))
    assert policy["metadata"]["name"] == "ds-pipelines-sample"
    everyone, few = policy["spec"]["ingress"]
    assert ("from" in everyone, everyone["ports"][0]["port"]) == (False, 8443)
    labels = [peer["podSelector"]["matchLabels"] for peer in few["from"]]
    assert {"opendatahub.io/workbenches": "true"} in labels


def test_no_secret_stands_in_a_deployment() -> None:
    app = specification.read(resource())
    environment = environment_of(builders.build_server(app, "uid", builders.API_VERSION))
    for name, value in environment.items():
        if any(word in name for word in ("PASSWORD", "KEY", "SIGNING")):
            assert isinstance(value, dict), f"{name} comes from a Secret"


def test_every_pod_is_restricted() -> None:
    app = specification.read(resource())
    store = builders.build_store(app, "a", "s", "x", "y")
    manifests = [
        builders.build_server(app, "uid", builders.API_VERSION),
        *builders.build_database(app),
        *builders.build_store_manifests(app, store, aliases=True),
    ]
    for manifest in manifests:
        if manifest["kind"] != "Deployment":
            continue
        pod = manifest["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_a_server_that_is_replaced_answers_until_the_router_knows() -> None:
    pod = builders.build_server(specification.read(resource()), "uid", builders.API_VERSION)
    spec = pod["spec"]["template"]["spec"]
    for container in spec["containers"]:
        seconds = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert 0 < seconds < spec["terminationGracePeriodSeconds"], container["name"]


def deployment(name: str, available: int) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"availableReplicas": available}}


def findings(**changes: Any) -> status.Findings:
    names = ("ds-pipeline-sample", "mariadb-sample", "minio-sample")
    found = status.Findings(deployments={name: deployment(name, 1) for name in names})
    for key, value in changes.items():
        setattr(found, key, value)
    return found


def conditions(found: status.Findings) -> dict[str, dict[str, Any]]:
    manifest = resource()
    built = status.build(specification.read(manifest), manifest, found)
    return {item["type"]: item for item in built["conditions"]}


def test_all_is_well() -> None:
    found = conditions(findings())
    assert {item["status"] for item in found.values()} == {"True"}
    assert set(found) == {
        "DatabaseAvailable",
        "ObjectStoreAvailable",
        "APIServerReady",
        "PersistenceAgentReady",
        "ScheduledWorkflowReady",
        "Ready",
    }


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        ("http://store: the key abcd… is wrong or may not use bucket 'b'", "WrongCredentials"),
        ("http://store: there is no bucket 'b'", "BucketMissing"),
        ("http://store: Could not connect to the endpoint", "Unreachable"),
        ("the Secret keys is not there or lacks its keys", "CredentialsMissing"),
        ("minio-sample is starting", "Starting"),
    ],
)
def test_a_store_that_is_not_available(problem: str, reason: str) -> None:
    found = conditions(findings(store=problem))
    assert found["ObjectStoreAvailable"]["reason"] == f"ObjectStore{reason}"
    assert found["ObjectStoreAvailable"]["message"] == problem
    assert (found["Ready"]["status"], found["Ready"]["message"]) == ("False", problem)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InvalidAccessKeyId", "WrongCredentials"),
        ("SignatureDoesNotMatch", "WrongCredentials"),
        ("AccessDenied", "WrongCredentials"),
        ("403", "WrongCredentials"),
        ("NoSuchBucket", "BucketMissing"),
        ("SlowDown", "Unreachable"),
    ],
)
def test_a_store_that_refuses(monkeypatch: pytest.MonkeyPatch, code: str, reason: str) -> None:
    """From the store's answer to the condition: the reason is the answer's kind, not its words."""

    def refuse(*_: Any, **__: Any) -> None:
        answer = {"Error": {"Code": code, "Message": "no"}}
        raise s3.explain(ClientError(answer, "HeadBucket"), "http://store:9000", "b")

    monkeypatch.setattr(s3.Bucket, "check", refuse)
    monkeypatch.setattr(looking, "keys_of", lambda _app: ("nobody", "nothing"))
    found = findings()
    app = specification.read(resource(objectStorage={"externalStorage": EXTERNAL_STORE}))
    found.store = looking._store_problem(app, found)
    condition = conditions(found)["ObjectStoreAvailable"]
    assert condition["reason"] == f"ObjectStore{reason}"
    assert condition["message"] == found.store
    assert "http://store:9000" in found.store


def test_a_database_that_starts_names_its_pod_s_trouble() -> None:
    waiting = {"reason": "ErrImageNeverPull", "message": "no image"}
    pod = {
        "metadata": {"labels": {"app": "mariadb-sample"}},
        "status": {"containerStatuses": [{"name": "mariadb", "state": {"waiting": waiting}}]},
    }
    found = findings(pods=[pod])
    found.deployments["mariadb-sample"] = deployment("mariadb-sample", 0)
    condition = conditions(found)["DatabaseAvailable"]
    assert condition["reason"] == "DatabaseStarting"
    assert "ErrImageNeverPull no image" in condition["message"]


def test_the_database_s_account_is_set_at_every_start() -> None:
    sql = mariadb.build_initialization(
        {"MARIADB_DATABASE": "mlpipeline", "MARIADB_USER": "u", "MARIADB_PASSWORD": "a'b\\c"}
    )
    assert "ALTER USER 'u'@'%' IDENTIFIED BY 'a''b\\\\c';" in sql
    assert "GRANT ALL PRIVILEGES ON `mlpipeline`.*" in sql


def test_a_database_s_name_is_only_a_name() -> None:
    with pytest.raises(ValueError, match="is not a name"):
        mariadb.build_initialization(
            {"MARIADB_DATABASE": "x`; DROP", "MARIADB_USER": "u", "MARIADB_PASSWORD": "p"}
        )


def test_another_key_starts_the_server_anew_and_is_not_told() -> None:
    app = specification.read(resource())

    def template(mark: str) -> dict[str, Any]:
        return dict(builders.build_server(app, "uid", "v1", mark)["spec"]["template"])

    assert template("one") == template("one") != template("other")
    assert template("one")["metadata"]["annotations"] == {builders.CREDENTIALS_MARK: "one"}


def test_the_mark_follows_the_secrets(cluster: MemoryCluster) -> None:
    app = specification.read(resource(objectStorage={"externalStorage": EXTERNAL_STORE}))

    def mark(secret_key: str) -> str:
        metadata = {"name": "keys", "namespace": "mnist"}
        values = {"a": "access", "s": secret_key}
        cluster.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}
        )
        return making._credentials_mark(app, "key")

    first = mark("minio123")
    assert first == mark("minio123")
    assert first != mark("another")
    assert hashlib.sha256(b"minio123").hexdigest() not in first


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"a": "AB/CD", "s": "minio123"}, "a of the Secret keys is wrong: it has '/' in it"),
        ({"a": "AB,CD", "s": "minio123"}, "a of the Secret keys is wrong: it has ',' in it"),
        ({"a": "minio", "s": "short"}, "s of the Secret keys is wrong: it has too few characters"),
    ],
)
def test_keys_that_the_store_cannot_read_are_told_before_it_is_made(
    cluster: MemoryCluster, values: dict[str, str], problem: str
) -> None:
    owner = resource(
        objectStorage={
            "minio": {
                "image": "registry/lab-platform:1.0",
                "s3CredentialsSecret": {"secretName": "keys", "accessKey": "a", "secretKey": "s"},
            }
        }
    )
    owner["metadata"]["uid"] = "uid"
    metadata = {"name": "keys", "namespace": "mnist"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}
    cluster.apply(secret)
    found = status.Findings()
    app = specification.read(owner)
    assert making._store_manifests(app, owner, found) == []
    assert found.store.startswith(problem)
    assert values["s"] not in found.store
    assert conditions(found)["ObjectStoreAvailable"]["reason"] == "ObjectStoreWrongCredentials"
    cluster.apply({**secret, "stringData": {"a": "minio\n", "s": "minio123\n"}})
    assert making._store_manifests(app, owner, status.Findings())


def rights(rules: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_operators_hold_what_they_grant() -> None:
    """Nobody may grant a right that he does not hold: the Role would not be made."""
    template = ROOT / "roles/platform_operators/templates/rbac/data_science_pipelines.yml.j2"
    held = rights(yaml.safe_load(template.read_text()))
    assert rights(access.SERVER_RULES) | rights(access.RUNNER_RULES) <= held


def test_at_the_end_no_step_is_waited_for(
    cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Helpers have minutes to store what was made; here the store itself is going."""
    labels = {"pipelines.kubeflow.org/server": "sample"}
    metadata = {"name": "say-1", "namespace": "mnist", "labels": labels}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
    graces = {}
    real = cluster.delete

    def delete(api_version: str, kind: str, name: str, *place: Any, **options: Any) -> bool:
        graces[kind, name] = options.get("grace_seconds")
        return bool(real(api_version, kind, name, *place, **options))

    monkeypatch.setattr(cluster, "delete", delete)
    manifest = resource()
    manifest["metadata"]["finalizers"] = [builders.FINALIZER]
    assert removal.remove(manifest) == removal.STOPPING
    assert graces["Pod", "say-1"] == removal.STEP_GRACE


def test_a_part_that_is_refused_is_told_in_the_api_server_s_words(
    cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = cluster.add(resource(objectStorage={"minio": {"image": "minio:1"}}))
    apply = cluster.apply

    def refuse(manifest: dict[str, Any], *words: Any, **more: Any) -> Any:
        if manifest["kind"] == "PersistentVolumeClaim":
            raise ApiError(403, "Forbidden", "exceeded quota: lab-seat, requested: 10Gi")
        return apply(manifest, *words, **more)

    monkeypatch.setattr(cluster, "apply", refuse)
    metadata = owner["metadata"]
    with pytest.raises(kopf.TemporaryError):
        reconcile.reconcile(metadata["namespace"], metadata["name"])
    kind = "DataSciencePipelinesApplication"
    stored = cluster.objects[kind, metadata["namespace"], metadata["name"]]
    (ready,) = [one for one in stored["status"]["conditions"] if one["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "Forbidden")
    assert ready["message"] == "exceeded quota: lab-seat, requested: 10Gi"


def test_a_server_whose_route_is_refused_is_not_ready() -> None:
    app = specification.read(resource())
    condition = {"type": "Admitted", "status": "False", "message": "the host is another's"}
    found = status.Findings()
    found.route = {"status": {"ingress": [{"host": "x", "conditions": [condition]}]}}
    for name in (app.server, app.mariadb, app.minio):
        found.deployments[name] = {"status": {"availableReplicas": 1}}
    built = status.build(app, resource(), found)
    (ready,) = [one for one in built["conditions"] if one["type"] == "Ready"]
    assert (ready["status"], "the host is another's" in ready["message"]) == ("False", True)


def test_a_name_that_no_host_can_have_is_refused_first() -> None:
    long = resource()
    long["metadata"]["namespace"] = "n" * 50
    with pytest.raises(SpecificationError, match="a label has at most 63"):
        specification.read(long)
