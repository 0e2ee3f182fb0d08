#!/usr/bin/python
"""Keep other resets away from seats for the length of a playbook run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_seat_lease
short_description: Hold the Leases of seats for the length of a playbook run
description:
  - Takes (C(state=held)) or gives back (C(state=free)) the Lease C(lab-reset) of each namespace
    for the process I(pid), which is the playbook's own.
  - A process of its own keeps them for as long as I(pid) and what it started live, and gives
    them back when they have ended, in whatever way. Where that process was killed too they end
    by themselves after 15 seconds.
  - In check mode it touches nothing and waits for nobody.
options:
  namespaces:
    description: The seats' namespaces.
    type: list
    elements: str
    required: true
  namespace_labels:
    description:
      - Labels by which a lab's namespace is known. Nothing is touched unless each of
        I(namespaces) carries all of them.
    type: dict
    required: true
  pid:
    description: Number of the process that holds the Leases.
    type: int
    required: true
  state:
    description: Whether to hold the Leases or to give them back.
    type: str
    choices: [held, free]
    default: held
  timeout:
    description: Seconds to wait for another reset of the seats to end.
    type: int
    default: 900
  kubeconfig:
    description: Path of the kubeconfig; the environment's when left out.
    type: path
author:
  - The MNIST lab suite
"""

EXAMPLES = r"""
- name: Keep other resets out
  lab_seat_lease:
    namespaces: [mnist-3]
    namespace_labels: {app.kubernetes.io/part-of: mnist-lab}
    pid: 1234
"""

RETURN = r"""
identity:
  description: By what name the Leases are held.
  type: str
  returned: always
"""

import socket
import time

from ansible.module_utils.basic import AnsibleModule

from lab_ground.processes import Watched, start_time
from lab_reset import cluster as clusters
from lab_reset import keeper, lease

# What the keeper says when all is well.
HELD = "held"


def leases_of(params, identity):
    """Return the seats' Leases, in one order for everybody, with connections of their own."""
    seats = [
        clusters.open_seat(params["kubeconfig"], namespace, params["namespace_labels"])
        for namespace in sorted(set(params["namespaces"]))
    ]
    version, kind = "coordination.k8s.io/v1", "Lease"
    return [lease.Lease(seat.api(version, kind), seat.namespace, identity) for seat in seats]


def take_all(leases, timeout):
    """Take every Lease, or none.

    Raises:
        LeaseHeldError: another reset held one of them all the time.
    """
    end = time.monotonic() + timeout
    for position, held in enumerate(leases):
        try:
            held.take(max(0, end - time.monotonic()))
        except lease.LeaseHeldError:
            for earlier in leases[:position]:
                earlier.release()
            raise


def hold(params, identity, report):
    """Take the Leases, report "held" or why not, and keep them while the holder lives."""
    watched = Watched(params["pid"])
    try:
        leases = leases_of(params, identity)
        kept = all(held.holder() == identity for held in leases)
        take_all(leases, params["timeout"])
    except Exception as error:
        report(told(error))
        return
    report(HELD)
    if not kept:
        keeper.keep(leases, watched)


def give_back(params, identity):
    """Give the Leases back; return what went wrong."""
    try:
        leases = leases_of(params, identity)
        lost = [held.namespace for held in leases if not held.release()]
    except Exception as error:
        return told(error)
    return lost and (
        f"while this ran, another reset took over {', '.join(lost)}: this one had not been able "
        "to renew its Lease. Run it again"
    )


def told(error):
    """Return an error as a sentence."""
    if isinstance(error, clusters.ResetError | lease.LeaseHeldError):
        return str(error)
    return f"the seats' Leases cannot be written ({type(error).__name__}: {error})"


def look(params, identity):
    """Only see whether the seats are a lab's; return what is wrong."""
    try:
        leases_of(params, identity)
    except Exception as error:
        return told(error)
    return ""


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "namespaces": {"type": "list", "elements": "str", "required": True},
            "namespace_labels": {"type": "dict", "required": True},
            "pid": {"type": "int", "required": True},
            "state": {"type": "str", "default": "held", "choices": ["held", "free"]},
            "timeout": {"type": "int", "default": 900},
            "kubeconfig": {"type": "path"},
        },
        supports_check_mode=True,
    )
    params, started = module.params, start_time(module.params["pid"])
    if started is None:
        module.fail_json(msg=f"there is no process {params['pid']} that could hold the Leases")
    identity = f"{socket.gethostname()}-{params['pid']}-{started}"
    if module.check_mode:
        wrong = look(params, identity)
    elif params["state"] == "free":
        wrong = give_back(params, identity)
    else:
        said = keeper.detach(lambda report: hold(params, identity, report))
        wrong = "" if said == HELD else said or "the process that keeps the Leases did not start"
    if wrong:
        module.fail_json(msg=wrong)
    module.exit_json(changed=False, identity=identity)


if __name__ == "__main__":
    main()
