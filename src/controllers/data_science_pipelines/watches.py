"""The controller: makes what a DataSciencePipelinesApplication asks for, and says how it is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from typing import Any

import kopf
import pymysql

from controllers.data_science_pipelines import build as builders
from controllers.data_science_pipelines import status
from controllers.data_science_pipelines.build import FINALIZER
from controllers.data_science_pipelines.specification import Application, SpecificationError, read
from lab_ground import connections
from lab_ground.connections import trimmed
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.errors import ConflictError, NotFoundError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import is_owned_by, owner_reference
from lab_ground.kubernetes.reconciler import Reconciler
from lab_ground.kubernetes.watching import label_key, own_key, watch
from object_storage import buckets
from object_storage.builders import generate_key
from object_storage.keys import fault_of_access_key, fault_of_secret_key

logger = logging.getLogger(__name__)

DSPA = (builders.API_VERSION, builders.KIND)
LOOK_AGAIN = 60.0
NOT_READY = 2.0
STEP_GRACE = 5
STOPPING = 1.0


def reconcile(namespace: str, name: str) -> float | None:
    """One pass over one DataSciencePipelinesApplication."""
    client = kubernetes.get_client()
    manifest = client.get(*DSPA, name, namespace)
    if manifest is None:
        return None
    if manifest["metadata"].get("deletionTimestamp"):
        return _remove(manifest)
    try:
        app = read(manifest)
    except (SpecificationError, KeyError, TypeError) as error:
        client.patch_status(manifest, status.refused(manifest, str(error)))
        raise kopf.PermanentError(f"{namespace}/{name}: {error}") from error
    _hold(manifest)
    found = status.Findings()
    _make(app, manifest, found)
    _look(app, found)
    conditions = status.build(app, manifest, found)
    client.patch_status(manifest, conditions)
    return LOOK_AGAIN if status.is_ready(conditions) else NOT_READY


# -- what there shall be -----------------------------------------------------------------------


def _make(app: Application, owner: Manifest, found: status.Findings) -> None:
    client = kubernetes.get_client()
    secrets = builders.secret_names(app)
    own = _ensure_secret(
        app,
        owner,
        secrets["server"],
        {builders.SIGNING_KEY: generate_key(48), builders.SESSION_KEY: generate_key(32)},
    )
    manifests: list[Manifest] = []
    if not app.database.external:
        if not app.database.credentials.given:
            _ensure_secret(
                app, owner, secrets["database"], {builders.PASSWORD_KEY: generate_key(32)}
            )
        manifests += builders.build_database(app)
    if not app.store.external:
        manifests += _store_manifests(app, owner, found)
    manifests += [
        builders.build_launcher(app),
        *builders.build_access(app),
        *builders.build_server_services(app, alias=_is_free(owner, "ml-pipeline")),
        builders.build_network_policy(app),
    ]
    if app.deploy:
        uid = owner["metadata"]["uid"]
        mark = _credentials_mark(app, own[builders.SIGNING_KEY])
        manifests.append(builders.build_server(app, uid, owner["apiVersion"], mark))
    for manifest in manifests:
        client.apply(manifest, owner)
    if app.oauth:
        client.apply(builders.build_delegator(app))
    if app.route:
        client.apply(builders.build_route(app), owner)
    else:
        client.delete("route.openshift.io/v1", "Route", app.server, app.namespace)


def _store_manifests(app: Application, owner: Manifest, found: status.Findings) -> list[Manifest]:
    secrets = builders.secret_names(app)
    if not app.store.credentials.given:
        _ensure_secret(
            app,
            owner,
            secrets["store"],
            {"accesskey": generate_key(20), "secretkey": generate_key(40)},
        )
    admin = _ensure_secret(
        app,
        owner,
        secrets["admin"],
        {"accesskey": generate_key(20), "secretkey": generate_key(40)},
    )
    keys = _keys(app)
    if keys is None:
        found.store = f"the Secret {app.store.credentials.secret} is not there or lacks its keys"
        return []
    if problem := _fault_of_keys(app, *keys):
        found.store = problem
        return []
    found.admin = (admin["accesskey"], admin["secretkey"])
    store = builders.build_store(app, *keys, *found.admin)
    return builders.build_store_manifests(app, store, aliases=_is_free(owner, "minio-service"))


def _keys(app: Application) -> tuple[str, str] | None:
    credentials = app.store.credentials
    data = _read_secret(app.namespace, credentials.secret)
    if credentials.user_key not in data or credentials.password_key not in data:
        return None
    return trimmed(data[credentials.user_key]), trimmed(data[credentials.password_key])


def _fault_of_keys(app: Application, access_key: str, secret_key: str) -> str:
    """Why the store could not be used with these keys; empty when it can."""
    given = app.store.credentials
    for key, fault in (
        (given.user_key, fault_of_access_key(access_key)),
        (given.password_key, fault_of_secret_key(secret_key)),
    ):
        if fault:
            return f"{key} of the Secret {given.secret} is wrong: it {fault}"
    return ""


def _credentials_mark(app: Application, key: str) -> str:
    """What changes with the credentials that the server reads at its start, and tells nothing."""
    given = [
        _read_secret(app.namespace, credentials.secret)
        for credentials in (app.store.credentials, app.database.credentials)
    ]
    text = json.dumps(given, sort_keys=True)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _read_secret(namespace: str, name: str) -> dict[str, str]:
    secret = kubernetes.get_client().get("v1", "Secret", name, namespace)
    if secret is None:
        return {}
    return {
        key: base64.b64decode(value).decode("utf-8", "replace")
        for key, value in (secret.get("data") or {}).items()
    }


def _ensure_secret(
    app: Application, owner: Manifest, name: str, values: dict[str, str]
) -> dict[str, str]:
    """A Secret of generated values: made once, never changed."""
    data = _read_secret(app.namespace, name)
    if data:
        return data
    manifest = builders.build_secret(app, name, values)
    manifest["metadata"]["ownerReferences"] = [owner_reference(owner)]
    try:
        kubernetes.get_client().create(manifest)
    except ConflictError:
        return _read_secret(app.namespace, name)
    return values


def _is_free(owner: Manifest, service: str) -> bool:
    """Whether upstream's fixed name is free for this server; the first one has it."""
    namespace = owner["metadata"]["namespace"]
    known = kubernetes.get_client().get("v1", "Service", service, namespace)
    return known is None or is_owned_by(known, owner)


def _hold(manifest: Manifest) -> None:
    """Our finalizer, so that everything is removed in order."""
    finalizers = manifest["metadata"].get("finalizers") or []
    if FINALIZER not in finalizers:
        metadata = manifest["metadata"]
        kubernetes.get_client().patch(
            *DSPA,
            metadata["name"],
            {"metadata": {"finalizers": [*finalizers, FINALIZER]}},
            metadata["namespace"],
        )


# -- how it is ---------------------------------------------------------------------------------


def _look(app: Application, found: status.Findings) -> None:
    client = kubernetes.get_client()
    for name in (app.server, app.mariadb, app.minio):
        found.deployments[name] = client.get("apps/v1", "Deployment", name, app.namespace)
    found.pods = client.list_objects(
        "v1",
        "Pod",
        app.namespace,
        label_selector=f"app in ({app.server},{app.mariadb},{app.minio})",
    )
    if app.route:
        found.route = client.get("route.openshift.io/v1", "Route", app.server, app.namespace)
    if app.store.check and not found.store:
        found.store = _store_problem(app, found)
    if app.database.external and app.database.check:
        found.database = _database_problem(app)


def _store_problem(app: Application, found: status.Findings) -> str:
    keys = _keys(app)
    if keys is None:
        return f"the Secret {app.store.credentials.secret} is not there or lacks its keys"
    if not app.store.external:
        waiting = status.deployment_problem(found, app.minio)
        if waiting:
            return waiting
    store, credentials = app.store, app.store.credentials
    where = f"of Secret {credentials.secret}"
    try:
        connection = connections.read_connection(
            {
                connections.ENDPOINT: store.endpoint,
                connections.BUCKET: store.bucket,
                connections.REGION: store.region,
                connections.ACCESS_KEY: keys[0],
                connections.SECRET_KEY: keys[1],
            },
            called={
                connections.ENDPOINT: "objectStorage.externalStorage.host",
                connections.BUCKET: "objectStorage.externalStorage.bucket",
                connections.REGION: "objectStorage.externalStorage.region",
                connections.ACCESS_KEY: f"{credentials.user_key} {where}",
                connections.SECRET_KEY: f"{credentials.password_key} {where}",
            },
        )
    except connections.DataConnectionError as error:
        return str(error)
    try:
        if found.admin is not None:
            buckets.ensure_buckets(app.store.endpoint, *found.admin, [app.store.bucket])
        buckets.check_access(connection)
    except buckets.ObjectStoreError as error:
        return str(error)
    return ""


def _database_problem(app: Application) -> str:
    wanted = app.database
    secret, key = wanted.credentials.secret, wanted.credentials.password_key
    data = _read_secret(app.namespace, secret)
    if key not in data:
        return f"the Secret {secret} has no key {key}"
    try:
        connection = pymysql.connect(
            host=wanted.host,
            port=wanted.port,
            user=wanted.user,
            password=data[key],
            database=wanted.name,
            connect_timeout=5,
        )
    except pymysql.MySQLError as error:
        words = error.args[-1] if error.args else error
        return f"{wanted.host}:{wanted.port}: {words}"
    connection.close()
    return ""


# -- the end -----------------------------------------------------------------------------------


def _remove(manifest: Manifest) -> float | None:
    """Steps first, then the server, then what it stood on; each is gone before the next goes."""
    finalizers = manifest["metadata"].get("finalizers") or []
    if FINALIZER not in finalizers:
        return None
    client = kubernetes.get_client()
    metadata = manifest["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    server, mariadb, minio = (f"{kind}-{name}" for kind in ("ds-pipeline", "mariadb", "minio"))
    client.delete("route.openshift.io/v1", "Route", server, namespace)
    client.delete("apps/v1", "Deployment", server, namespace)
    steps = client.list_objects(
        "v1", "Pod", namespace, label_selector=f"pipelines.kubeflow.org/server={name}"
    )
    for pod in steps:
        # Without an end that is waited for: what they make has nowhere to go any more.
        client.delete("v1", "Pod", pod["metadata"]["name"], namespace, grace_seconds=STEP_GRACE)
    if steps or _pods(namespace, server):
        return STOPPING
    for other in (mariadb, minio):
        client.delete("apps/v1", "Deployment", other, namespace)
    if _pods(namespace, mariadb) or _pods(namespace, minio):
        return STOPPING
    for other in (mariadb, minio):
        client.delete("v1", "PersistentVolumeClaim", other, namespace)
    client.delete(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        f"{namespace}-{server}-auth-delegator",
    )
    left = [item for item in finalizers if item != FINALIZER]
    try:
        client.patch(*DSPA, name, {"metadata": {"finalizers": left}}, namespace)
    except NotFoundError:
        logger.debug("%s/%s is gone", namespace, name)
    return None


def _pods(namespace: str, app: str) -> list[dict[str, Any]]:
    client = kubernetes.get_client()
    return client.list_objects("v1", "Pod", namespace, label_selector=f"app={app}")


applications = Reconciler("data-science-pipelines", reconcile, workers=2)
_of_label = label_key("dspa")

watch(
    applications,
    "datasciencepipelinesapplications.opendatahub.io",
    "v1",
    "datasciencepipelinesapplications",
    key=own_key,
)
watch(applications, "apps", "v1", "deployments", key=_of_label, labels={"dspa": kopf.PRESENT})
watch(applications, "", "v1", "services", key=_of_label, labels={"dspa": kopf.PRESENT})
watch(applications, "", "v1", "secrets", key=_of_label, labels={"dspa": kopf.PRESENT})
