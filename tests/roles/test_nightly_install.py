"""The nightly timer, put in place in directories of a test: by systemd and by cron, and removed.

The machine's own programs are stood in for by some that note what they were asked. What is
installed is then run, as systemd and cron would run it.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
HOOK_PATH = "/hush-hush"

SYSTEMCTL = """#!/bin/sh
echo "systemctl $*" >>"$STATE/calls"
case "$*" in
    show*)
        [ -e "$STATE/started" ] && echo ActiveState=active || echo ActiveState=inactive
        cd "$STATE/units" && ls mnist-lab-nightly.timer >/dev/null 2>&1 &&
            echo LoadState=loaded || echo LoadState=not-found ;;
    is-enabled*) [ -e "$STATE/enabled" ] && echo enabled || { echo disabled; exit 1; } ;;
    enable*) touch "$STATE/enabled" ;;
    disable*) rm -f "$STATE/enabled" ;;
    start*) touch "$STATE/started" ;;
    stop*) rm -f "$STATE/started" ;;
esac
"""
DPKG_QUERY = """#!/bin/sh
[ -e "$STATE/has-cron" ] && echo "cron installed" || exit 1
"""
APT_GET = """#!/bin/sh
echo "apt-get $*" >>"$STATE/calls"
case "$*" in
    *install*) touch "$STATE/has-cron" ;;
    *remove*) rm -f "$STATE/has-cron" ;;
esac
"""
SERVICE = """#!/bin/sh
echo "service $*" >>"$STATE/calls"
case "$*" in
    "cron status") [ -e "$STATE/runs-cron" ] ;;
    "cron start") touch "$STATE/runs-cron" ;;
esac
"""
# The nightly run itself is the real one; what it starts is noted.
LAB = f"""#!/bin/sh
echo "$PATH|$LAB_INVENTORY|$LAB_CACHE|${{KUBECONFIG:-}}|$*" >>calls
case "$*" in
    "run run-nightly"*) shift 2; here=$PWD; cd {REPOSITORY}; exec {PROGRAMS}/ansible-playbook \
        playbooks/run-nightly.yml -e "{{\\"lab_nightly_directory\\": \\"$here\\"}}" "$@" ;;
esac
"""


class Hook(http.server.BaseHTTPRequestHandler):
    """Keeps what was posted to it."""

    def do_POST(self) -> None:
        self.server.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output readable."""


@pytest.fixture(name="webhook")
def webhook_server() -> Iterator[http.server.HTTPServer]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    server.posted = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(timeout=5)


def program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Machine:
    """A machine in a directory: its systemd, its cron, and a checkout whose path needs quoting."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings, self.units, self.cron = root / "settings", root / "units", root / "cron.d"
        self.checkout = root / "the lab"
        for directory in (self.units, self.cron, self.checkout):
            directory.mkdir()
        (self.cron / "somebodys").write_text("0 0 * * * root true\n")
        program(root / "bin/systemctl", SYSTEMCTL)
        program(root / "bin/dpkg-query", DPKG_QUERY)
        program(root / "bin/apt-get", APT_GET)
        program(root / "bin/service", SERVICE)
        program(self.checkout / "lab", LAB)

    def play(self, name: str, *options: str, **environment: str) -> str:
        """Run one of the playbooks with the test's directories."""
        variables = {
            "lab_nightly_directory": str(self.checkout),
            "lab_nightly_settings": str(self.settings),
            "lab_nightly_units": str(self.units),
            "lab_nightly_cron_directory": str(self.cron),
            "lab_nightly_lock": str(self.root / "lock"),
            "lab_nightly_phase_minutes": 1,
        }
        done = subprocess.run(
            [
                "ansible-playbook", f"playbooks/{name}.yml", "--diff",
                "-e", json.dumps(variables), *options,
            ],
            cwd=REPOSITORY, check=False, text=True, capture_output=True, timeout=120,
            env={
                **os.environ, "STATE": str(self.root),
                "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", **environment,
            },
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def files(self) -> set[str]:
        """What is there of the nightly run."""
        found = [*self.settings.rglob("*"), *self.units.iterdir(), *self.cron.iterdir()]
        return {str(path.relative_to(self.root)) for path in found}

    def calls(self, word: str) -> list[str]:
        """What a program was asked."""
        notes = self.root / "calls"
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [line for line in lines if line.startswith(word)]

    def lab_calls(self) -> list[list[str]]:
        """PATH, inventory, cache, kubeconfig and words of each call of the launcher."""
        return [line.split("|") for line in (self.checkout / "calls").read_text().splitlines()]

    def command(self, scheduler: str) -> str:
        """What systemd or cron runs, as a line for a shell."""
        if scheduler == "cron":
            line = (self.cron / "mnist-lab-nightly").read_text().splitlines()[-1]
            assert line.startswith("30 2 * * * root ")
            return line.split(" root ", 1)[1].replace("\\%", "%")
        unit = dict(re.findall(r"^(\w+)=(.*)$", self.unit(), re.M))
        begin = f"set -a; . {unit['EnvironmentFile']}; set +a; cd '{unit['WorkingDirectory']}'"
        return f"{begin} && {unit['ExecStart']}".replace("\\x20", "\\ ")

    def unit(self) -> str:
        return (self.units / "mnist-lab-nightly.service").read_text()

    def run_installed(self, scheduler: str) -> subprocess.CompletedProcess[str]:
        """Run it with no more environment than systemd and cron give."""
        return subprocess.run(
            ["/bin/sh", "-c", self.command(scheduler)], env={"PATH": "/usr/bin:/bin"},
            cwd="/", check=False, text=True, capture_output=True, timeout=120,
        )  # fmt: skip


@pytest.fixture(name="machine")
def machine_in_a_directory(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


SETTINGS = {"settings/options.json", "settings/environment"}
FOREIGN = {"cron.d/somebodys"}
INSTALLED = {
    "systemd": {*SETTINGS, "units/mnist-lab-nightly.service", "units/mnist-lab-nightly.timer"},
    "cron": {*SETTINGS, "settings/packages.json", "cron.d/mnist-lab-nightly"},
}


def scheduled_by(scheduler: str) -> tuple[str, str]:
    return "-e", f"lab_nightly_scheduler={scheduler}"


@pytest.mark.parametrize("scheduler", ["systemd", "cron"])
def test_check_mode_touches_nothing(machine: Machine, scheduler: str) -> None:
    told = machine.play("install-nightly", "--check", *scheduled_by(scheduler))
    assert "changed=0" not in told
    assert machine.files() == FOREIGN
    assert not machine.calls("apt-get")
    assert not [call for call in machine.calls("systemctl") if "enable " in call]


@pytest.mark.parametrize("scheduler", ["systemd", "cron"])
def test_installed_again_and_removed(machine: Machine, scheduler: str) -> None:
    machine.play("install-nightly", *scheduled_by(scheduler))
    assert machine.files() == INSTALLED[scheduler] | FOREIGN
    assert machine.settings.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in machine.settings.iterdir()} == {0o600}
    assert "changed=0" in machine.play("install-nightly", *scheduled_by(scheduler))
    machine.play("remove-nightly")
    assert machine.files() == FOREIGN
    assert not machine.settings.exists()
    assert not list(machine.root.glob("enabled"))
    assert "changed=0" in machine.play("remove-nightly")


def test_systemd_starts_the_timer(machine: Machine) -> None:
    machine.play("install-nightly", *scheduled_by("systemd"))
    assert (machine.root / "enabled").exists()
    assert (machine.root / "started").exists()
    machine.play("remove-nightly")
    assert not (machine.root / "started").exists()


def test_cron_is_installed_and_started_and_taken_away_again(machine: Machine) -> None:
    machine.play("install-nightly", *scheduled_by("cron"))
    calls = [call.split()[5:] for call in machine.calls("apt-get")]
    assert calls == [["update"], ["--no-install-recommends", "install", "cron"]]
    assert machine.calls("service")[-1] == "service cron start"
    machine.play("remove-nightly")
    assert machine.calls("apt-get")[-1].split()[-2:] == ["remove", "cron"]


def test_a_cron_that_somebody_took_away_since_is_not_asked_for(machine: Machine) -> None:
    machine.play("install-nightly", *scheduled_by("cron"))
    (machine.root / "has-cron").unlink()
    before = machine.calls("apt-get")
    machine.play("remove-nightly")
    assert machine.calls("apt-get") == before
    assert machine.files() == FOREIGN


def test_no_role_but_one_calls_apt() -> None:
    callers = {
        path.relative_to(REPOSITORY).parts[1]
        for path in REPOSITORY.glob("roles/*/tasks/*.yml")
        if "apt-get" in path.read_text()
    }
    assert callers == {"lab_packages"}


def test_a_cron_that_was_there_stays(machine: Machine) -> None:
    (machine.root / "has-cron").touch()
    (machine.root / "runs-cron").touch()
    machine.play("install-nightly", *scheduled_by("cron"))
    machine.play("remove-nightly")
    assert not machine.calls("apt-get")
    assert (machine.root / "has-cron").exists()


@pytest.mark.parametrize("scheduler", ["systemd", "cron"])
def test_what_is_installed_runs_as_it_was_told(
    machine: Machine, webhook: http.server.HTTPServer, scheduler: str
) -> None:
    url = f"http://127.0.0.1:{webhook.server_port}{HOOK_PATH}"
    told = machine.play(
        "install-nightly", *scheduled_by(scheduler), "-e", f"lab_nightly_webhook={url}",
        "-e", "lab_nightly_fresh=true", "-e", "lab_nightly_remove=true",
        LAB_CACHE='/srv/a "cache"', LAB_INVENTORY="embedded", KUBECONFIG="/of/the/launcher",
    )  # fmt: skip
    assert HOOK_PATH not in told
    done = machine.run_installed(scheduler)
    assert done.returncode == 0, done.stdout + done.stderr
    assert HOOK_PATH not in done.stdout + done.stderr
    assert [message["ok"] for message in webhook.posted] == [True]
    first, *phases = machine.lab_calls()
    assert first[0].startswith("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
    assert {tuple(call[1:3]) for call in machine.lab_calls()} == {("embedded", '/srv/a "cache"')}
    assert [call[4] for call in phases] == ["remove", "up", "run validate-lab", "remove"]
    assert "/of/the/launcher" not in {call[3] for call in machine.lab_calls()}


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        ([], {"LAB_INVENTORY": "openshift", "KUBECONFIG": "/home/me/kube"}),
        (
            ["-e", "lab_nightly_inventory=openshift", "-e", "lab_nightly_kubeconfig=/home/me/kube"],
            {"LAB_INVENTORY": "embedded", "KUBECONFIG": "/of/the/launcher"},
        ),
    ],
    ids=["by environment", "by options"],
)
def test_a_run_on_another_cluster_has_its_kubeconfig(
    machine: Machine, options: list[str], environment: dict[str, str]
) -> None:
    machine.play("install-nightly", *scheduled_by("cron"), *options, **environment)
    done = machine.run_installed("cron")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {(call[1], call[3]) for call in machine.lab_calls()} == {("openshift", "/home/me/kube")}
