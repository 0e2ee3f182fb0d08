"""One seat: its objects, its buckets and its pipeline server, under one reset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from lab_ground.connections import (
    ACCESS_KEY,
    BUCKET,
    ENDPOINT,
    SECRET_KEY,
    DataConnectionError,
    read_connection,
)
from lab_ground.s3 import Bucket, Kind, StoreError, removable
from lab_ground.waiting import moments
from lab_reset import cluster as clusters
from lab_reset import pipelines, planning, sessions

OPERATOR = (
    "the pipelines controller (lab-operators, or data-science-pipelines-operator) should make it"
)
PREPARE = "./lab run prepare-lab makes it"
STORE_KEYS = ("accesskey", "secretkey")

Seen = TypeVar("Seen")
Look = Callable[[], tuple[Seen, str]]


def patiently(look: Look[Seen], timeout: float, pause: float = 1) -> tuple[Seen, str]:
    """Look until there is no trouble, at most ``timeout`` seconds; return what was found last.

    ``look`` returns a thing and its trouble. What a learner has removed, its controller makes
    again within moments.
    """
    for _ in moments(timeout, pause):
        seen, trouble = look()
        if not trouble:
            break
    return seen, trouble


def keys_of(bucket: Bucket) -> list[str]:
    """Return all keys of a bucket; one that is not there is as good as an empty one."""
    try:
        return bucket.keys()
    except StoreError as error:
        if error.kind is Kind.BUCKET:
            return []
        raise


class Seat:
    """What a reset reads, removes and looks at again."""

    def __init__(self, params: Mapping[str, Any], cluster: clusters.Cluster) -> None:
        """Connect to bucket and pipeline server, where the seat has them.

        Raises:
            ResetError: it has them, but they cannot be looked into: neither a removal nor its
                proof would be complete.
        """
        self.params = params
        self.cluster = cluster
        self.rules = params["rules"]
        self.erases_work = planning.step_index(params["to"]) < planning.step_index("trained")
        self.buckets: list[Bucket] = []
        self.server: pipelines.PipelineServer | None = None
        if self.erases_work:
            self.buckets = self._reach(self._look_at_buckets, "its buckets")
            self.server = self._reach(self._look_at_server, "its runs")
        else:
            # Only for a look at the client's token, which later steps use.
            server, trouble = self._look_at_server()
            self.server = None if trouble else server

    def _reach(self, look: Look[Seen], what: str) -> Seen:
        seen, trouble = patiently(look, self.params["timeout"])
        if trouble:
            raise clusters.ResetError(
                f"in {self.cluster.namespace}, {what} can be neither emptied nor proved empty: "
                f"{trouble}"
            )
        return seen

    def _url(self, route: str, mend: str) -> tuple[str | None, str]:
        """Return a Route's address, and what is wrong if it should be there and is not."""
        url = self.cluster.route_url(route)
        if not url and self.cluster.has_pipeline_server():
            return None, f"the pipeline server has no admitted Route {route}; {mend}"
        return url, ""

    def _look_at_buckets(self) -> tuple[list[Bucket], str]:
        url, trouble = self._url(self.params["storage_route"], f"{PREPARE} again")
        if not url:
            return [], trouble
        name = self.params["store_secret"]
        secret = self.cluster.secret(name) or {}
        keys = [secret.get(key, "") for key in STORE_KEYS]
        if not all(keys):
            return [], (
                f"Secret {name} with the object store's keys is not there, or has no "
                f"{' and '.join(STORE_KEYS)}; {OPERATOR}"
            )
        try:
            buckets = [self._open(url, bucket, keys) for bucket in self.params["buckets"]]
            for bucket in buckets:
                keys_of(bucket)
        except DataConnectionError as error:
            return [], str(error)
        except StoreError as error:
            return [], f"the object store has the keys of Secret {name} and {error.trouble}"
        return buckets, ""

    def _open(self, url: str, bucket: str, keys: Sequence[str]) -> Bucket:
        connection = read_connection(
            {ENDPOINT: url, BUCKET: bucket, ACCESS_KEY: keys[0], SECRET_KEY: keys[1]},
            called=dict(zip((ACCESS_KEY, SECRET_KEY), STORE_KEYS, strict=True)),
            name=self.params["store_secret"],
        )
        return Bucket(connection, ca=self.params["ca_certificate"], attempts=3)

    def _look_at_server(self) -> tuple[pipelines.PipelineServer | None, str]:
        url, trouble = self._url(self.params["pipelines_route"], OPERATOR)
        if not url:
            return None, trouble
        account = self.params["pipelines_account"]
        token = self.cluster.token(account)
        mend = f"{PREPARE}, and its rights, again"
        if not token:
            return None, f"ServiceAccount {account} is not there; {mend}"
        server = pipelines.PipelineServer(url, token, self.params["ca_certificate"])
        trouble = server.trouble()
        return server, trouble and (
            f"the pipeline server gets a token of ServiceAccount {account} and {trouble}; {mend}"
        )

    def spoilt_token(self) -> list[planning.Reference]:
        """Return the reference to the client's Secret if its token does not work (any more)."""
        name = self.params["pipelines_account"]
        secret = self.cluster.secret(name) if self.server else None
        if self.server is None or secret is None or self.server.accepts(secret.get("token", "")):
            return []
        for manifest in self.cluster.objects("v1", "Secret"):
            if manifest["metadata"]["name"] == name:
                return [planning.refer("v1", "Secret", manifest)]
        return []

    def plan(self) -> tuple[planning.Plan, list[str], list[pipelines.Row]]:
        """Return the plan for the objects, the keys and the rows to remove."""
        kinds = dict.fromkeys((rule.api_version, rule.kind) for rule in self.rules)
        things = {kind: self.cluster.objects(*kind) for kind in kinds}
        outcome = planning.plan(self.rules, things, self.params["to"])
        spoilt = self.spoilt_token()
        outcome.remove += spoilt
        outcome.restore += spoilt
        keys = [
            f"{bucket.name}/{key}" for bucket in self.buckets for key in self._removable(bucket)
        ]
        return (
            outcome,
            keys,
            self.server.rows() if self.server and self.erases_work else [],
        )

    def apply(self, outcome: planning.Plan, rows: Sequence[pipelines.Row]) -> None:
        """Remove objects, rows and keys: schedules before runs, runs before their files."""
        if rows and self.server:
            self.server.delete(rows)
        clusters.remove(self.cluster, outcome.remove, self.params["timeout"])
        for bucket in self.buckets:
            # Steps that were ending while their run was removed may have written more.
            bucket.delete(self._removable(bucket))

    def _removable(self, bucket: Bucket) -> list[str]:
        return removable(keys_of(bucket), self.params["kept_keys"])

    def prove(self) -> list[str]:
        """Look again, from the outside, and name whatever is left."""
        outcome, keys, rows = self.plan()
        leftovers = [str(reference) for reference in outcome.remove]
        leftovers += [f"s3://{key}" for key in keys]
        leftovers += [f"{path} {name or identifier}" for path, identifier, name, _ in rows]
        served = planning.step_index(self.params["to"]) >= planning.step_index("served")
        leftovers += clusters.cluster_leftovers(self.cluster, served)
        return leftovers + sessions.session_leftovers(self.cluster)

    def settle(self, pause: float = 1) -> list[str]:
        """Look until nothing is left, and return what still is when the time is up.

        A volume outlives its claim for the moments that its provisioner takes to empty it.
        """
        leftovers: list[str] = []
        for _ in moments(self.params["timeout"], pause):
            if not (leftovers := self.prove()):
                break
        return leftovers
