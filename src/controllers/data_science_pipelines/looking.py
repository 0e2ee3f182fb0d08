"""Looks how the parts of a DataSciencePipelinesApplication are, and asks its stores."""

from __future__ import annotations

from collections.abc import Callable

import pymysql

from controllers.data_science_pipelines import status
from controllers.data_science_pipelines.asking import Asker, SilentError
from controllers.data_science_pipelines.making import keys_of, read_secret
from controllers.data_science_pipelines.specification import Application
from lab_ground import connections, s3
from lab_ground.kubernetes import client as kubernetes
from object_storage import buckets

# Of a database's: what it is asked is answered in milliseconds.
_SECONDS = 5
_asker = Asker()


def look(app: Application, found: status.Findings) -> None:
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
        found.store, found.refusal = _answer(
            app, "object store", lambda: (_store_problem(app, found), found.refusal)
        )
    if app.database.external and app.database.check:
        found.database, _ = _answer(app, "database", lambda: (_database_problem(app), None))


def forget(namespace: str, name: str) -> None:
    """An application is gone."""
    _asker.forget(namespace, name)


def _answer(
    app: Application, what: str, question: Callable[[], tuple[str, s3.Kind | None]]
) -> tuple[str, s3.Kind | None]:
    """What is wrong with a server, which is wherever the project says, by asking it."""
    try:
        return _asker.ask((app.namespace, app.name, what), question)
    except SilentError as error:
        return f"the {what} {error}", None


def _store_problem(app: Application, found: status.Findings) -> str:
    keys = keys_of(app)
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
        found.refusal = error.kind
        return str(error)
    return ""


def _database_problem(app: Application) -> str:
    wanted = app.database
    secret, key = wanted.credentials.secret, wanted.credentials.password_key
    data = read_secret(app.namespace, secret)
    if key not in data:
        return f"the Secret {secret} has no key {key}"
    try:
        connection = pymysql.connect(
            host=wanted.host,
            port=wanted.port,
            user=wanted.user,
            password=data[key],
            database=wanted.name,
            connect_timeout=_SECONDS,
            read_timeout=_SECONDS,
            write_timeout=_SECONDS,
        )
    except pymysql.MySQLError as error:
        words = error.args[-1] if error.args else error
        return f"{wanted.host}:{wanted.port}: {words}"
    connection.close()
    return ""
