"""A DataSciencePipelinesApplication's spec as it is wanted, with upstream's defaults; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DATABASE_PORT = 3306
STORE_PORT = 9000
# The bucket of a server with a store of its own, whatever the spec says.
OWN_BUCKET = "mlpipeline"


class SpecificationError(ValueError):
    """The spec cannot be carried out as it is written; the text says why."""


@dataclass(frozen=True)
class Credentials:
    """Where a pair of keys or a password is: a Secret and its keys."""

    secret: str
    user_key: str
    password_key: str
    given: bool = False


@dataclass(frozen=True)
class DatabaseWanted:
    """The database: of its own, or an external one."""

    external: bool
    host: str
    port: int
    user: str
    name: str
    credentials: Credentials
    size: str = "10Gi"
    storage_class: str | None = None
    image: str | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    check: bool = True


@dataclass(frozen=True)
class StoreWanted:
    """The object store: of its own, or an external one."""

    external: bool
    endpoint: str
    bucket: str
    prefix: str
    region: str
    credentials: Credentials
    size: str = "10Gi"
    storage_class: str | None = None
    image: str | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    route: bool = False
    check: bool = True


@dataclass(frozen=True)
class Application:
    """One DataSciencePipelinesApplication."""

    name: str
    namespace: str
    database: DatabaseWanted
    store: StoreWanted
    route: bool = True
    oauth: bool = True
    tls: bool = True
    """Whether 8888 and 8887 speak TLS, upstream's podToPodTLS."""
    deploy: bool = True
    image: str | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    persistence_agent: bool = True
    scheduled_workflow: bool = True

    @property
    def server(self) -> str:
        """Name of the server's Deployment, Service, Route and service account."""
        return f"ds-pipeline-{self.name}"

    @property
    def mariadb(self) -> str:
        """Name of the database's objects."""
        return f"mariadb-{self.name}"

    @property
    def minio(self) -> str:
        """Name of the object store's objects."""
        return f"minio-{self.name}"

    @property
    def runner(self) -> str:
        """Name of the steps' service account."""
        return f"pipeline-runner-{self.name}"


def read(manifest: Mapping[str, Any]) -> Application:
    """Read a DataSciencePipelinesApplication."""
    metadata = manifest["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    spec = manifest.get("spec") or {}
    if len(name) > 40:
        raise SpecificationError(f"the name {name!r} is longer than 40 characters")
    host = f"ds-pipeline-{name}-{namespace}"
    if len(host) > 63:
        raise SpecificationError(
            f"its host would begin with {host}, {len(host)} characters; a label has at most 63"
        )
    if str(spec.get("dspVersion", "v2")) not in {"v2", "v1"}:
        raise SpecificationError(f"dspVersion {spec['dspVersion']!r} is not known")
    server = spec.get("apiServer") or {}
    return Application(
        name=name,
        namespace=namespace,
        database=_database(name, namespace, spec.get("database") or {}),
        store=_store(name, namespace, spec.get("objectStorage") or {}),
        route=bool(server.get("enableRoute", True)),
        oauth=bool(server.get("enableOauth", True)),
        tls=bool(spec.get("podToPodTLS", True)),
        deploy=bool(server.get("deploy", True)),
        image=server.get("image"),
        resources=server.get("resources") or {},
        persistence_agent=bool((spec.get("persistenceAgent") or {}).get("deploy", True)),
        scheduled_workflow=bool((spec.get("scheduledWorkflow") or {}).get("deploy", True)),
    )


def _database(name: str, namespace: str, spec: Mapping[str, Any]) -> DatabaseWanted:
    external = spec.get("externalDB")
    own = spec.get("mariaDB") or {}
    check = not spec.get("disableHealthCheck", False)
    if external:
        return DatabaseWanted(
            external=True,
            host=str(external["host"]),
            port=_port(external.get("port"), DATABASE_PORT, "database.externalDB.port"),
            user=str(external.get("username") or "mlpipeline"),
            name=str(external.get("pipelineDBName") or "mlpipeline"),
            credentials=_password(name, external.get("passwordSecret")),
            check=check,
        )
    if own.get("deploy") is False:
        raise SpecificationError("database.mariaDB.deploy is false and there is no externalDB")
    return DatabaseWanted(
        external=False,
        host=f"mariadb-{name}.{namespace}.svc.cluster.local",
        port=DATABASE_PORT,
        user=str(own.get("username") or "mlpipeline"),
        name=str(own.get("pipelineDBName") or "mlpipeline"),
        credentials=_password(name, own.get("passwordSecret")),
        size=str(own.get("pvcSize") or "10Gi"),
        storage_class=own.get("storageClassName"),
        image=own.get("image"),
        resources=own.get("resources") or {},
        check=check,
    )


def _password(name: str, secret: Mapping[str, Any] | None) -> Credentials:
    if secret:
        return Credentials(str(secret["name"]), "", str(secret["key"]), given=True)
    return Credentials(f"ds-pipeline-db-{name}", "", "password")


def _store(name: str, namespace: str, spec: Mapping[str, Any]) -> StoreWanted:
    external = spec.get("externalStorage")
    own = spec.get("minio") or {}
    check = not spec.get("disableHealthCheck", False)
    route = bool(spec.get("enableExternalRoute", False))
    if external:
        return StoreWanted(
            external=True,
            endpoint=_endpoint(external),
            bucket=str(external.get("bucket") or "mlpipeline"),
            prefix=str(external.get("basePath") or "pipelines").strip("/"),
            region=str(external.get("region") or "us-east-1"),
            credentials=_keys(name, external.get("s3CredentialsSecret")),
            check=check,
        )
    if own.get("deploy") is False:
        raise SpecificationError("objectStorage.minio.deploy is false and there is no other store")
    return StoreWanted(
        external=False,
        endpoint=f"http://minio-{name}.{namespace}.svc.cluster.local:{STORE_PORT}",
        # Upstream's operator does not look at minio.bucket (params.go, setupObjectParams).
        bucket=OWN_BUCKET,
        prefix="pipelines",
        region="us-east-1",
        credentials=_keys(name, own.get("s3CredentialsSecret")),
        size=str(own.get("pvcSize") or "10Gi"),
        storage_class=own.get("storageClassName"),
        image=_store_image(own.get("image")),
        resources=own.get("resources") or {},
        route=route,
        check=check,
    )


def _store_image(image: str | None) -> str | None:
    """Only an image of ours can be run: upstream wants one named, and names MinIO's."""
    return image if image and "lab-platform" in image else None


def _keys(name: str, secret: Mapping[str, Any] | None) -> Credentials:
    if secret:
        return Credentials(
            str(secret["secretName"]),
            str(secret.get("accessKey") or "accesskey"),
            str(secret.get("secretKey") or "secretkey"),
            given=True,
        )
    return Credentials(f"ds-pipeline-s3-{name}", "accesskey", "secretkey")


def _endpoint(external: Mapping[str, Any]) -> str:
    secure = external.get("secure")
    scheme = external.get("scheme") or ("http" if secure is False else "https")
    host = str(external["host"])
    if "://" in host or "/" in host:
        raise SpecificationError(
            f"objectStorage.externalStorage.host {host!r} must be a host without scheme and path"
        )
    port = external.get("port")
    if port in (None, ""):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{_port(port, 443, 'objectStorage.externalStorage.port')}"


def _port(value: Any, default: int, where: str) -> int:
    if value in (None, ""):
        return default
    try:
        port = int(str(value))
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise SpecificationError(f"{where} {value!r} must be 1 to 65535")
    return port
