"""The launcher as it runs in a step: a real process, against a small HTTP server."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import pipeline_launcher as package
from pipeline_launcher import launcher

LAUNCHER = Path(package.__file__).with_name("launcher.py")
SECRET = "a-token-that-is-nowhere-else"


class Backend:
    """The steps' API and an object store in one."""

    def __init__(self) -> None:
        self.work: dict[str, Any] = {}
        self.objects: dict[str, bytes] = {}
        self.reports: list[dict[str, Any]] = []
        self.failures = 0
        self.refusal = self.words = ""
        self.refusal_status, self.refuses_once = 403, False
        self.gone = False
        self.started = threading.Event()
        backend = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                return

            def _reply(self, status: int, body: bytes = b"") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _read(self) -> bytes:
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def do_GET(self) -> None:
                found = backend.objects.get(self.path)
                self._reply(200 if found is not None else 404, found or b"")

            def do_PUT(self) -> None:
                content = self._read()
                if backend.refusal:
                    words = f"<Code>{backend.refusal}</Code><Message>{backend.words}</Message>"
                    self._reply(backend.refusal_status, f"<Error>{words}</Error>".encode())
                    backend.refusal = "" if backend.refuses_once else backend.refusal
                    return
                backend.objects[self.path] = content
                self._reply(200)

            def do_POST(self) -> None:
                body = json.loads(self._read() or b"{}")
                if self.headers["Authorization"] != f"Bearer {SECRET}":
                    self._reply(401, b'{"message": "no"}')
                elif backend.gone:
                    self._reply(404, b'{"message": "the attempt is over"}')
                elif backend.failures > 0:
                    backend.failures -= 1
                    self._reply(503, b'{"message": "not yet"}')
                else:
                    self._reply(200, json.dumps(backend.answer(self.path, body)).encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        name = path.rsplit("/", 1)[-1]
        if name == "start":
            self.started.set()
            return self.work
        if name == "uploads":
            return {
                "artifacts": [
                    [
                        f"{self.url}/put/{item['uri'].split('//')[1]}/{file}"
                        for file in item["files"]
                    ]
                    for item in body["artifacts"]
                ]
            }
        self.reports.append(body)
        return {}


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    backend = Backend()
    backend.work = {
        "command": ["true"],
        "files": [],
        "directories": [],
        "parameters": {},
        "artifacts": [],
        "output_file": str(tmp_path / "out" / "metadata.json"),
        "log_url": f"{backend.url}/log",
    }
    yield backend
    backend.server.shutdown()


def launch(backend: Backend, tmp_path: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "LAB_STEP_URL": f"{backend.url}/internal/steps/a",
        "LAB_STEP_TOKEN": SECRET,
        "TMPDIR": str(tmp_path),
    }
    return subprocess.Popen(
        [sys.executable, str(LAUNCHER), "run"],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def shell(backend: Backend, script: str) -> None:
    backend.work["command"] = ["sh", "-c", script]


def finish(backend: Backend, tmp_path: Path) -> tuple[int, bytes, dict[str, Any]]:
    process = launch(backend, tmp_path)
    out, _ = process.communicate(timeout=30)
    return process.returncode, out, backend.reports[-1] if backend.reports else {}


def test_inputs_outputs_and_log(backend: Backend, tmp_path: Path) -> None:
    backend.objects["/in"] = b"input"
    source, made, value = tmp_path / "in/file", tmp_path / "made", tmp_path / "p/value"
    backend.work |= {
        "files": [{"url": f"{backend.url}/in", "path": str(source)}],
        "parameters": {"value": str(value)},
        "artifacts": [{"name": "data", "uri": "s3://b/data", "path": str(made)}],
    }
    shell(backend, f"cat {source}; cp {source} {made}; printf 5 > {value}; echo; echo ü >&2")
    code, out, report = finish(backend, tmp_path)
    assert (code, report["exit_code"], report["log_stored"]) == (0, 0, True)
    assert out.decode() == "input\nü\n"
    assert backend.objects["/log"] == out, "the kept log is what the container printed"
    assert backend.objects["/put/b/data/"] == b"input"
    assert report["outputs"]["parameters"] == {"value": "5"}
    assert report["outputs"]["artifacts"][0]["files"] == [{"name": "", "size": 5}]


def test_a_folder_as_an_artifact(backend: Backend, tmp_path: Path) -> None:
    made = tmp_path / "made"
    backend.work["artifacts"] = [{"name": "m", "uri": "s3://b/m", "path": str(made)}]
    shell(backend, f"mkdir -p {made}/sub; echo 1 > {made}/a; echo 2 > {made}/sub/b")
    finish(backend, tmp_path)
    assert backend.objects["/put/b/m/a"] == b"1\n"
    assert backend.objects["/put/b/m/sub/b"] == b"2\n"


def test_metadata_of_the_sdk_s_executor(backend: Backend, tmp_path: Path) -> None:
    output = {
        "parameterValues": {"Output": 3},
        "artifacts": {"m": {"artifacts": [{"uri": "s3://b/m", "metadata": {"x": 1}}]}},
    }
    backend.work["artifacts"] = [
        {"name": "m", "uri": "s3://b/m", "path": str(tmp_path / "nothing")}
    ]
    shell(backend, f"printf '%s' '{json.dumps(output)}' > {backend.work['output_file']}")
    _, _, report = finish(backend, tmp_path)
    assert report["outputs"]["values"] == {"Output": 3}
    assert report["outputs"]["artifacts"][0]["metadata"] == {"x": 1}


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("echo first; echo 'no space is left' >&2; exit 3", 3, "exit code 3"),
        ("no-such-command", 127, "not in the image"),
        ("kill -9 $$", 137, "memory"),
    ],
)
def test_a_command_that_fails(
    backend: Backend, tmp_path: Path, script: str, code: int, words: str
) -> None:
    shell(backend, script)
    found, _, report = finish(backend, tmp_path)
    assert (found, report["exit_code"]) == (code, code)
    assert words in report["message"]


def test_it_waits_for_a_server_that_is_away(backend: Backend, tmp_path: Path) -> None:
    backend.failures = 3
    code, _, report = finish(backend, tmp_path)
    assert (code, report["exit_code"]) == (0, 0)


def test_an_attempt_that_is_over_runs_nothing(backend: Backend, tmp_path: Path) -> None:
    backend.gone = True
    shell(backend, f"touch {tmp_path}/ran")
    code, _, report = finish(backend, tmp_path)
    assert (code, report) == (143, {})
    assert not (tmp_path / "ran").exists()


def test_an_input_that_is_not_there(backend: Backend, tmp_path: Path) -> None:
    backend.work["files"] = [{"url": f"{backend.url}/absent", "path": str(tmp_path / "x")}]
    code, _, report = finish(backend, tmp_path)
    assert code == 1
    assert "object store refused" in report["message"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("InvalidAccessKeyId", "does not know the pipeline server's access key"),
        ("SignatureDoesNotMatch", "secret key is wrong"),
        ("AccessDenied", "no right to this bucket"),
        ("Unheard", "403 Forbidden"),
    ],
)
def test_a_store_that_refuses_the_key(
    backend: Backend, tmp_path: Path, code: str, words: str
) -> None:
    made = tmp_path / "made"
    backend.refusal = code
    backend.work["artifacts"] = [{"name": "data", "uri": "s3://b/data", "path": str(made)}]
    shell(backend, f"echo 1 > {made}")
    status, _, report = finish(backend, tmp_path)
    assert (status, report["log_stored"]) == (1, False)
    assert words in report["message"]


def stores_one_file(backend: Backend, tmp_path: Path) -> None:
    made = tmp_path / "made"
    backend.work["artifacts"] = [{"name": "data", "uri": "s3://b/data", "path": str(made)}]
    shell(backend, f"echo 1 > {made}")


@pytest.mark.parametrize("status", [400, 403, 409, 413, 422])
def test_what_a_store_refuses_otherwise_is_told_in_its_words_at_once(
    backend: Backend, tmp_path: Path, status: int
) -> None:
    """As the project's own store does with a key that it would change."""
    backend.refusal, backend.refusal_status = "XMinioInvalidObjectName", status
    backend.words = "The key has an &quot;empty&quot; part."
    stores_one_file(backend, tmp_path)
    code, _, report = finish(backend, tmp_path)
    assert code == 1
    said = 'it says “The key has an "empty" part.” (XMinioInvalidObjectName)'
    assert said in report["message"]


@pytest.mark.parametrize(
    ("refusal", "status"), [("RequestTimeout", 400), ("SlowDown", 429), ("InternalError", 500)]
)
def test_what_passes_is_tried_again(
    backend: Backend, tmp_path: Path, refusal: str, status: int
) -> None:
    backend.refusal, backend.refusal_status, backend.refuses_once = refusal, status, True
    stores_one_file(backend, tmp_path)
    code, _, report = finish(backend, tmp_path)
    assert (code, report["exit_code"]) == (0, 0)


def test_it_stops_the_command_when_it_is_asked_to(backend: Backend, tmp_path: Path) -> None:
    shell(backend, "trap '' TERM; echo ready; sleep 60")
    process = launch(backend, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert backend.reports[-1]["message"] == "the step was asked to stop"


def test_the_command_does_not_see_the_token(backend: Backend, tmp_path: Path) -> None:
    """In its own environment, or in what the kernel shows of the launcher's."""
    shell(backend, "env; tr '\\0' '\\n' < /proc/$PPID/environ; cat /proc/$PPID/cmdline")
    _, out, _ = finish(backend, tmp_path)
    assert out.count(b"LAB_STEP_URL=") == 2
    assert b"LAB_STEP_TOKEN" not in out
    assert SECRET.encode() not in out


@pytest.mark.parametrize("around", [
    {"A": "x"}, {"ZZ": "LAB_STEP_TOKEN=" + "x" * 40}, {"LAB_STEP_TOKENS": "other"},
])  # fmt: skip
def test_only_the_token_goes_from_what_the_kernel_shows(around: dict[str, str]) -> None:
    """Also where it stands first or last, or where another's text looks like it."""
    code = (
        "import sys; from pipeline_launcher import launcher; "
        "assert launcher.take_token() == sys.argv[1]; "
        "sys.stdout.buffer.write(open('/proc/self/environ', 'rb').read())"
    )
    for environment in ({"LAB_STEP_TOKEN": SECRET, **around}, {**around, "LAB_STEP_TOKEN": SECRET}):
        done = subprocess.run(
            [sys.executable, "-c", code, SECRET],
            env=environment, capture_output=True, check=True,
        )  # fmt: skip
        left = [word.decode() for word in done.stdout.split(b"\0") if word]
        assert left == [f"{name}={value}" for name, value in around.items()]


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda path: None, 127, "there is no command"),
        (lambda path: path.write_text("#!/bin/sh\n"), 126, "may not be executed by user"),
        (lambda path: path.mkdir(), 126, "may not be executed by user"),
        (lambda path: _script(path, "#!/no/such/program\n"), 127, "names in its first line"),
        (lambda path: _script(path, "echo\n"), 126, "is no program"),
    ],
)
def test_a_command_that_cannot_be_started(
    backend: Backend, tmp_path: Path, make: Any, code: int, words: str
) -> None:
    """Each error of the system has its own words, in the report and in the kept log."""
    command = tmp_path / "command"
    make(command)
    backend.work["command"] = [str(command)]
    found, _, report = finish(backend, tmp_path)
    assert (found, report["exit_code"]) == (code, code)
    assert words in report["message"]
    assert words in backend.objects["/log"].decode()


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.mark.parametrize("through_shell", [False, True])
def test_a_large_value_reaches_a_python_component(
    backend: Backend, tmp_path: Path, through_shell: bool
) -> None:
    """Linux takes no word of 300 kB; it travels by file and is the same word again."""
    value = "é\n" * 100_000 + "$(end)"
    script = "import sys, hashlib; print(hashlib.sha256(sys.argv[2].encode()).hexdigest())"
    command = [sys.executable, "-c", script, "--executor_input", value]
    if through_shell:
        command = ["sh", "-ec", f'{sys.executable} -c "$0" "$@"', *command[2:]]
    backend.work["command"] = command
    code, _, report = finish(backend, tmp_path)
    assert code == 0, report
    digest = hashlib.sha256(value.encode()).hexdigest()
    assert digest in backend.objects["/log"].decode()


def test_what_the_launcher_says_is_in_the_kept_log(backend: Backend, tmp_path: Path) -> None:
    backend.work["files"] = [{"url": f"{backend.url}/missing", "path": str(tmp_path / "in")}]
    code, _, report = finish(backend, tmp_path)
    assert code == 1
    assert f"[launcher] {report['message']}" in backend.objects["/log"].decode()


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ('{\n "left": 1\n}\n', ""),
        ("no space is left\n", ""),
        (
            "before\nTraceback (most recent call last):\n"
            "  File \"a.py\", line 1, in <module>\n    f()\nKeyError: 'x'\n{\n}\n",
            "KeyError: 'x'",
        ),
        ("Traceback (most recent call last):\n  File\nKeyboardInterrupt\n", "KeyboardInterrupt"),
        (
            "Traceback (most recent call last):\n  File\npapermill.Wrong:\n---\n"
            "----> 1 f()\nValueError: seven\n\n",
            "ValueError: seven",
        ),
        ("Traceback (most recent call last):\n  cut off", ""),
    ],
)
def test_an_exit_quotes_the_line_of_an_exception_or_nothing(log: str, line: str) -> None:
    words = "exit code 3"
    assert launcher.describe(3, log.encode()) == (f"{words} ({line})" if line else words)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("def f():\n class Own(Exception): ...\n raise Own('boom')\nf()", "Own: boom"),
        ("class Ärger(Exception): ...\nraise Ärger('ö')", "Ärger: ö"),
        ("raise ValueError('\\nno column x')", "ValueError: no column x"),
        ("raise ValueError('first\\nsecond')", "ValueError: first"),
        ("raise ValueError", "ValueError"),
        ("try:\n 1/0\nexcept Exception as e:\n raise OSError('outer') from e", "OSError: outer"),
        (
            "raise ExceptionGroup('many', [ValueError('a'), TypeError('b')])",
            "ExceptionGroup: many (2 sub-exceptions)",
        ),
        (
            "try: 1/0\nexcept Exception as e: caught = e\n"
            "raise ExceptionGroup('many', [caught, TypeError('b')])",
            "ExceptionGroup: many (2 sub-exceptions)",
        ),
        ("try:\n raise ExceptionGroup('g', [OSError()])\nfinally:\n {}['k']", "KeyError: 'k'"),
        ("exec('x = = 1')", "SyntaxError: invalid syntax"),
        ("import sys; sys.exit('words')", ""),
    ],
)
def test_what_python_writes_of_an_exception_is_quoted(code: str, line: str) -> None:
    """As Python itself prints it, whatever the exception is of."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    told = launcher.describe(done.returncode, done.stderr)
    assert told.endswith(f"{line})") if line else told == "exit code 1"
