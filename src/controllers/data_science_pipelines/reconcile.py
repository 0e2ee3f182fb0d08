"""One pass over a DataSciencePipelinesApplication: make, look, say."""

from __future__ import annotations

import kopf

from controllers.data_science_pipelines import status
from controllers.data_science_pipelines.looking import forget, look
from controllers.data_science_pipelines.making import DSPA, hold, make
from controllers.data_science_pipelines.removal import remove
from controllers.data_science_pipelines.specification import SpecificationError, read
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes import events
from lab_ground.kubernetes.errors import ApiError

LOOK_AGAIN = 60.0
NOT_READY = 2.0
TRY_AGAIN = 10.0


def reconcile(namespace: str, name: str) -> float | None:
    """One pass over one DataSciencePipelinesApplication."""
    client = kubernetes.get_client()
    manifest = client.get(*DSPA, name, namespace)
    if manifest is None:
        forget(namespace, name)
        return None
    if manifest["metadata"].get("deletionTimestamp"):
        return remove(manifest)
    try:
        app = read(manifest)
    except (SpecificationError, KeyError, TypeError) as error:
        client.patch_status(manifest, status.refused(manifest, str(error)))
        events.warn(client, manifest, "InvalidSpec", str(error))
        raise kopf.PermanentError(f"{namespace}/{name}: {error}") from error
    hold(manifest)
    found = status.Findings()
    try:
        make(app, manifest, found)
    except ApiError as error:
        if error.status == 403 and "being terminated" in error.message:
            return None
        # The API server's own words: a quota, a policy, or something that nobody knows here.
        reason = error.reason or "ApiError"
        client.patch_status(manifest, status.refused(manifest, error.message, reason))
        events.warn(client, manifest, reason, error.message)
        raise kopf.TemporaryError(str(error), delay=TRY_AGAIN) from error
    look(app, found)
    conditions = status.build(app, manifest, found)
    client.patch_status(manifest, conditions)
    for reason, message in status.troubles(conditions, status.route_problem(app, found)):
        events.warn(client, manifest, reason, message)
    return LOOK_AGAIN if status.is_ready(conditions) else NOT_READY
