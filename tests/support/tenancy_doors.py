"""Every door of a cluster: what its Services, its pods and its Routes offer, and who is let in.

Doors are found, not listed: whatever is added to the platform or to a seat is a door, and one that
no rule knows is an error.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest

CLAIMS = Path("/run/mnist-lab/network-policy")
ROUTE = ("route.openshift.io/v1", "Route")

# What a door does to somebody who has no business behind it.
CLOSED = "closed"  # no connection at all
TOKEN = "token"  # asks for a token, and lets in who has rights in its seat
SESSION = "session"  # lets in by its login only, and looks at no token
KEYS = "keys"  # asks for a signature by the object store's keys
ENTRY = "entry"  # asks for a token, and lets in anybody who has one, as themselves
PUBLIC = "public"  # answers anybody, as it should
API = "api"  # the API server, which asks for a token and for rights
DNS = "dns"  # cluster DNS

# Asks all doors at once, from where it runs, and prints the answers in their order: "closed", a
# status with where it redirects to, or "open" for what speaks no HTTP.
ASK = r"""
import concurrent.futures, json, socket, ssl, sys
def ask(one):
    words = None
    for tls in (True, False):
        try:
            where = socket.getaddrinfo(one["host"], one["port"], type=socket.SOCK_STREAM)[0][4]
            raw = socket.socket(socket.AF_INET6 if ":" in one["host"] else socket.AF_INET)
            raw.settimeout(1.5)
            raw.connect(where)
        except OSError:
            return words or "closed"
        raw.settimeout(4)
        words = "open"
        try:
            if tls:
                context = ssl._create_unverified_context()
                raw = context.wrap_socket(raw, server_hostname=one["name"])
            token = "Authorization: Bearer %s\r\n" % one["token"] if one["token"] else ""
            words_sent = "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n"
            raw.sendall((words_sent % (one["path"], one["name"], token)).encode())
            head = b""
            while b"\r\n\r\n" not in head and len(head) < 65536:
                part = raw.recv(4096)
                if not part:
                    break
                head += part
            lines = head.decode("latin-1").split("\r\n")
            if lines[0].startswith("HTTP/1."):
                to = [l[10:] for l in lines if l.lower().startswith("location: ")]
                # A server of TLS answers plain words with a 400 of its own.
                return " ".join([lines[0].split()[1], *to])
        except OSError:
            pass
        finally:
            raw.close()
    return words
with concurrent.futures.ThreadPoolExecutor(48) as pool:
    print(json.dumps(list(pool.map(ask, json.load(sys.stdin)))))
"""


@dataclass(frozen=True)
class Door:
    """One port, of a Service, of a pod or of a Route."""

    what: str
    namespace: str
    host: str
    port: int
    kind: str
    name: str = ""
    """The name by which it is asked, where that is not its address."""
    path: str = "/"
    """What is asked for: something that answers with 200 whom it lets in."""

    def question(self, token: str = "") -> dict[str, str | int]:
        """What `ASK` is told of it."""
        path = f"/api/v1/namespaces/{self.namespace}/secrets" if self.kind == API else self.path
        name = self.name or self.host
        return {"host": self.host, "port": self.port, "path": path, "token": token, "name": name}


PLATFORM = ("default", "kube-system", "lab-platform", "lab-router", "redhat-ods-applications")
MADE = {"app.kubernetes.io/managed-by": "lab-platform"}


def kind_of(subject: Manifest, port: str, number: int) -> str | None:
    """What a port of a Service or of a pod should do to a stranger, by what made it.

    Returns:
        None for what a seat's learner has made: it is theirs to close.

    Raises:
        LookupError: the platform, or a controller of it, has made a door that no rule knows.
    """
    metadata = subject["metadata"]
    labels = metadata.get("labels") or {}
    namespace, name = metadata["namespace"], metadata["name"]
    component = labels.get("app.kubernetes.io/component") or labels.get("component", "")
    if port in ("metrics", "prometheus", "internal"):
        return CLOSED
    if namespace in PLATFORM:
        if name == "kubernetes":
            return API
        if labels.get("k8s-app") == "kube-dns":
            return DNS
        if labels.get("app.kubernetes.io/part-of") == "lab-platform":
            return PUBLIC if port in ("http", "https") else CLOSED
    elif "notebook-name" in labels:
        return SESSION if port in ("oauth-proxy", "kube-rbac-proxy") else CLOSED
    elif MADE.items() <= labels.items():
        if component == "function":
            return PUBLIC
        if component == "object-storage":
            return KEYS
        if component in ("pipeline-server", "database", "model-serving"):
            return TOKEN if port in ("oauth", "oauth-proxy", "https") else CLOSED
    elif not metadata.get("ownerReferences") or subject["kind"] == "Pod":
        return None
    raise LookupError(f"no rule says who may come in at {namespace}/{name} by {port or number}")


# The model that a seat's server has, for its own learner to ask for.
MODEL = "tiny"
_PATHS = {
    "model-serving": f"/v2/models/{MODEL}",
    "pipeline-server": "/apis/v2beta1/experiments",
}


def path_of(subject: Manifest) -> str:
    """What a door of the platform's making is asked for."""
    labels = subject["metadata"].get("labels") or {}
    return _PATHS.get(labels.get("app.kubernetes.io/component", ""), "/")


def fits(kind: str, who: str, answer: str) -> bool:
    """Whether an answer is what a door of that kind gives.

    Args:
        kind: of the door.
        who: "nobody", "another" seat's learner, or its "own".
        answer: as `ASK` prints it.
    """
    status, _, location = answer.partition(" ")
    refused = status in ("401", "403") or (status == "302" and location.startswith("/oauth/login"))
    if kind == CLOSED:
        return answer == "closed"
    if kind == SESSION:
        # As upstream's proxy of a workbench, which looks at no bearer, whoever brings it.
        return refused
    if kind == TOKEN:
        # 503: a server of the lab's that has no model yet refuses all.
        return status == "200" if who == "own" else refused or status == "503"
    if kind == ENTRY:
        return status.isdigit() and refused == (who == "nobody")
    if kind == KEYS:
        # 501: the store knows no such kind of authorization.
        return status in ("401", "403", "501")
    if kind == API:
        return status == "200" if who == "own" else status in ("401", "403")
    return answer != "closed" and not refused


def service_doors(client: KubernetesClient, namespaces: Sequence[str]) -> Iterator[Door]:
    """The ports of Services (TCP); a headless one is a name for pods, whose doors are asked."""
    for namespace in namespaces:
        for service in client.list_objects("v1", "Service", namespace):
            spec, name = service["spec"], service["metadata"]["name"]
            dns = f"{name}.{namespace}.svc.cluster.local"
            address = spec.get("clusterIP") or "None"
            for port in spec.get("ports") or []:
                kind = kind_of({"kind": "Service", **service}, port.get("name", ""), port["port"])
                headless = address == "None" and spec.get("selector")
                if kind and not headless and port.get("protocol", "TCP") == "TCP":
                    host = dns if address == "None" else address
                    what = f"Service {namespace}/{name}"
                    path = path_of(service)
                    yield Door(what, namespace, host, port["port"], kind, dns, path)


def pod_doors(client: KubernetesClient, namespaces: Sequence[str]) -> Iterator[Door]:
    """The ports that the pods' containers name, at the pods' addresses."""
    for namespace in namespaces:
        for pod in client.list_objects("v1", "Pod", namespace):
            spec, status, name = pod["spec"], pod["status"], pod["metadata"]["name"]
            if spec.get("hostNetwork") or status.get("phase") != "Running":
                continue
            for container in [*spec["containers"], *spec.get("initContainers", [])]:
                for port in container.get("ports") or []:
                    if port.get("protocol", "TCP") != "TCP":
                        continue
                    number = port["containerPort"]
                    kind = kind_of({"kind": "Pod", **pod}, port.get("name", ""), number)
                    if kind:
                        what, path = f"Pod {namespace}/{name}", path_of(pod)
                        yield Door(what, namespace, status["podIP"], number, kind, path=path)


def route_doors(client: KubernetesClient, namespaces: Sequence[str], router: str) -> Iterator[Door]:
    """The Routes, at the router, as the Services that they lead to."""
    for namespace in namespaces:
        for route in client.list_objects(*ROUTE, namespace):
            spec, name = route["spec"], route["metadata"]["name"]
            service = client.get("v1", "Service", spec["to"]["name"], namespace) or {}
            wanted = (spec.get("port") or {}).get("targetPort")
            for port in (service.get("spec") or {}).get("ports") or []:
                if wanted not in (None, port.get("name"), port.get("targetPort"), port["port"]):
                    continue
                kind = kind_of({"kind": "Service", **service}, port.get("name", ""), port["port"])
                if kind == CLOSED and namespace in PLATFORM and port.get("name") == "oauth":
                    kind = ENTRY  # the dashboard, to whose proxy the router alone comes
                if kind:
                    number = 443 if spec.get("tls") else 80
                    what, path = f"Route {namespace}/{name}", path_of(service)
                    yield Door(what, namespace, router, number, kind, spec["host"], path)
                break


def link_local(doors: Sequence[Door], claims: Mapping[str, str]) -> Iterator[Door]:
    """The pods' doors at their addresses of IPv6, where no policy opens anything."""
    for door in doors:
        if door.host in claims:
            yield Door(door.what, door.namespace, claims[door.host], door.port, CLOSED)


def link_addresses() -> dict[str, str]:
    """The pods' addresses of IPv6, by those of IPv4: made from what each port of the bridge has."""
    found = {}
    for path in CLAIMS.glob("*.json"):
        claim = json.loads(path.read_text())
        octets = [int(part, 16) for part in claim["mac"].split(":")]
        octets[0] ^= 2
        tail = bytes([*octets[:3], 0xFF, 0xFE, *octets[3:]])
        address = ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + tail)
        found[claim["address"]] = f"{address}%eth0"
    return found
