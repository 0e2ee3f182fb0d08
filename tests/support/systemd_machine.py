"""A machine whose PID 1 is systemd, beside this one: for what only such a machine can show."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from embedded_cluster.layout import cache_directory
from lab_ground.waiting import wait_for

PROJECT = Path(__file__).resolve().parents[2]
BOOT = PROJECT / "tests" / "roles" / "systemd" / "boot.sh"
CACHE = cache_directory()
TREE = Path("/srv/lab")
PATHS = "/opt/mnist-lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def packages() -> list[str]:
    """What a bare Debian with systemd has, and what the cluster's roles would install."""
    defaults = (PROJECT / "roles/kube_runtime/defaults/main.yml").read_text(encoding="utf-8")
    ours = yaml.safe_load(defaults)["kube_runtime_packages"]
    return ["systemd-sysv", "dbus", "python3", "python3-venv", "ca-certificates", "procps", *ours]


class SystemdMachine:
    """Built from the Debian mirror; boots, runs commands, loses its power, boots again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._root = directory / "root"
        self._tree = directory / "tree"
        self._name = f"lab-systemd-{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the machine says while it boots."""
        return self._directory / "boot.log"

    def build(self) -> None:
        """Make its disk: Debian, and a clone of this tree."""
        archive = self._directory / "root.tar"
        environment = {**os.environ, "LAB_BASE_PACKAGES": ",".join(packages())}
        script = PROJECT / "images" / "base" / "build-base.sh"
        subprocess.run(
            [script, archive], env=environment, check=True, capture_output=True, timeout=900
        )
        self._root.mkdir()
        subprocess.run(["tar", "-C", self._root, "-xf", archive], check=True, timeout=300)
        archive.unlink()
        # Without a way out there is nobody to ask; the file has to be there all the same.
        (self._root / "etc/resolv.conf").touch()
        for unit in ("systemd-firstboot", "systemd-networkd", "containerd"):
            (self._root / f"etc/systemd/system/{unit}.service").symlink_to("/dev/null")
        subprocess.run(["git", "clone", "-q", PROJECT, self._tree], check=True, timeout=120)

    def boot(self) -> None:
        """Switch on; return once systemd has nothing more to start."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [BOOT, self._root, self._name, CACHE, self._tree],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.wait(self._is_up, 90, "systemd to have started everything")

    def run(self, command: str, timeout: int = 300) -> str:
        """Run a command inside, in the tree; return what it prints, fail with it if it fails."""
        done = self._enter(command, timeout)
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def ask(self, command: str) -> str:
        """Like `run`, but a failure is an answer too."""
        return self._enter(command, 30).stdout.strip()

    def wait(self, true: Callable[[], bool], seconds: float, what: str) -> float:
        """Wait for something inside; return the seconds that it took."""
        began = time.monotonic()
        wait_for(true, seconds, what, 0.5)
        return time.monotonic() - began

    def cut_power(self) -> None:
        """Every process ends at once, as when the plug is pulled."""
        if self._process is not None:
            if self._process.poll() is None:
                os.kill(self._first_process(), signal.SIGKILL)
            self._process.wait(timeout=60)
            self._process = None

    def remove(self) -> None:
        """Switch off, and remove its control groups."""
        self.cut_power()
        for group in Path("/sys/fs/cgroup").glob(f"**/{self._name}"):
            for inner in sorted(group.rglob("*"), key=lambda path: -len(path.parts)):
                if inner.is_dir():
                    inner.rmdir()
            group.rmdir()

    def _is_up(self) -> bool:
        assert self._process is not None, "the machine is off"
        assert self._process.poll() is None, f"it did not boot: {self.log.read_text()[-2000:]}"
        first = self._children()
        command = Path(f"/proc/{first[0]}/cmdline") if first else None
        if command is None or not command.exists() or b"systemd" not in command.read_bytes()[:40]:
            return False
        return self.ask("systemctl is-system-running") in ("running", "degraded")

    def _children(self) -> list[int]:
        assert self._process is not None, "the machine is off"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def _first_process(self) -> int:
        pids = self._children()
        assert pids, f"the machine is off: {self.log.read_text()[-2000:]}"
        return pids[0]

    def _enter(self, command: str, timeout: int) -> subprocess.CompletedProcess[str]:
        inside = ["nsenter", "-t", str(self._first_process()), "-m", "-u", "-i", "-n", "-p", "-C"]
        clean = ["env", "-i", f"PATH={PATHS}", "HOME=/root", "LANG=C.UTF-8", f"LAB_CACHE={CACHE}"]
        return subprocess.run(
            [*inside, *clean, "sh", "-c", f"cd {TREE} && {command}"],
            capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip
