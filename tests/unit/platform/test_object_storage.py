"""What an object store is made of."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab_ground.connections import DataConnection
from object_storage import builders, process
from object_storage.buckets import ObjectStoreError, check_access, ensure_buckets

STORE = builders.ObjectStore(
    "minio-ds-pipeline",
    "mnist",
    (
        builders.Identity("admin", "AA", "AS", admin=True),
        builders.Identity("project", "PA", "PS", ("rhods",)),
    ),
)


def test_identity_has_its_own_buckets_only():
    project = builders.build_identities(STORE.identities)["identities"][1]
    assert set(project["actions"]) == {"Read:rhods", "Write:rhods", "List:rhods", "Tagging:rhods"}


def test_nothing_but_the_front_is_reachable():
    command = process.build_command()
    assert "-ip.bind=127.0.0.1" in command
    assert "-s3.ip.bind=127.0.0.1" in command
    assert not [part for part in command if "0.0.0.0" in part]
    containers = builders.build_deployment(STORE)["spec"]["template"]["spec"]["containers"]
    ports = {c["name"]: [p["containerPort"] for p in c.get("ports", [])] for c in containers}
    assert ports == {"minio": [], "front": [9000]}


def test_nothing_is_told_to_the_makers():
    assert "-master.telemetry=false" in process.build_command()


def test_other_keys_make_another_pod():
    def checksum(store):
        template = builders.build_deployment(store)["spec"]["template"]
        return template["metadata"]["annotations"]["lab.opendatahub.io/identities-checksum"]

    other = builders.ObjectStore(STORE.name, STORE.namespace, STORE.identities[:1])
    assert checksum(STORE) == checksum(STORE) != checksum(other)


@pytest.mark.parametrize(("centers", "code"), [(None, 1), ([{"Id": "DefaultDataCenter"}], 0)])
def test_the_store_has_not_started_before_the_master_knows_its_volumes(monkeypatch, centers, code):
    class Store(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"Topology": {"DataCenters": centers}}).encode())

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setattr(process, "_INNER_PORT", server.server_port)
        monkeypatch.setattr(process, "_MASTER_PORT", server.server_port)
        command = [sys.executable, *process.build_startup_check()[1:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        server.shutdown()
    assert done.returncode == code, done.stderr


def test_two_pods_never_hold_the_volume():
    deployment = builders.build_deployment(STORE)
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert deployment["spec"]["replicas"] == 1


def test_everything_is_there_in_order():
    kinds = [m["kind"] for m in builders.build_object_store(STORE, route=True)]
    assert kinds == ["Secret", "PersistentVolumeClaim", "Service", "Deployment", "Route"]
    secret = builders.build_identities_secret(STORE)
    assert json.loads(secret["stringData"][builders.IDENTITIES_KEY])["identities"]
    assert "listen 9000" in secret["stringData"][builders.FRONT_KEY]


def test_mounts_have_their_volumes():
    spec = builders.build_deployment(STORE)["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    mounts = {m["name"] for c in spec["containers"] for m in c["volumeMounts"]}
    assert mounts == volumes


def test_keys_are_random_and_plain():
    keys = {builders.generate_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(key.isalnum() and len(key) == 32 for key in keys)


def test_unreachable_store_is_named():
    with pytest.raises(ObjectStoreError, match=r"http://127\.0\.0\.1:9"):
        check_access(DataConnection("http://127.0.0.1:9", "rhods", "a", "b"))
    with pytest.raises(ObjectStoreError, match=r"http://127\.0\.0\.1:9"):
        ensure_buckets("http://127.0.0.1:9", "a", "b", ["rhods"])
