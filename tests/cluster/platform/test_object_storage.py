"""An object store on the cluster: identities, and what was acknowledged survives a kill."""

from __future__ import annotations

import socket
import threading

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from platform_cluster import DOMAIN, wait_for

from lab_ground.connections import DataConnection
from lab_ground.s3 import open_client
from object_storage import builders
from object_storage.buckets import connect, ensure_buckets

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def store(client, project):
    wanted = builders.ObjectStore(
        "minio-test",
        project,
        (
            builders.Identity("admin", "ADMIN-KEY", builders.generate_key(), admin=True),
            builders.Identity("project", "PROJECT-KEY", builders.generate_key(), ("rhods",)),
        ),
        size="1Gi",
    )
    for manifest in builders.build_object_store(wanted):
        client.apply(manifest)
    wait_for(lambda: available(client, project), 120, "the store is available", pause=0.5)
    wait_for(lambda: answers(client, project), 30, "the store's Service leads to it")
    return wanted


def available(client, project):
    deployment = client.get("apps/v1", "Deployment", "minio-test", project)
    return (deployment.get("status") or {}).get("availableReplicas")


def answers(client, project):
    """Available says that the pod is ready; the node may learn of its address a moment later."""
    with socket.create_connection((address(client, project), 9000), 1):
        return True


def address(client, project):
    return client.get("v1", "Service", "minio-test", project)["spec"]["clusterIP"]


@pytest.fixture(scope="module")
def s3(client, project, store):
    admin, ours = store.identities
    endpoint = f"http://{address(client, project)}:9000"
    assert ensure_buckets(endpoint, admin.access_key, admin.secret_key, ["rhods", "other"])
    assert ensure_buckets(endpoint, admin.access_key, admin.secret_key, ["rhods", "other"]) == []
    return connect(endpoint, ours.access_key, ours.secret_key)


def test_identity_works_in_its_own_bucket(s3):
    s3.put_object(Bucket="rhods", Key="data/a.bin", Body=b"a" * 9_000_000)
    assert s3.get_object(Bucket="rhods", Key="data/a.bin")["Body"].read() == b"a" * 9_000_000
    listed = s3.list_objects_v2(Bucket="rhods", Prefix="data/")
    assert [entry["Key"] for entry in listed["Contents"]] == ["data/a.bin"]
    s3.delete_object(Bucket="rhods", Key="data/a.bin")


@pytest.mark.parametrize(
    "attempt",
    [
        lambda s3: s3.put_object(Bucket="other", Key="x", Body=b"x"),
        lambda s3: s3.list_objects_v2(Bucket="other"),
        lambda s3: s3.create_bucket(Bucket="mine"),
        lambda s3: s3.delete_bucket(Bucket="other"),
    ],
    ids=["write", "list", "create", "delete"],
)
def test_identity_has_no_other_bucket(s3, attempt):
    with pytest.raises(ClientError) as refused:
        attempt(s3)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404)


def test_nothing_without_a_key(client, project, s3):
    import urllib.error
    import urllib.request

    s3.put_object(Bucket="rhods", Key="secret", Body=b"x")
    for path in ("/rhods/secret", "/rhods/", "/"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{address(client, project)}:9000{path}", timeout=5)
        assert refused.value.code == 403


def test_only_s3_is_reachable(client, project, store):
    pod = client.list_objects("v1", "Pod", project, label_selector="app=minio-test")[0]
    for port in (8080, 8888, 9001, 9002, 9333, 18080, 18888, 19000, 19001, 19333):
        with socket.socket() as sock:
            sock.settimeout(1)
            assert sock.connect_ex((pod["status"]["podIP"], port)) != 0, f"port {port} is open"


def test_what_was_acknowledged_survives_a_kill(client, project, s3):
    acknowledged, stop = [], threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            body = f"{number}".encode() * 1000
            try:
                s3.put_object(Bucket="rhods", Key=f"kill/{number}", Body=body)
            except Exception:  # the store is gone; what was not acknowledged does not count
                return
            acknowledged.append((f"kill/{number}", body))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    wait_for(lambda: len(acknowledged) >= 50, 60, "fifty acknowledged writes")
    pod = client.list_objects("v1", "Pod", project, label_selector="app=minio-test")[0]
    client.request(
        "DELETE",
        client.path("v1", "Pod", project, pod["metadata"]["name"]),
        body={"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0},
    )
    writer.join(60)
    stop.set()

    def back():
        pods = client.list_objects("v1", "Pod", project, label_selector="app=minio-test")
        return pods[0]["metadata"]["name"] != pod["metadata"]["name"] and available(client, project)

    wait_for(back, 120, "another pod", pause=0.5)
    wait_for(lambda: answers(client, project), 30, "the Service leads to the new pod")
    for key, body in acknowledged:
        assert s3.get_object(Bucket="rhods", Key=key)["Body"].read() == body, key


@pytest.fixture(scope="module")
def routed(client, project, store, s3, browser, authority, tmp_path_factory):
    """The store as a client outside the cluster has it: by its Route."""
    client.apply(builders.build_route(store))
    host = f"{store.name}-{project}.{DOMAIN}"
    wait_for(lambda: browser.ask(host, "/healthz").status == 200, 15, "the Route answers")
    ca = tmp_path_factory.mktemp("ca") / "ca.crt"
    ca.write_text(authority)
    ours = store.identities[1]
    connection = DataConnection(f"https://{host}", "rhods", ours.access_key, ours.secret_key)
    return open_client(connection, ca=str(ca), attempts=1)


SEGMENTS = st.text("ab.+ %;&=?#~!'()*,:@[]{}|^<>é€😀", min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(SEGMENTS.filter(lambda part: part not in (".", "..")), min_size=1, max_size=4))
def test_a_key_arrives_at_the_store_through_its_route(s3, routed, parts):
    """Signed by the client for what it wrote: key → Route → store → key, byte by byte."""
    key = "/".join(parts)
    routed.put_object(Bucket="rhods", Key=key, Body=key.encode())
    assert s3.get_object(Bucket="rhods", Key=key)["Body"].read() == key.encode()
    assert routed.get_object(Bucket="rhods", Key=key)["Body"].read() == key.encode()
    listed = routed.list_objects_v2(Bucket="rhods", Prefix=key).get("Contents", ())
    assert key in [entry["Key"] for entry in listed]
    routed.delete_object(Bucket="rhods", Key=key)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("a//b", "has an empty part"),
        ("/a", "has an empty part"),
        ("a///b c", "has an empty part"),
        ("a\\b", "a backslash"),
        ("folder/", "ends in a slash"),
    ],
)
def test_a_key_that_the_store_would_change_is_refused_in_words(s3, routed, key, words):
    """By the Route and within the cluster; nothing is kept under the other name."""
    for client in (s3, routed):
        with pytest.raises(ClientError, match=words):
            client.put_object(Bucket="rhods", Key=key, Body=b"content")
    listed = s3.list_objects_v2(Bucket="rhods", Prefix=key.strip("/")[0]).get("Contents", ())
    assert not listed


def test_a_copy_of_a_changed_key_is_refused_and_a_folder_s_mark_is_not(s3):
    s3.put_object(Bucket="rhods", Key="marked/", Body=b"")
    s3.put_object(Bucket="rhods", Key="marked/file", Body=b"content")
    with pytest.raises(ClientError, match="has an empty part"):
        s3.copy_object(Bucket="rhods", Key="marked/copy", CopySource="rhods/marked//file")
    s3.copy_object(Bucket="rhods", Key="marked/copy", CopySource="rhods/marked/file")
    assert s3.get_object(Bucket="rhods", Key="marked/copy")["Body"].read() == b"content"


def test_what_is_deleted_or_listed_is_never_another_key(s3, routed):
    s3.put_object(Bucket="rhods", Key="named/a", Body=b"content")
    for client in (s3, routed):
        with pytest.raises(ClientError, match="Nothing was done"):
            client.delete_objects(
                Bucket="rhods", Delete={"Objects": [{"Key": "other"}, {"Key": "named//a"}]}
            )
        with pytest.raises(ClientError, match="no key in this store does"):
            client.list_objects_v2(Bucket="rhods", Prefix="named//")
        assert client.get_object(Bucket="rhods", Key="named/a")["Body"].read() == b"content"
    routed.delete_objects(Bucket="rhods", Delete={"Objects": [{"Key": "named/a"}]})
    assert not s3.list_objects_v2(Bucket="rhods", Prefix="named/").get("Contents")
