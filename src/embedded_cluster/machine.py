"""Processes of the embedded cluster on this machine: finding, starting and ending them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from embedded_cluster.layout import Layout
from lab_ground.processes import alive, numbers
from lab_ground.waiting import moments

SYSTEMD_UNITS = ("mnist-lab-containerd.service", "mnist-lab-kubelet.service")
# The cluster is up without it: it takes the snapshots of etcd, and rests in between.
SNAPSHOTS_UNIT = "mnist-lab-snapshots.service"
PROGRAMS = ("containerd", "kubelet", "snapshots")


@dataclass(frozen=True)
class Process:
    """One process of this machine."""

    pid: int
    arguments: tuple[str, ...]

    @property
    def program(self) -> str:
        """Name of the program, without its directory."""
        return Path(self.arguments[0]).name if self.arguments else ""


def processes() -> list[Process]:
    """Every process that has a command line, kernel threads and zombies left out."""
    running = []
    for number in numbers():
        try:
            raw = Path(f"/proc/{number}/cmdline").read_bytes()
        except OSError:
            continue
        if raw:
            words = raw.rstrip(b"\0").split(b"\0")
            arguments = tuple(word.decode(errors="replace") for word in words)
            running.append(Process(number, arguments))
    return running


def is_supervisor(process: Process, layout: Layout) -> bool:
    """Whether this is the cluster's supervisord."""
    return "supervisor.supervisord" in process.arguments and (
        str(layout.configuration / "supervisord.conf") in process.arguments
    )


def is_containerd(process: Process, layout: Layout) -> bool:
    """Whether this is the cluster's containerd, or the script that starts it."""
    return (
        process.program == "containerd"
        and str(layout.configuration / "containerd.toml") in process.arguments
    )


def is_kubelet(process: Process, layout: Layout) -> bool:
    """Whether this is the cluster's kubelet."""
    return layout.begun and is_kubelet_of_kubeadm(process, layout)


def is_kubelet_of_kubeadm(process: Process, layout: Layout) -> bool:
    """Whether this is a kubelet as kubeadm starts it, ours or somebody else's."""
    return (
        process.program == "kubelet"
        and f"--config={layout.kubelet}/config.yaml" in process.arguments
    )


def is_start_script(process: Process, layout: Layout) -> bool:
    """Whether this is a start script that has not become its program yet."""
    scripts = {str(layout.programs / "bin" / f"run-{name}") for name in PROGRAMS}
    return any(argument in scripts for argument in process.arguments[:2])


def is_shim(process: Process, layout: Layout) -> bool:
    """Whether this is the parent of a container of the cluster."""
    return process.program.startswith("containerd-shim") and (
        str(layout.containerd_socket) in process.arguments
    )


def of_kind(kind: Callable[[Process, Layout], bool], layout: Layout) -> list[Process]:
    """The processes of one kind."""
    return [process for process in processes() if kind(process, layout)]


def end(pids: Iterable[int], *, patience: float = 10) -> None:
    """End processes: ask, wait, then insist."""
    waiting = [pid for pid in pids if alive(pid)]
    for signal_number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        for pid in waiting:
            try:
                os.kill(pid, signal_number)
            except ProcessLookupError:
                continue
        for _ in moments(seconds, 0.05):
            waiting = [pid for pid in waiting if alive(pid)]
            if not waiting:
                return


def has_systemd() -> bool:
    """Whether PID 1 is systemd."""
    return Path("/run/systemd/system").is_dir()


def supervised(layout: Layout) -> bool:
    """Whether the supervisor of the cluster runs."""
    if has_systemd():
        states = subprocess.run(
            ["systemctl", "is-active", *SYSTEMD_UNITS], capture_output=True, text=True, check=False
        ).stdout.split()
        return states == ["active"] * len(SYSTEMD_UNITS)
    return bool(of_kind(is_supervisor, layout))


def start_supervision(layout: Layout) -> None:
    """Start the supervisor, after ending what an earlier one left without a parent."""
    if has_systemd():
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        subprocess.run(["systemctl", "enable", "--now", *SYSTEMD_UNITS, SNAPSHOTS_UNIT], check=True)
        return
    orphans = [
        process.pid
        for kind in (is_kubelet, is_containerd, is_start_script)
        for process in of_kind(kind, layout)
    ]
    end(orphans)
    keep_supervisor(layout)
    for name in ("supervisord.pid", "supervisor.sock"):
        (layout.runtime / name).unlink(missing_ok=True)
    subprocess.run(
        [str(layout.programs / "bin/supervisor")],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def keep_supervisor(layout: Layout) -> None:
    """Copy the supervisor's package out of this environment, which may go away."""
    package = importlib.util.find_spec("supervisor")
    target = layout.programs / "lib/supervisor"
    if package is None or package.origin is None:
        if target.exists():
            return
        raise SystemExit(
            "The Python package supervisor is needed where systemd is not PID 1: "
            "pip install -r requirements/lab.lock"
        )
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(
        Path(package.origin).parent, target, ignore=shutil.ignore_patterns("__pycache__", "tests")
    )


def restart(program: str, layout: Layout) -> None:
    """Restart a supervised program; running containers are not touched."""
    if has_systemd():
        subprocess.run(["systemctl", "restart", f"mnist-lab-{program}.service"], check=True)
    else:
        control(layout, "restart", program)


def stop(program: str, layout: Layout) -> None:
    """Stop a supervised program until it is restarted; running containers go on."""
    if has_systemd():
        subprocess.run(["systemctl", "stop", f"mnist-lab-{program}.service"], check=True)
    else:
        control(layout, "stop", program)


def take_up(layout: Layout) -> None:
    """Have the supervisor read its configuration again, and run what is new in it."""
    if has_systemd():
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        subprocess.run(["systemctl", "enable", "--now", *SYSTEMD_UNITS, SNAPSHOTS_UNIT], check=True)
    else:
        control(layout, "update")
    restart("snapshots", layout)


def control(layout: Layout, *words: str) -> None:
    """Tell the supervisor to do something."""
    subprocess.run(
        [str(layout.programs / "bin/supervisor"), "ctl", *words],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def stop_supervision(layout: Layout) -> None:
    """Stop the supervisor with containerd and the kubelet; containers go on."""
    if has_systemd():
        subprocess.run(
            ["systemctl", "disable", "--now", *SYSTEMD_UNITS, SNAPSHOTS_UNIT],
            check=False,
            capture_output=True,
        )
    end([process.pid for process in of_kind(is_supervisor, layout)], patience=30)
    end(
        process.pid
        for kind in (is_kubelet, is_containerd, is_start_script)
        for process in of_kind(kind, layout)
    )


def wait_for(condition: Callable[[], bool], seconds: float, interval: float = 0.1) -> bool:
    """Wait until the condition holds; tells whether it came to hold in time."""
    return any(condition() for _ in moments(seconds, interval))
