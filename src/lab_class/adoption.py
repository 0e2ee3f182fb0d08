"""What a fresh checkout takes over from a cluster that is there already.

The administrator's kubeconfig where the cluster is this machine's own, the authority that signs the
Routes' certificates, and the list of seats.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from embedded_cluster.cluster import write_kubeconfig
from embedded_cluster.layout import Layout
from lab_class import record
from lab_ground.connections import decode_secret
from lab_ground.files import write_whole
from lab_ground.kubernetes.manifest import Manifest

AUTHORITY = "lab-ca"
CERTIFICATE = "tls.crt"
OWN_CERTIFICATE, OWN_AUTHORITY = "lab-own-certificate", "ca.crt"
OPERATORS = "lab-operators"
DOMAIN_VARIABLE, DOMAIN_FILE = "LAB_BASE_DOMAIN", "base-domain"
# What is asked of the cluster, all in `record.NAMESPACE`: API version, kind, name.
WANTED = (
    ("v1", "Secret", OWN_CERTIFICATE),
    ("v1", "Secret", AUTHORITY),
    ("v1", "ConfigMap", record.NAME),
    ("apps/v1", "Deployment", OPERATORS),
)


def adopt_kubeconfig(layout: Layout, target: Path) -> bool:
    """Give the checkout the kubeconfig of this machine's cluster; return whether it changed."""
    if not layout.admin_kubeconfig.exists():
        return False
    return write_kubeconfig(layout, target, check=False)


def adopt_objects(found: Iterable[Manifest], state: Path, authority: Path | None) -> list[str]:
    """Keep what the cluster's objects tell; return what changed in the checkout.

    ``authority`` is where the CA's certificate is kept, None where the checkout does not keep it.

    Raises:
        ClassError: the cluster's list of seats cannot be read.
    """
    changed = []
    # Before the lab's own authority, which goes on to sign what is no host right below the domain.
    above = ""
    for item in found:
        kind, name = item["kind"], item["metadata"]["name"]
        if (kind, name) == ("Secret", OWN_CERTIFICATE):
            above = decode_secret(item)[0].get(OWN_AUTHORITY, "")
        elif (kind, name) == ("Secret", AUTHORITY) and authority is not None:
            if _keep(authority, above + decode_secret(item)[0].get(CERTIFICATE, "")):
                changed.append(str(authority))
        elif (kind, name) == ("ConfigMap", record.NAME):
            kept = record.of_config_map(item)
            if kept is not None and record.write_file(state, kept):
                changed.append(str(state / record.FILE))
        elif (
            (kind, name) == ("Deployment", OPERATORS)
            and authority is not None
            and _keep_domain(item, state / DOMAIN_FILE)
        ):
            changed.append(str(state / DOMAIN_FILE))
    return changed


def _keep_domain(operators: Manifest, path: Path) -> bool:
    """Keep the base domain of the Routes, which the controllers are told."""
    containers = operators["spec"]["template"]["spec"]["containers"]
    told = [
        str(variable.get("value") or "")
        for container in containers
        for variable in container.get("env") or []
        if variable["name"] == DOMAIN_VARIABLE
    ]
    return _keep(path, f"{told[0]}\n" if told and told[0] else "")


def _keep(path: Path, text: str) -> bool:
    """Write what there is where the checkout has something else; return whether it had."""
    if not text or (path.exists() and path.read_bytes() == text.encode()):
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, text)
    return True


if __name__ == "__main__":
    adopt_kubeconfig(Layout(), Path(sys.argv[1]))
