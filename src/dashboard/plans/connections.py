"""Data connections: checked, tried, made, changed, connected and deleted."""

from __future__ import annotations

import asyncio
from typing import Any

from dashboard import errors, kinds
from dashboard.forms import ConnectionForm, ExistingObject, NewConnection
from dashboard.objects.common import DISPLAY_NAME, display_of
from dashboard.objects.connection import (
    FIELD_OF,
    build_secret,
    connect_patch,
    disconnect_patch,
    values_of,
)
from dashboard.plans.notebooks import containers_of, restore
from dashboard.snapshot import Snapshot
from dashboard.submit import Change, Make, Plan, Remove
from dashboard.validation import Problems, resource_name
from dashboard.views.connections import is_connection, notebooks_with
from lab_ground.connections import (
    ACCESS_KEY,
    BUCKET,
    ENDPOINT,
    SECRET_KEY,
    DataConnection,
    DataConnectionError,
    decode_secret,
    read_connection,
    read_secret,
    trimmed,
)
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.s3 import Bucket, Kind, StoreError

# What upstream's form insists on; bucket and region may stay empty.
REQUIRED = {"accessKey": "access key", "secretKey": "secret key", "endpoint": "endpoint"}
MOST_KEYS = 1000
# Which of the fields a store's answer is about.
FIELDS_OF_TROUBLE = {
    Kind.KEY: ACCESS_KEY,
    Kind.RIGHT: BUCKET,
    Kind.BUCKET: BUCKET,
    Kind.ADDRESS: ENDPOINT,
}


def check_connection(problems: Problems, form: ConnectionForm, prefix: str = "") -> None:
    """A connection needs a name, both keys and an endpoint; what they are is tried, not checked."""
    if not form.display_name.strip():
        problems.add(f"{prefix}displayName", "A data connection needs a name.")
    given = form.model_dump(by_alias=True)
    for field, words in REQUIRED.items():
        if not trimmed(given[field]):
            problems.add(f"{prefix}{field}", f"The {words} is missing.")


def plan_new(
    plan: Plan, problems: Problems, namespace: str, form: ConnectionForm, prefix: str = ""
) -> str:
    """Make the Secret; return its name."""
    check_connection(problems, form, prefix)
    found = Problems()
    name = resource_name(found, "connection", form.display_name, None)
    problems.update({f"{prefix}{field}": fault for field, fault in found.fields.items()})
    step = Make(
        build_secret(namespace, name, form), what="data connection", field=f"{prefix}displayName"
    )
    plan.add("connection", step)
    return name


def plan_choice(
    plan: Plan,
    problems: Problems,
    snapshot: Snapshot,
    choice: NewConnection | ExistingObject,
    *,
    needs_bucket: bool = False,
) -> str:
    """The connection that another form chose or makes: its Secret's name."""
    if isinstance(choice, NewConnection):
        name = plan_new(plan, problems, snapshot.namespace, choice, "connection.")
        if needs_bucket and not trimmed(choice.bucket):
            problems.add("connection.bucket", "The bucket is missing.")
        return name
    secret = snapshot.get(kinds.SECRET, choice.name)
    if secret is None or not is_connection(secret):
        told = f"There is no data connection {choice.name} in this project."
        problems.add("connection.name", told)
    elif needs_bucket and not trimmed(decode_secret(secret)[0].get(BUCKET, "")):
        told = f"The data connection {display_of(secret)} names no bucket."
        problems.add("connection.name", told)
    return choice.name


def connection_of(snapshot: Snapshot, choice: NewConnection | ExistingObject) -> DataConnection:
    """The values of a chosen connection.

    Raises:
        RefusalError: they cannot be used; names each field.
    """
    try:
        if isinstance(choice, NewConnection):
            return read_connection(values_of(choice))
        secret = snapshot.get(kinds.SECRET, choice.name)
        if secret is None:
            raise errors.not_found(f"data connection {choice.name}", snapshot.namespace)
        return read_secret(secret)
    except DataConnectionError as error:
        raise errors.invalid({f"connection.{k}": v for k, v in told(error).items()}) from error


def plan_create(snapshot: Snapshot, form: ConnectionForm) -> tuple[Plan, str]:
    """Make a connection and connect it."""
    plan, problems = Plan(), Problems()
    name = plan_new(plan, problems, snapshot.namespace, form)
    plan_connected(plan, problems, snapshot, name, form.workbenches)
    problems.done()
    return plan, name


def plan_change(snapshot: Snapshot, secret: Manifest, form: ConnectionForm) -> Plan:
    """Change a connection's values and what it is connected to."""
    plan, problems = Plan(), Problems()
    check_connection(problems, form)
    name = secret["metadata"]["name"]
    patch = {
        "metadata": {"annotations": {DISPLAY_NAME: form.display_name.strip()}},
        "stringData": values_of(form),
    }
    undo = {
        "metadata": {"annotations": {DISPLAY_NAME: display_of(secret)}},
        "data": dict(secret.get("data") or {}),
    }
    plan.add("connection", Change(kinds.SECRET, name, snapshot.namespace, patch, undo))
    plan_connected(plan, problems, snapshot, name, form.workbenches)
    problems.done()
    return plan


def plan_connected(
    plan: Plan, problems: Problems, snapshot: Snapshot, secret: str, wanted: list[str]
) -> None:
    """Give the connection's variables to these workbenches and to no other."""
    before = {n["metadata"]["name"] for n in notebooks_with(secret, snapshot)}
    for index, name in enumerate(wanted):
        if snapshot.get(kinds.NOTEBOOK, name) is None:
            problems.add(f"workbenches.{index}", f"There is no workbench {name} in this project.")
    for name in sorted(before ^ set(wanted)):
        notebook = snapshot.get(kinds.NOTEBOOK, name)
        if notebook is None or not containers_of(notebook):
            continue
        patch = (
            disconnect_patch(notebook, secret)
            if name in before
            else connect_patch(notebook, secret)
        )
        if patch is not None:
            step = Change(kinds.NOTEBOOK, name, snapshot.namespace, patch, restore(notebook))
            plan.add(f"workbench-{name}", step)


def plan_delete(snapshot: Snapshot, secret: Manifest) -> Plan:
    """Take a connection out of the workbenches and delete it."""
    plan, problems = Plan(), Problems()
    name = secret["metadata"]["name"]
    plan_connected(plan, problems, snapshot, name, [])
    plan.add("connection", Remove(kinds.SECRET, name, snapshot.namespace))
    return plan


def told(error: DataConnectionError) -> dict[str, str]:
    """What is wrong with a connection's values, by the form's fields, as sentences."""
    words = {
        "accessKey": "access key",
        "secretKey": "secret key",
        "endpoint": "endpoint",
        "region": "region",
        "bucket": "bucket",
    }
    faults = {}
    for key, fault in error.faults.items():
        field = FIELD_OF.get(key, key)
        faults[field] = f"The {words.get(field, field)} {fault}."
    return faults


async def try_connection(form: ConnectionForm) -> dict[str, Any]:
    """Try a connection at its store: whether it works, else which field is wrong."""
    try:
        connection = read_connection(values_of(form), needs_bucket=False)
    except DataConnectionError as error:
        faults = told(error)
        return _tried(next(iter(faults.values())), faults)
    try:
        await asyncio.to_thread(_check, connection)
    except StoreError as error:
        message = f"{str(error)[:1].upper()}{str(error)[1:]}."
        key = FIELDS_OF_TROUBLE.get(error.kind)
        if error.code == "SignatureDoesNotMatch":
            key = SECRET_KEY
        return _tried(message, {FIELD_OF[key]: message} if key else {})
    where = f" and bucket {connection.bucket}" if connection.bucket else ""
    return {"ok": True, "message": f"The store{where} can be used.", "field": None, "fields": {}}


def _tried(message: str, faults: dict[str, str]) -> dict[str, Any]:
    return {"ok": False, "message": message, "field": next(iter(faults), None), "fields": faults}


def _bucket(connection: DataConnection) -> Bucket:
    return Bucket(connection, connect_timeout=3, read_timeout=8, attempts=1, connections=2)


def _check(connection: DataConnection) -> None:
    bucket = _bucket(connection)
    try:
        if connection.bucket:
            bucket.check()
        else:
            # Without a bucket only the keys can be tried.
            with bucket.told():
                bucket.client.list_buckets()
    finally:
        bucket.client.close()


async def list_folder(secret: Manifest, path: str) -> dict[str, Any]:
    """The folders and files below a path of a connection's bucket."""
    try:
        connection = read_secret(secret)
    except DataConnectionError as error:
        raise errors.invalid(told(error)) from error
    try:
        return await asyncio.to_thread(_folder, connection, path)
    except StoreError as error:
        message = f"{str(error)[:1].upper()}{str(error)[1:]}."
        raise errors.RefusalError(
            422, "Invalid", message, fields={"connection": message}
        ) from error


def _folder(connection: DataConnection, path: str) -> dict[str, Any]:
    prefix = f"{path.strip('/')}/" if path.strip("/") else ""
    bucket = _bucket(connection)
    try:
        with bucket.told():
            page = bucket.client.list_objects_v2(
                Bucket=bucket.name, Prefix=prefix, Delimiter="/", MaxKeys=MOST_KEYS
            )
    finally:
        bucket.client.close()
    folders = page.get("CommonPrefixes", ())
    return {
        "path": prefix.rstrip("/"),
        "folders": [entry["Prefix"][len(prefix) :].rstrip("/") for entry in folders],
        "files": [
            {"name": entry["Key"][len(prefix) :], "size": int(entry.get("Size", 0))}
            for entry in page.get("Contents", ())
            if entry["Key"] != prefix
        ],
        "more": bool(page.get("IsTruncated")),
    }
