"""The object store, by the platform's own builders."""

from __future__ import annotations

from controllers.data_science_pipelines.specification import Application
from lab_ground.kubernetes.manifest import Manifest
from object_storage import builders as store_builders
from object_storage.process import S3_PORT


def build_store(
    app: Application, access_key: str, secret_key: str, admin_access: str, admin_secret: str
) -> store_builders.ObjectStore:
    """The object store as the platform's builders take it."""
    wanted = app.store
    return store_builders.ObjectStore(
        name=app.minio,
        namespace=app.namespace,
        identities=(
            # Upstream these keys are MinIO's root: whoever has them makes buckets.
            store_builders.Identity("project", access_key, secret_key, admin=True),
            store_builders.Identity("controller", admin_access, admin_secret, admin=True),
        ),
        size=wanted.size,
        storage_class=wanted.storage_class,
        image=wanted.image,
        resources=wanted.resources,
    )


def build_store_manifests(
    app: Application, store: store_builders.ObjectStore, *, aliases: bool
) -> list[Manifest]:
    """The object store's objects, with upstream's alias where it is free."""
    manifests = store_builders.build_object_store(store, route=app.store.route)
    for manifest in manifests:
        if manifest["kind"] == "Service":
            ui = {"name": "kfp-ui-http", "port": 80, "targetPort": S3_PORT, "protocol": "TCP"}
            manifest["spec"]["ports"].append(ui)
    if aliases:
        manifests.append(store_builders.build_service(store, "minio-service"))
    ours = {"dspa": app.name, "dsp-version": "v2"}
    for manifest in manifests:
        manifest["metadata"]["labels"] = {**manifest["metadata"]["labels"], **ours}
    return manifests
