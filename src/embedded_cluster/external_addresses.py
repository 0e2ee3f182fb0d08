"""Finds out whether a cluster lets a project's Service claim addresses that are not its own.

A Service's ``externalIPs`` make every node send what is meant for these addresses to the Service's
pods: another project's, the node's own, a server's outside. Kubernetes allows it unless the API
server has the admission plugin DenyServiceExternalIPs (OpenShift has its own). No object tells
which, so the API server is asked to try, and to keep nothing (a dry run).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence

# An address for documentation: nobody's, should it ever be kept (RFC 5737).
NOBODY = "192.0.2.1"
PROBE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"generateName": "may-a-service-claim-addresses-"},
    "spec": {"externalIPs": [NOBODY], "ports": [{"port": 443}]},
}
OPEN = (
    "Services may claim addresses of others (externalIPs): who may make a Service in a seat can "
    "take over another seat's ports and the nodes' own. Ask who runs the cluster to switch on the "
    "admission plugin DenyServiceExternalIPs before strangers share it."
)
REFUSED = "Services cannot claim addresses of others (externalIPs)."
# The words of a refusal by admission: the plugin's, and OpenShift's.
ADMISSION = ("external ips is denied", "externalip", "external ip")
# What authorization says of somebody who may make no Service there.
NO_RIGHT = "cannot create resource"


def judge(code: int, said: str) -> bool | None:
    """Whether the answer to the probe means that such Services are admitted; None: it does not say.

    Args:
        code: kubectl's exit code.
        said: what it printed as error.
    """
    if code == 0:
        return True
    words = said.casefold()
    if NO_RIGHT in words:
        return None
    return False if any(refusal in words for refusal in ADMISSION) else None


def ask(kubectl: Sequence[str], namespaces: Iterable[str]) -> bool | None:
    """Whether the cluster admits such Services, by the first of the namespaces that tells.

    Args:
        kubectl: the client, with the options that lead it to the cluster.
        namespaces: where to try; one that is absent, or where the caller may make no Service,
            tells nothing.
    """
    for namespace in namespaces:
        command = [*kubectl, "--request-timeout=3s", f"--namespace={namespace}", "create",
                   "--dry-run=server", "--output=name", "--filename=-"]  # fmt: skip
        try:
            done = subprocess.run(
                command, input=json.dumps(PROBE), capture_output=True, text=True,
                check=False, timeout=5,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None
        if (answer := judge(done.returncode, done.stderr)) is not None:
            return answer
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what there is to say against the cluster; nothing where there is nothing."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--kubectl", default="kubectl")
    parser.add_argument("namespaces", nargs="+")
    given = parser.parse_args(arguments)
    if ask([given.kubectl], given.namespaces):
        print(OPEN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
