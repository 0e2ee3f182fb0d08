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
from ansible.module_utils.lab_process import Watched, start_time
from ansible.module_utils.lab_reset import cluster as clusters
from ansible.module_utils.lab_reset import keeper, lease


def leases_of(params, identity):
    """Return the seats' Leases, in one order for everybody, with connections of their own."""
    seats = [
        clusters.open_seat(params["kubeconfig"], namespace, params["namespace_labels"])
        for namespace in sorted(set(params["namespaces"]))
    ]
    version, kind = "coordination.k8s.io/v1", "Lease"
    return [lease.Lease(seat.api(version, kind), seat.namespace, identity) for seat in seats]


def keep_for(connect, pid):
    """Keep the Leases that ``connect`` returns for as long as the process ``pid`` lives."""
    watched = Watched(pid)
    while watched.lives():
        try:
            leases = connect()
        except Exception:
            # The API is away for a moment.
            time.sleep(keeper.RETRY_AFTER)
            continue
        keeper.keep(leases, watched)
        return


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
    params, pid = module.params, module.params["pid"]
    if start_time(pid) is None:
        module.fail_json(msg=f"there is no process {pid} that could hold the seats' Leases")
    identity = f"{socket.gethostname()}-{pid}-{start_time(pid)}"

    def connect():
        return leases_of(params, identity)

    try:
        leases = connect()
        if module.check_mode:
            pass
        elif params["state"] == "free":
            lost = [held.namespace for held in leases if not held.release()]
            if lost:
                module.fail_json(
                    msg=f"while this ran, another reset took over {', '.join(lost)}: this one had "
                    "not been able to renew its Lease. Run it again"
                )
        elif any(held.holder() != identity for held in leases):
            take_all(leases, params["timeout"])
            keeper.detach(lambda: keep_for(connect, pid))
    except (clusters.ResetError, lease.LeaseHeldError) as error:
        module.fail_json(msg=str(error))
    except Exception as error:
        module.fail_json(
            msg=f"the seats' Leases cannot be written ({type(error).__name__}: {error})"
        )
    module.exit_json(changed=False, identity=identity)


if __name__ == "__main__":
    main()
