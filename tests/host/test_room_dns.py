"""Names for a room without DNS: the cluster's own CoreDNS, as the add-ons' role configures it."""

from __future__ import annotations

import secrets
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
import yaml
from ports import free_port

PROJECT = Path(__file__).resolve().parents[2]
COREDNS = "/opt/mnist-lab/bin/coredns"
TEMPLATE = PROJECT / "roles/kube_addons/templates/coredns.yml.j2"
ZONE, ADDRESS = "apps.lab.internal", "192.0.2.7"
A, AAAA, TXT, ANY = 1, 28, 16, 255
NOERROR, REFUSED = 0, 5


def rendered(address: str) -> list[dict]:
    """The objects of the add-on."""
    values = {
        "kube_addons_room_dns_address": address,
        "kube_addons_room_dns_zone": ZONE,
        "kube_addons_forward": True,
    }
    environment = jinja2.Environment(undefined=jinja2.ChainableUndefined, autoescape=False)
    text = environment.from_string(TEMPLATE.read_text()).render(values)
    return [one for one in yaml.safe_load_all(text) if one]


def one(objects: list[dict], kind: str) -> dict:
    return next(each for each in objects if each["kind"] == kind)


def ask(port: int, name: str, kind: int, *, tcp: bool = False) -> tuple[int, list[str], int]:
    """Ask for a name: the code of the answer, the addresses in it, and its length in bytes."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    number = secrets.randbelow(65536)
    question = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0"
    question += struct.pack(">HH", kind, 1)
    flavour = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, flavour) as line:
        line.settimeout(3)
        line.connect(("127.0.0.1", port))
        line.sendall(struct.pack(">H", len(question)) + question if tcp else question)
        answer = line.recv(4096)[2:] if tcp else line.recv(4096)
    assert struct.unpack(">H", answer[:2])[0] == number
    code, count = answer[3] & 0xF, struct.unpack(">H", answer[6:8])[0]
    found = [socket.inet_ntoa(answer[-4:])] if count == 1 and kind == A else []
    return code, found, len(answer) - len(question)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """CoreDNS with the room's part of its configuration, at another port."""
    port = free_port()
    corefile = one(rendered(ADDRESS), "ConfigMap")["data"]["Corefile"]
    part = corefile[corefile.index(f"{ZONE}:5353") :].replace(":5353", f":{port}")
    file = tmp_path_factory.mktemp("room") / "Corefile"
    file.write_text(part)
    with subprocess.Popen([COREDNS, "-conf", str(file)], stdout=subprocess.PIPE, text=True) as run:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as look:
                if look.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
        run.terminate()


@pytest.mark.parametrize("name", [ZONE, f"dashboard.{ZONE}", f"a.b.{ZONE}", f"LOGIN.{ZONE}"])
@pytest.mark.parametrize("tcp", [False, True])
def test_every_name_of_the_base_domain_is_this_machine(room: int, name: str, tcp: bool) -> None:
    code, addresses, _ = ask(room, name, A, tcp=tcp)
    assert (code, addresses) == (NOERROR, [ADDRESS])


@pytest.mark.parametrize("kind", [AAAA, TXT])
def test_other_kinds_of_a_name_are_empty_and_not_an_error(room: int, kind: int) -> None:
    """An error for AAAA would keep resolvers from the address that there is."""
    code, addresses, _ = ask(room, f"dashboard.{ZONE}", kind)
    assert (code, addresses) == (NOERROR, [])


@pytest.mark.parametrize("name", [
    "example.org", "kubernetes.default.svc.cluster.local", "lab.internal", "localhost",
    "xapps.lab.internal", "1.0.0.127.in-addr.arpa", f"{ZONE}.example.org",
])  # fmt: skip
@pytest.mark.parametrize("kind", [A, AAAA, ANY])
def test_everything_else_is_refused_in_no_more_bytes(room: int, name: str, kind: int) -> None:
    code, addresses, more = ask(room, name, kind)
    assert (code, addresses) == (REFUSED, [])
    assert more <= 0, "nobody can be flooded by way of it"


def test_without_the_option_nothing_answers_on_the_machine() -> None:
    objects = rendered("")
    assert "5353" not in yaml.safe_dump_all(objects)
    assert "hostPort" not in yaml.safe_dump_all(objects)


def test_only_the_named_address_is_taken() -> None:
    pod = one(rendered(ADDRESS), "Deployment")["spec"]["template"]["spec"]
    ports = [port for port in pod["containers"][0]["ports"] if "hostPort" in port]
    assert [(port["hostPort"], port["hostIP"], port["protocol"]) for port in ports] == [
        (53, ADDRESS, "UDP"), (53, ADDRESS, "TCP"),
    ]  # fmt: skip
