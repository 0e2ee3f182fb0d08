"""The nightly run, with a `lab` that records what it was asked: phases, result, lock, webhook."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from planted import Planted, planted

REPOSITORY = Path(__file__).resolve().parents[2]

FAKE_LAB = """#!/bin/sh
echo "$LAB_INVENTORY: $*" >>calls
[ ! -e said ] || cat said
case "$*" in
    up) exit "${UP_STATUS:-0}" ;;
    *validate-lab) [ -z "${VALIDATION_STATUS:-}" ] || exit "$VALIDATION_STATUS"
        mkdir -p .lab/reports/screenshots
        echo picture >.lab/reports/screenshots/digit-7.png
        echo '<html></html>' >.lab/reports/index.html ;;
esac
"""


class Hook(http.server.BaseHTTPRequestHandler):
    """Keeps what was posted to it."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.posted.append(json.loads(self.rfile.read(length)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output readable."""


def serve() -> Iterator[http.server.HTTPServer]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    server.posted = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(timeout=5)


webhook_server = pytest.fixture(name="webhook")(serve)


def make_checkout(directory: Path) -> Path:
    lab = directory / "lab"
    lab.write_text(FAKE_LAB)
    lab.chmod(0o755)
    return directory


@pytest.fixture(name="checkout")
def checkout_with_a_recording_lab(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


def nightly(checkout: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "lab_nightly_directory": str(checkout),
        "lab_nightly_lock": str(checkout / "lock"),
        "lab_nightly_phase_minutes": 1,
    }
    return subprocess.run(
        ["ansible-playbook", "playbooks/run-nightly.yml", "-e", json.dumps(variables), *options],
        cwd=REPOSITORY, env={**os.environ, **environment}, check=False, text=True,
        capture_output=True, timeout=120,
    )  # fmt: skip


def result_of(checkout: Path) -> dict[str, object]:
    path = directory_of(checkout) / "result.json"
    assert path.parent.stat().st_mode & 0o077 == 0
    return json.loads(path.read_text())


def directory_of(checkout: Path) -> Path:
    (path,) = (checkout / ".lab" / "reports" / "nightly").iterdir()
    return path


def test_a_good_night(checkout: Path, webhook: http.server.HTTPServer) -> None:
    url = f"http://127.0.0.1:{webhook.server_port}/hook?key=hush-hush-hush"
    run = nightly(
        checkout, "-e", "lab_nightly_fresh=true", "-e", "lab_nightly_remove=true",
        "-e", f"lab_nightly_webhook={url}",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    assert (checkout / "calls").read_text().splitlines() == [
        "embedded: remove", "embedded: up", "embedded: run validate-lab", "embedded: remove",
    ]  # fmt: skip
    result = result_of(checkout)
    assert result["ok"] is True
    assert [phase["phase"] for phase in result["phases"]] == [
        "remove-before", "create", "validate", "remove-after",
    ]  # fmt: skip
    assert [message["ok"] for message in webhook.posted] == [True]
    assert "hush-hush" not in run.stdout + run.stderr
    kept = directory_of(checkout)
    assert (kept / "index.html").exists()
    assert (kept / "screenshots" / "digit-7.png").exists()
    assert not (checkout / "lock").exists()


@settings(max_examples=1, deadline=None, phases=[Phase.generate])
@given(st.lists(planted(), min_size=60, max_size=60))
def test_the_webhook_is_told_no_secret_that_a_phase_said(plants: list[Planted]) -> None:
    with tempfile.TemporaryDirectory() as scratch, contextlib.contextmanager(serve)() as webhook:
        checkout = make_checkout(Path(scratch))
        (checkout / "said").write_text("\n".join(plant.text for plant in plants))
        url = f"http://127.0.0.1:{webhook.server_port}/"
        run = nightly(checkout, "-e", f"lab_nightly_webhook={url}", VALIDATION_STATUS="1")
    assert run.returncode != 0
    told = run.stdout + run.stderr + json.dumps(webhook.posted, ensure_ascii=False)
    assert [message["ok"] for message in webhook.posted] == [False]
    assert not [plant for plant in plants if plant.survives(told)]


def test_a_failed_creation_is_reported_and_ends_the_run_with_its_status(
    checkout: Path, webhook: http.server.HTTPServer
) -> None:
    url = f"http://127.0.0.1:{webhook.server_port}/"
    run = nightly(checkout, "-e", f"lab_nightly_webhook={url}", UP_STATUS="3")
    assert run.returncode != 0
    assert "The phase create failed; its log is" in run.stdout
    result = result_of(checkout)
    assert result["ok"] is False
    assert [(p["phase"], p["rc"]) for p in result["phases"]] == [("create", 3), ("validate", 0)]
    assert webhook.posted[0]["ok"] is False
    assert not (checkout / "lock").exists()


def test_an_earlier_runs_report_is_not_kept_as_this_ones(checkout: Path) -> None:
    former = checkout / ".lab" / "reports" / "index.html"
    former.parent.mkdir(parents=True)
    former.write_text("<html>all was well</html>")
    os.utime(former, (0, 0))
    assert nightly(checkout, VALIDATION_STATUS="2").returncode != 0
    assert not (directory_of(checkout) / "index.html").exists()


def test_an_unreachable_webhook_does_not_change_the_result(checkout: Path) -> None:
    run = nightly(checkout, "-e", "lab_nightly_webhook=http://127.0.0.1:9/")
    assert run.returncode == 0, run.stdout
    assert result_of(checkout)["ok"] is True


def test_two_runs_do_not_overlap(checkout: Path) -> None:
    started = int(Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19])
    (checkout / "lock").write_text(json.dumps({"pid": os.getpid(), "started": started}))
    run = nightly(checkout)
    assert run.returncode != 0
    assert f"process {os.getpid()} holds" in run.stdout
    assert not (checkout / "calls").exists()


def test_a_checkout_that_has_gone_is_no_success(checkout: Path) -> None:
    reports = checkout / "reports"
    run = nightly(
        checkout, "-e", f"lab_nightly_directory={checkout}/gone",
        "-e", f"lab_nightly_reports={reports}",
    )  # fmt: skip
    assert run.returncode != 0
    (kept,) = reports.iterdir()
    result = json.loads((kept / "result.json").read_text())
    assert result["ok"] is False
    assert {phase["rc"] for phase in result["phases"]} == {127}
