"""The pipeline server's settings, from its environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from lab_ground.connections import trimmed


@dataclass(frozen=True)
class Settings:
    """How this server is set up. ``name`` is that of the DataSciencePipelinesApplication."""

    name: str = "ds-pipeline"
    namespace: str = "mnist"
    owner_uid: str = ""
    owner_api_version: str = "datasciencepipelinesapplications.opendatahub.io/v1"
    database_url: str | sa.URL = "sqlite://"
    store_endpoint: str = ""
    store_bucket: str = "rhods"
    store_region: str = "us-east-1"
    store_access_key: str = field(default="", repr=False)
    store_secret_key: str = field(default="", repr=False)
    store_prefix: str = "pipelines"
    signing_key: str = field(default="", repr=False)
    service_account: str = "pipeline-runner-ds-pipeline"
    step_url: str = ""
    launcher_config_map: str = ""
    platform_image: str = ""
    trusted_ca_config_map: str = "odh-trusted-ca-bundle"
    # Where pip looks, as environment; the instructor's, and not every project has it.
    package_index_secret: str = "lab-package-index"  # noqa: S105 - a Secret's name
    step_user: int | None = 1001
    step_ttl_seconds: int = 24 * 3600
    # Steps that have a pod at once; what is beyond waits, and says so. 0 is no limit.
    parallel_steps_run: int = 20
    parallel_steps_seat: int = 40
    image_pull_policy: str = "IfNotPresent"
    elyra_files: str = "/opt/lab/elyra"
    listen_port: int = 8888
    grpc_port: int = 8887
    # Where tls.crt and tls.key are; empty where the ports speak plainly.
    tls_directory: str = ""
    # With TLS: where the proxy in the same pod finds the server, without; 0 is nowhere.
    local_port: int = 0
    replica: str = "local"
    # Where sessions of the login are asked about; empty where there is none.
    login_url: str = ""
    login_authority: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read what the controller wrote into the Deployment."""

        def text(name: str, default: str = "") -> str:
            return environment.get(f"PIPELINES_{name}", default)

        def store(name: str, default: str = "") -> str:
            """A value of the object store's, without what a Secret was made with around it."""
            return trimmed(text(f"STORE_{name}", default))

        name = text("NAME", cls.name)
        user = text("STEP_USER", str(cls.step_user))
        return cls(
            name=name,
            namespace=text("NAMESPACE", cls.namespace),
            owner_uid=text("OWNER_UID"),
            owner_api_version=text("OWNER_API_VERSION", cls.owner_api_version),
            database_url=_database_url(text),
            store_endpoint=store("ENDPOINT"),
            store_bucket=store("BUCKET", cls.store_bucket),
            store_region=store("REGION", cls.store_region),
            store_access_key=store("ACCESS_KEY"),
            store_secret_key=store("SECRET_KEY"),
            store_prefix=text("STORE_PREFIX", cls.store_prefix),
            signing_key=text("SIGNING_KEY"),
            login_url=text("LOGIN_URL"),
            login_authority=text("LOGIN_AUTHORITY"),
            service_account=text("SERVICE_ACCOUNT", f"pipeline-runner-{name}"),
            step_url=text("STEP_URL"),
            launcher_config_map=text("LAUNCHER_CONFIG_MAP", f"ds-pipeline-launcher-{name}"),
            platform_image=text("PLATFORM_IMAGE"),
            trusted_ca_config_map=text("TRUSTED_CA_CONFIG_MAP", cls.trusted_ca_config_map),
            step_user=int(user) if user else None,
            step_ttl_seconds=int(text("STEP_TTL_SECONDS", str(cls.step_ttl_seconds))),
            parallel_steps_run=int(text("PARALLEL_STEPS_RUN", str(cls.parallel_steps_run))),
            parallel_steps_seat=int(text("PARALLEL_STEPS_SEAT", str(cls.parallel_steps_seat))),
            image_pull_policy=text("IMAGE_PULL_POLICY", cls.image_pull_policy),
            elyra_files=text("ELYRA_FILES", cls.elyra_files),
            listen_port=int(text("PORT", str(cls.listen_port))),
            grpc_port=int(text("GRPC_PORT", str(cls.grpc_port))),
            tls_directory=text("TLS_DIRECTORY"),
            local_port=int(text("LOCAL_PORT", str(cls.local_port))),
            replica=environment.get("HOSTNAME", cls.replica),
        )


def _database_url(read: Callable[..., str]) -> str | sa.URL:
    """The URL as a whole, or by its parts, so that a password may hold any character."""
    if url := read("DATABASE_URL"):
        return url
    return sa.URL.create(
        "mysql+pymysql",
        username=read("DATABASE_USER", "mlpipeline"),
        password=read("DATABASE_PASSWORD"),
        host=read("DATABASE_HOST", "mariadb"),
        port=int(read("DATABASE_PORT", "3306")),
        database=read("DATABASE_NAME", "mlpipeline"),
        query={"charset": "utf8mb4"},
    )
