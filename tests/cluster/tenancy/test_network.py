"""A stranger's packets: what a seat's policies close is closed, from the first packet and for good.

Every kind of rule is tried between network namespaces (tests/kernel); here is what only a cluster
shows: pods as they start, policies as learners write them, and what is told of them.
"""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from platform_cluster import STATE, wait_for
from tenancy_pods import ECHO, KUBECTL, POLICY, address_of, execute, pod, policy, standing
from tenancy_seats import Seat

from embedded_cluster.network_policies import find_reports
from embedded_cluster.nftables import TABLE, tables
from lab_ground.kubernetes.client import KubernetesClient

pytestmark = pytest.mark.cluster

Manifest = dict[str, Any]

# Tries to reach an address from the first moment on, and says how often it could.
EAGER = """
import socket, time
reached, until = 0, time.monotonic() + 4
while time.monotonic() < until:
    try:
        socket.create_connection(({address!r}, 8080), 0.2).close()
        reached += 1
    except OSError:
        pass
    time.sleep(0.01)
print(reached, flush=True)
"""


def reaches(seat: Seat, name: str, address: str, family: str = "AF_INET") -> bool:
    """Whether a pod gets an answer from port 8080 of an address."""
    where = (address, 8080) if family == "AF_INET" else (address, 8080, 0, 2)
    code = f"""
import socket
with socket.socket(socket.{family}) as s:
    s.settimeout(1)
    try:
        s.connect({where!r}); s.sendall(b"x"); print(s.recv(1) == b"x")
    except OSError:
        print(False)
"""
    return execute(seat, name, code) == "True"


@pytest.fixture
def make(client: KubernetesClient) -> Iterator[Callable[[Seat, Manifest], str]]:
    """Makes objects as a seat's learner, and takes them away again; returns a pod's address."""
    made: list[tuple[str, str, str, str]] = []

    def build(seat: Seat, manifest: Manifest) -> str:
        metadata = manifest["metadata"]
        metadata["namespace"] = seat.namespace
        seat.client.create(manifest)
        kind, name = manifest["kind"], metadata["name"]
        made.append((manifest["apiVersion"], kind, name, seat.namespace))
        if kind != "Pod":
            return ""

        return address_of(client, name, seat.namespace)

    yield build
    for version, kind, name, namespace in reversed(made):
        client.delete(version, kind, name, namespace)


@pytest.fixture(scope="module")
def server(client: KubernetesClient, victim: Seat) -> Iterator[str]:
    """Address of a pod of the neighbour's that answers whoever reaches it."""
    yield from standing(client, pod("echo", victim.namespace, ECHO))


@pytest.fixture(scope="module", autouse=True)
def caller(client: KubernetesClient, stranger: Seat) -> Iterator[str]:
    """Address of the stranger's pod."""
    yield from standing(client, pod("caller", stranger.namespace, ECHO))


def closed(app: str = "echo") -> Manifest:
    return policy(f"closed-{uuid.uuid4().hex[:4]}", app, ingress=[])


def test_a_policy_holds_and_goes(
    make: Callable[[Seat, Manifest], str], client: KubernetesClient,
    stranger: Seat, victim: Seat, server: str,
) -> None:  # fmt: skip
    assert reaches(stranger, "caller", server)
    make(victim, closed())
    wait_for(lambda: not reaches(stranger, "caller", server), 5, "the policy's effect")
    assert reaches(victim, "echo", server)
    own = {"podSelector": {}}
    from_here = {"namespaceSelector": {"matchLabels": {
        "kubernetes.io/metadata.name": stranger.namespace}}}  # fmt: skip
    opened = policy("opened", "echo", ingress=[{"from": [own, from_here]}])
    make(victim, opened)
    wait_for(lambda: reaches(stranger, "caller", server), 5, "the second policy's effect")


def test_nobody_comes_over_ipv6(
    client: KubernetesClient, stranger: Seat, victim: Seat, server: str
) -> None:
    code = "print(open('/sys/class/net/eth0/address').read().strip())"
    octets = [int(word, 16) for word in execute(victim, "echo", code).split(":")]
    octets[0] ^= 2
    words = [*octets[:3], 0xFF, 0xFE, *octets[3:]]
    pairs = [f"{words[i]:02x}{words[i + 1]:02x}" for i in range(0, 8, 2)]
    assert not reaches(stranger, "caller", "fe80::" + ":".join(pairs), "AF_INET6")


@pytest.mark.parametrize("first", ["policy", "pod"])
def test_the_order_in_which_policy_and_pod_come_makes_no_difference(
    make: Callable[[Seat, Manifest], str], stranger: Seat, victim: Seat, first: str
) -> None:
    rule, late = closed("late"), pod("late", victim.namespace, ECHO)
    if first == "policy":
        make(victim, rule)
    address = make(victim, late)
    if first == "pod":
        make(victim, rule)
        wait_for(lambda: not reaches(stranger, "caller", address), 5, "the policy's effect")
    assert not reaches(stranger, "caller", address)


def test_a_pod_that_starts_is_restricted_from_its_first_packet(
    make: Callable[[Seat, Manifest], str], client: KubernetesClient, stranger: Seat, server: str
) -> None:
    make(stranger, policy("nothing-out", "eager", egress=[]))
    assert reaches(stranger, "caller", server)  # which no policy keeps from it
    make(stranger, pod("eager", stranger.namespace, EAGER.format(address=server)))

    def ended() -> bool:
        found = client.get("v1", "Pod", "eager", stranger.namespace) or {}
        return found["status"]["phase"] in ("Succeeded", "Failed")

    wait_for(ended, 60, "the end of the pod")
    done = subprocess.run(
        [KUBECTL, f"--kubeconfig={STATE}/kubeconfig", "-n", stranger.namespace, "logs", "eager"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "0"


def test_what_cannot_be_read_is_told_and_concerns_nobody_else(
    make: Callable[[Seat, Manifest], str], client: KubernetesClient,
    stranger: Seat, victim: Seat, server: str,
) -> None:  # fmt: skip
    octal = {"from": [{"ipBlock": {"cidr": "010.244.0.0/16"}}]}
    make(stranger, policy("octal", "caller", ingress=[octal]))

    def told() -> list[Manifest]:
        return [
            event for event in client.list_objects("v1", "Event", stranger.namespace)
            if event["reason"] == "NotUnderstood" and event["involvedObject"]["name"] == "octal"
        ]  # fmt: skip

    event = wait_for(told, 10, "an event of the policy")[0]
    assert '"010.244.0.0/16" is no address block' in event["message"]
    make(victim, closed())
    wait_for(lambda: not reaches(stranger, "caller", server), 5, "the effect of another's policy")
    [report] = find_reports(client.list_objects("v1", "Node"))
    assert report.in_force
    assert f"{stranger.namespace}/octal" in report.why


def test_a_policy_that_once_wedged_all_others_does_not(
    make: Callable[[Seat, Manifest], str], client: KubernetesClient,
    stranger: Seat, victim: Seat, server: str,
) -> None:  # fmt: skip
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": [f"{server}/32"]}}
    stranger.client.create({
        **policy("all-but-one", "caller", egress=[{"to": [block]}]),
        "metadata": {"name": "all-but-one", "namespace": stranger.namespace},
    })  # fmt: skip
    wait_for(lambda: not reaches(stranger, "caller", server), 5, "the exception's effect")
    stranger.client.delete(*POLICY, "all-but-one", stranger.namespace)
    wait_for(lambda: reaches(stranger, "caller", server), 5, "the policy's end")
    make(victim, closed())
    wait_for(lambda: not reaches(stranger, "caller", server), 5, "the effect of a later policy")


def test_a_connection_under_way_ends_with_the_policy(
    make: Callable[[Seat, Manifest], str], stranger: Seat, victim: Seat, server: str
) -> None:
    code = f"""
import socket, time
with socket.create_connection(({server!r}, 8080), 2) as s:
    s.settimeout(2)
    count, until = 0, time.monotonic() + 15
    print("begun", flush=True)
    try:
        while time.monotonic() < until:
            s.sendall(b"x")
            if s.recv(1) != b"x":
                break
            count += 1
            time.sleep(0.05)
        else:
            print("it went on")
    except OSError as error:
        print("ended", count > 0)
"""
    process = subprocess.Popen(
        [KUBECTL, f"--kubeconfig={STATE}/kubeconfig", "-n", stranger.namespace, "exec", "caller",
         "--", "python3", "-c", code],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "begun"
    make(victim, closed())
    rest, _ = process.communicate(timeout=30)
    assert rest.strip() == "ended True"


def test_rules_that_somebody_took_away_come_back() -> None:
    """For some seconds nothing is closed: what does this is root on the machine."""
    for _ in range(3):
        assert f"inet {TABLE}" in tables()
        before = settled()
        subprocess.run(["nft", "delete", "table", "inet", TABLE], check=True)
        wait_for(lambda: f"inet {TABLE}" in tables(), 15, "the rules to come back")
        if settled() == before:
            return
        # Pods of others came or went meanwhile, and there are other rules for them.
    pytest.fail("three times the rules that came back were others")


def settled() -> list[str]:
    """The rules once the policies that other tests have just removed are gone from them."""
    seen: list[list[str]] = [listing()]

    def at_rest() -> bool:
        time.sleep(2)
        seen.append(listing())
        return seen[-1] == seen[-2]

    wait_for(at_rest, 30, "rules at rest")
    return seen[-1]


def listing() -> list[str]:
    """Names of the sets and chains of the rules."""
    done = subprocess.run(
        ["nft", "-j", "list", "table", "inet", TABLE], capture_output=True, text=True, check=True
    )
    found = []
    for item in json.loads(done.stdout)["nftables"]:
        for kind in ("set", "map", "chain"):
            if kind in item:
                found.append(f"{kind} {item[kind]['name']}")
    return sorted(found)


def test_the_node_says_that_policies_are_in_force(client: KubernetesClient) -> None:
    reports = find_reports(client.list_objects("v1", "Node"))
    assert [report.in_force for report in reports] == [True]
