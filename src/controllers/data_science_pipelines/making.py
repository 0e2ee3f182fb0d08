"""Makes what a DataSciencePipelinesApplication asks for."""

from __future__ import annotations

import hashlib
import hmac
import json

from controllers.data_science_pipelines import build as builders
from controllers.data_science_pipelines import status
from controllers.data_science_pipelines.build import FINALIZER
from controllers.data_science_pipelines.specification import Application
from controllers.serving_certificate.store import get_authority
from lab_ground.connections import secret_texts, trimmed
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.errors import ConflictError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import is_owned_by, owner_reference
from object_storage.builders import generate_key
from object_storage.keys import fault_of_access_key, fault_of_secret_key

DSPA = (builders.API_VERSION, builders.KIND)


def make(app: Application, owner: Manifest, found: status.Findings) -> None:
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
        builders.build_launcher(app, get_authority().certificate),
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
    keys = keys_of(app)
    if keys is None:
        found.store = f"the Secret {app.store.credentials.secret} is not there or lacks its keys"
        return []
    if problem := _fault_of_keys(app, *keys):
        found.store = problem
        return []
    found.admin = (admin["accesskey"], admin["secretkey"])
    store = builders.build_store(app, *keys, *found.admin)
    return builders.build_store_manifests(app, store, aliases=_is_free(owner, "minio-service"))


def keys_of(app: Application) -> tuple[str, str] | None:
    credentials = app.store.credentials
    data = read_secret(app.namespace, credentials.secret)
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
        read_secret(app.namespace, credentials.secret)
        for credentials in (app.store.credentials, app.database.credentials)
    ]
    text = json.dumps(given, sort_keys=True)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def read_secret(namespace: str, name: str) -> dict[str, str]:
    return secret_texts(kubernetes.get_client().get("v1", "Secret", name, namespace))


def _ensure_secret(
    app: Application, owner: Manifest, name: str, values: dict[str, str]
) -> dict[str, str]:
    """A Secret of generated values: made once, never changed."""
    data = read_secret(app.namespace, name)
    if data:
        return data
    manifest = builders.build_secret(app, name, values)
    manifest["metadata"]["ownerReferences"] = [owner_reference(owner)]
    try:
        kubernetes.get_client().create(manifest)
    except ConflictError:
        return read_secret(app.namespace, name)
    return values


def _is_free(owner: Manifest, service: str) -> bool:
    """Whether upstream's fixed name is free for this server; the first one has it."""
    namespace = owner["metadata"]["namespace"]
    known = kubernetes.get_client().get("v1", "Service", service, namespace)
    return known is None or is_owned_by(known, owner)


def hold(manifest: Manifest) -> None:
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
