"""The embedded cluster as a whole: what state it is in, and bringing it up.

The cluster belongs to the machine: a record in /etc/mnist-lab says what it was made as, and every
checkout that finds it there adopts it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Collection
from pathlib import Path

from embedded_cluster import encryption, kubelet_log, machine, reconfigure
from embedded_cluster.layout import Layout
from lab_ground.files import write_json, write_whole
from lab_ground.processes import descendants
from lab_ground.waiting import moments

# Raised when a cluster made by an older recipe cannot be brought to the present one in place.
RECIPE = 1
# In the record: which of the Secrets in etcd are encrypted.
ENCRYPTED = "secrets_encrypted"


def read_record(layout: Layout) -> dict[str, str] | None:
    """What the cluster on this machine was made as, or None where there is none of ours."""
    try:
        record = json.loads(layout.record.read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def api_health(layout: Layout, path: str = "/readyz", timeout: float = 1.5) -> str:
    """The API server's own answer about its health, or why there is none."""
    authority = layout.kubernetes / "pki/ca.crt"
    if not authority.exists():
        return "it has no certificate authority yet"
    try:
        context = ssl.create_default_context(cafile=str(authority))
        with urllib.request.urlopen(
            f"https://127.0.0.1:6443{path}", timeout=timeout, context=context
        ) as answer:
            return str(answer.read(200).decode(errors="replace"))
    except OSError as error:
        return str(error)


def inspect(layout: Layout, required: dict[str, str]) -> dict[str, object]:
    """The state of the cluster on this machine against what is wanted.

    `state` is one of: absent, unfinished, incompatible, stopped, unhealthy, healthy.
    """
    record = read_record(layout)
    leftovers = [
        path for path in (layout.kubernetes / "manifests", layout.data / "etcd") if path.exists()
    ]
    if record is None:
        state = "unfinished" if leftovers and layout.configuration.exists() else "absent"
        return {"state": state, "record": None, "differences": []}
    differences = [
        f"{key} is {record.get(key, 'unknown')} and {value} is wanted"
        for key, value in sorted({**required, "recipe": str(RECIPE)}.items())
        if str(record.get(key)) != value
    ]
    if differences:
        state = "incompatible"
    elif not machine.supervised(layout):
        state = "stopped"
    else:
        state = "healthy" if api_health(layout) == "ok" else "unhealthy"
    return {"state": state, "record": record, "differences": differences}


def ensure_supervised(layout: Layout, *, check: bool) -> bool:
    """See to it that containerd and the kubelet run under the supervisor; tells if that was new."""
    if machine.supervised(layout):
        return False
    if not check:
        machine.start_supervision(layout)
        if not machine.wait_for(lambda: containerd_answers(layout), 60):
            raise SystemExit(
                f"containerd did not answer within 60 s; its log is {layout.logs}/containerd.log"
            )
    return True


def containerd_answers(layout: Layout) -> bool:
    """Whether containerd serves requests."""
    done = subprocess.run(
        ["ctr", "-a", str(layout.containerd_socket), "--timeout", "2s", "version"],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def initialise(layout: Layout, configuration: Path, record: dict[str, str], *, check: bool) -> bool:
    """Run kubeadm unless the control plane is as it is configured; tells whether it ran."""
    present = read_record(layout)
    configured = reconfigure.digest(configuration)
    if present is not None and present.get("configuration") == configured:
        return False
    if check:
        return True
    encryption.make_key(layout)
    if present is not None:
        reconfigure.apply(layout, configuration)
        write_json(layout.record, {**present, "configuration": configured})
        return True
    if (layout.kubernetes / "manifests").exists():
        clear_unfinished(layout)
    log = layout.logs / "kubeadm.log"
    with log.open("w") as stream:
        done = subprocess.run(
            [
                str(layout.programs / "bin/kubeadm"),
                "init",
                f"--config={configuration}",
                "--skip-token-print",
                "--skip-phases=show-join-command,addon/coredns,bootstrap-token,upload-config,upload-certs",
            ],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={"PATH": f"{layout.programs}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
            check=False,
        )
    if done.returncode != 0:
        lines = log.read_text(errors="replace").splitlines()
        raise SystemExit(
            "\n".join(lines[-25:])
            + f"\nkubeadm did not bring the control plane up. The kubelet's last complaint: "
            f"{kubelet_log.complaint(layout) or 'none'}. kubeadm's own words: {log}"
        )
    write_json(
        layout.record,
        {**record, "recipe": str(RECIPE), "configuration": configured, ENCRYPTED: "all"},
    )
    return True


def encrypt_secrets(layout: Layout, *, check: bool) -> bool:
    """Encrypt what a cluster stored before it had the key, once; tells whether that was due."""
    record = read_record(layout)
    if record is None or ENCRYPTED in record:
        return False
    if not check:
        kubectl = [str(layout.programs / "bin/kubectl"), f"--kubeconfig={layout.admin_kubeconfig}"]
        encryption.encrypt_stored(kubectl)
        write_json(layout.record, {**record, ENCRYPTED: "all"})
    return True


def clear_unfinished(layout: Layout) -> None:
    """Take away what a kubeadm that did not finish left, so that it can start anew."""
    machine.stop_supervision(layout)
    end_containers(layout)
    for path in (layout.kubernetes, layout.data / "etcd", layout.kubelet / "pki"):
        shutil.rmtree(path, ignore_errors=True)
    # Of what never came up; the next etcd is another, and begins behind them.
    snapshots, former = layout.data / "snapshots", layout.data / "snapshots.former"
    if snapshots.exists():
        shutil.rmtree(former, ignore_errors=True)
        snapshots.rename(former)
    for name in ("config.yaml", "kubeadm-flags.env"):
        (layout.kubelet / name).unlink(missing_ok=True)
    ensure_supervised(layout, check=False)


def end_containers(layout: Layout) -> None:
    """End every container of the cluster with its shim."""
    shims = [process.pid for process in machine.of_kind(machine.is_shim, layout)]
    machine.end(descendants(shims), patience=5)
    machine.end(shims, patience=5)


def inside_containers(layout: Layout, names: Collection[str]) -> list[int]:
    """Return the processes of the cluster's containers that run one of these programs."""
    shims = [process.pid for process in machine.of_kind(machine.is_shim, layout)]
    inside = set(descendants(shims))
    return [one.pid for one in machine.processes() if one.pid in inside and one.program in names]


def write_kubeconfig(layout: Layout, target: Path, *, check: bool) -> bool:
    """Give a checkout the administrator's kubeconfig, with an address that always answers."""
    if not layout.admin_kubeconfig.exists():
        return True
    lines = []
    for line in layout.admin_kubeconfig.read_text().splitlines():
        name = line.strip()
        if name.startswith("server:"):
            line = line[: line.index("server:")] + "server: https://127.0.0.1:6443"
        lines.append(line)
    text = "\n".join(lines) + "\n"
    if target.exists() and target.read_text() == text and target.stat().st_mode & 0o777 == 0o600:
        return False
    if not check:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(target, text, 0o600)
    return True


def wait_ready(layout: Layout, seconds: float) -> None:
    """Wait until the API server says it is ready; raise with its last answer otherwise."""
    shaken = False
    answer = ""
    for seconds_left in moments(seconds, 0.2):
        if (answer := api_health(layout)) == "ok":
            return
        if seconds_left < seconds / 2 and not shaken:
            # A kubelet that lost its way backs off for minutes; a new one looks at once.
            shaken = True
            machine.restart("kubelet", layout)
    raise SystemExit(
        f"The API server was not ready within {seconds:.0f} s: {answer}. "
        f"Logs: {layout.logs}/kubelet.log and /var/log/pods."
    )


def kubectl(layout: Layout, *words: str) -> subprocess.CompletedProcess[str]:
    """Run kubectl as the administrator."""
    return subprocess.run(
        [
            str(layout.programs / "bin/kubectl"),
            f"--kubeconfig={layout.admin_kubeconfig}",
            "--request-timeout=5s",
            *words,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


ACTIONS = ("inspect", "supervise", "take-up", "restart", "initialise", "wait")
ADDONS = (("kube-system", "coredns"), ("local-path-storage", "local-path-provisioner"))


def missing(layout: Layout) -> list[str]:
    """What the cluster still lacks before a person can use it, in sentences."""
    done = kubectl(layout, "get", "nodes,deployments", "-A", "-o", "json")
    if done.returncode != 0:
        return [f"the API server does not answer: {done.stderr.strip()}"]
    items = json.loads(done.stdout)["items"]
    problems = []
    for node in (item for item in items if item["kind"] == "Node"):
        conditions = {c["type"]: c for c in node.get("status", {}).get("conditions", [])}
        ready = conditions.get("Ready", {})
        if ready.get("status") != "True":
            problems.append(
                f"the node {node['metadata']['name']} is not ready: "
                f"{ready.get('message', 'it has not reported yet')}"
            )
    deployments = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): item
        for item in items
        if item["kind"] == "Deployment"
    }
    for namespace, name in ADDONS:
        item = deployments.get((namespace, name))
        if item is None:
            problems.append(f"the Deployment {namespace}/{name} is missing")
        elif not item.get("status", {}).get("availableReplicas"):
            problems.append(f"the Deployment {namespace}/{name} has no available pod")
    return problems


def wait_available(layout: Layout, seconds: float) -> None:
    """Wait until the node and the add-ons serve; raise with what is missing otherwise."""
    problems: list[str] = []
    for _ in moments(seconds, 0.3):
        if not (problems := missing(layout)):
            return
    raise SystemExit(f"The cluster was not complete within {seconds:.0f} s: {'; '.join(problems)}.")


def main() -> int:
    """Do one step; the result is one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--wanted", type=json.loads, default={})
    parser.add_argument("--configuration", type=Path)
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--program", choices=[*machine.PROGRAMS])
    parser.add_argument("--timeout", type=float, default=180)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    layout = Layout()
    if arguments.action == "inspect":
        print(json.dumps(inspect(layout, arguments.wanted)))
    elif arguments.action == "supervise":
        print(json.dumps({"changed": ensure_supervised(layout, check=arguments.check)}))
    elif arguments.action == "restart":
        machine.restart(arguments.program, layout)
        print(json.dumps({"changed": True}))
    elif arguments.action == "take-up":
        machine.take_up(layout)
        print(json.dumps({"changed": True}))
    elif arguments.action == "wait":
        wait_available(layout, arguments.timeout)
        print(json.dumps({"changed": False}))
    else:
        changed = initialise(
            layout, arguments.configuration, arguments.wanted, check=arguments.check
        )
        if not arguments.check:
            wait_ready(layout, arguments.timeout)
        changed |= encrypt_secrets(layout, check=arguments.check)
        changed |= write_kubeconfig(layout, arguments.kubeconfig, check=arguments.check)
        print(json.dumps({"changed": changed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
