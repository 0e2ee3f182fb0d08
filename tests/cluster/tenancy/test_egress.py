"""What a learner's pod reaches beyond the cluster's pods, whatever the policies of its seat say.

That is the machine's ports, and the addresses at which a cloud hands its machines' credentials out.
Every kind of rule is tried between network namespaces (tests/kernel); here is what this cluster's
machine really serves, and who may open it.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest
from platform_cluster import DOMAIN, STATE, Browser, wait_for
from tenancy_pods import ECHO, KUBECTL, execute, pod, policy, standing
from tenancy_seats import Seat

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError

pytestmark = pytest.mark.cluster

NODE = "10.245.0.1"
API = 6443
# Of the same block as a cloud's metadata; what has it is a network namespace of this test's.
NEIGHBOUR = "169.254.77.77"
OPEN = "lab.opendatahub.io/open-egress"
# Tries many connections at once, and prints those that were answered.
TRY = """
import concurrent.futures, json, socket
def answers(where):
    try:
        socket.create_connection(where, 2).close()
        return [where]
    except OSError:
        return []
with concurrent.futures.ThreadPoolExecutor(40) as pool:
    print(json.dumps(sum(pool.map(answers, {targets!r}), [])))
"""
# Opens connections until no more are accepted, prints how many, and holds them.
HOLD = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held = []
try:
    for _ in range(2500):
        held.append(socket.create_connection(({host!r}, 443), 5))
except OSError:
    pass
print(len(held), flush=True)
sys.stdin.read()
"""
LISTEN = """
import socket
server = socket.create_server(("", 80))
while True:
    server.accept()[0].close()
"""
Target = tuple[str, int]


def run(line: str) -> str:
    return subprocess.run(line.split(), capture_output=True, text=True, check=True).stdout


def machine_addresses() -> list[str]:
    """The machine's own addresses of IPv4, loopback aside."""
    return [
        address["local"]
        for device in json.loads(run("ip -j -4 address"))
        for address in device["addr_info"]
        if device["ifname"] != "lo"
    ]


def machine_ports() -> set[int]:
    """The ports at which something on the machine listens for others than itself."""
    places = (line.split()[3].rpartition(":") for line in run("ss -Hltn").splitlines())
    return {int(port) for address, _, port in places if not address.startswith(("127.", "[::1]"))}


def reached(seat: Seat, targets: list[Target]) -> set[Target]:
    """Those of some ports that answer the seat's pod."""
    return {
        (host, port) for host, port in json.loads(execute(seat, "out", TRY.format(targets=targets)))
    }


@pytest.fixture(scope="module", autouse=True)
def caller(client: KubernetesClient, stranger: Seat) -> Iterator[str]:
    """The stranger's pod, which a policy of the stranger's own lets go everywhere."""
    stranger.client.create({
        **policy("out-to-everywhere", "out", egress=[{}]),
        "metadata": {"name": "out-to-everywhere", "namespace": stranger.namespace},
    })  # fmt: skip
    yield from standing(client, pod("out", stranger.namespace, ECHO))
    stranger.client.delete(
        "networking.k8s.io/v1", "NetworkPolicy", "out-to-everywhere", stranger.namespace
    )


@pytest.fixture
def opened(client: KubernetesClient, stranger: Seat) -> Iterator[None]:
    """Opens everything for the seat, as who runs the cluster."""
    annotate(client, stranger, "machine addresses")
    yield
    annotate(client, stranger, None)


def annotate(client: KubernetesClient, seat: Seat, value: str | None) -> None:
    patch = {"metadata": {"annotations": {OPEN: value}}}
    client.patch("v1", "Namespace", seat.namespace, patch)


@pytest.fixture(scope="module")
def neighbour() -> Iterator[Target]:
    """An address beyond the machine that answers at port 80, in a network of the test's own."""
    run("ip netns add egress-test")
    try:
        run("ip link add egress-test type veth peer name eth0 netns egress-test")
        run("ip address add 198.51.100.1/30 dev egress-test")
        run("ip link set egress-test up")
        for line in (
            "address add 198.51.100.2/30 dev eth0",
            f"address add {NEIGHBOUR}/32 dev eth0",
            "link set eth0 up",
            "route add default via 198.51.100.1",
        ):
            run(f"ip -n egress-test {line}")
        run(f"ip route add {NEIGHBOUR}/32 via 198.51.100.2")
        command = [*["ip", "netns", "exec", "egress-test", "python3", "-c"], LISTEN]
        with subprocess.Popen(command) as server:
            wait_for(lambda: answers_machine((NEIGHBOUR, 80)), 10, "the server of the neighbour")
            yield NEIGHBOUR, 80
            server.terminate()
    finally:
        run("ip netns delete egress-test")


def answers_machine(target: Target) -> bool:
    with closing(socket.create_connection(target, 1)):
        return True


def test_the_machines_ports_are_closed_but_for_the_api(stranger: Seat) -> None:
    ports = machine_ports()
    assert {API, 10250} <= ports
    everything = [(address, port) for address in machine_addresses() for port in sorted(ports)]
    found = reached(stranger, everything)
    assert {port for _, port in found} <= {API}
    assert (NODE, API) in found


def test_a_clouds_metadata_is_closed(stranger: Seat, neighbour: Target) -> None:
    assert reached(stranger, [neighbour]) == set()


def test_what_a_pod_needs_is_open(stranger: Seat) -> None:
    """The API by its Service, the router at the machine's ports, names of the cluster."""
    wanted = [("kubernetes.default.svc.cluster.local", 443), (NODE, 80), (NODE, 443)]
    assert reached(stranger, wanted) == set(wanted)


def test_who_runs_the_cluster_opens_them(
    stranger: Seat, victim: Seat, neighbour: Target, opened: None
) -> None:
    wanted = {(NODE, 10250), neighbour}
    wait_for(lambda: reached(stranger, sorted(wanted)) == wanted, 10, "the opening's effect")


@pytest.mark.parametrize("asks", ["livenessProbe", "lifecycle"])
def test_the_machine_asks_nobody_for_the_learner(stranger: Seat, asks: str) -> None:
    """The kubelet's own requests come from the machine, so a pod may not choose whom they ask."""
    get = {"httpGet": {"host": NODE, "port": 10250}}
    manifest = pod("probes", stranger.namespace, ECHO)
    manifest["spec"]["containers"][0][asks] = {"postStart": get} if asks == "lifecycle" else get
    with pytest.raises(ApiError) as refused:
        stranger.client.create(manifest)
    assert refused.value.status == 403
    assert "probe or lifecycle host" in refused.value.message


def test_the_learner_opens_nothing(stranger: Seat) -> None:
    with pytest.raises(ApiError) as refused:
        annotate(stranger.client, stranger, "machine addresses")
    assert refused.value.status == 403


def test_one_pod_has_only_so_many_connections_to_the_router(
    stranger: Seat, victim: Seat, browser: Browser
) -> None:
    """And those who come from elsewhere are answered all the while."""
    code = HOLD.format(host=f"any.{DOMAIN}")
    command = [KUBECTL, f"--kubeconfig={STATE}/kubeconfig", "-n", stranger.namespace, "exec", "-i",
               "out", "--", "python3", "-c", code]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            assert 1990 <= int(process.stdout.readline()) <= 2000
            # What the router itself says of a host that no Route has.
            assert b"no available server" in browser.ask(f"nobody.{DOMAIN}").body
            assert reached(stranger, [(NODE, API)]) == {(NODE, API)}
        finally:
            process.stdin.close()
