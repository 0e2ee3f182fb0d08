"""Runs one step inside its own container, and tells the pipeline server how it went.

It is mounted into images that know nothing of it, so it needs only Python 3.7 and its standard
library. It is one file, though a long one: a ConfigMap brings it, read-only, and every further
module would be looked for and compiled anew at the start of each step. The server says what to
do (command, inputs, outputs) and signs the addresses of the object store, so that a step holds
no key but the token of its own attempt.

    launcher.py run      fetch, run the command, upload, report (the step's own container)
    launcher.py fetch    only fetch the inputs (before a container without Python)
    launcher.py finish   wait for the end, then upload and report (beside such a container)
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Any

    Json = dict[str, Any]

PREFIXES = {"s3://": "/s3/", "minio://": "/minio/", "gs://": "/gcs/", "oci://": "/oci/"}
PATIENCE = 900.0
STORE_PATIENCE = 120.0
# Refusals of S3's that another try may mend, by its reference ("Error responses").
PASSING = ("RequestTimeout", "IncompleteBody", "SlowDown", "OperationAborted")
KILL_AFTER = 3.0
LOG_LIMIT = 64 * 1024 * 1024
VALUE_LIMIT = 1024 * 1024
TAIL = 4096
TOKEN = "LAB_STEP_TOKEN"  # noqa: S105 - a variable's name
MISSING_COMMAND = 127
CANNOT_EXECUTE = 126
# What the lab's images say themselves of a failure (images/common/explain_pip.py).
LAB_WORDS = "lab: "
# How Python names an exception: of a module, a class, or a function (a component's own is of one).
NAME = r"[^\W\d](?:\w|\.|<locals>)*"
EXCEPTION = re.compile(NAME + r"(:|$)")
SAYING = re.compile(NAME + r": \S")
TRACEBACK = "Traceback (most recent call last):"
GROUP = "  + Exception Group " + TRACEBACK
# Linux takes no longer word in a command (MAX_ARG_STRLEN), its closing zero byte included.
LONGEST_WORD = 32 * 4096 - 1
WORD_MARK = "lab-word-in-file:"
# Python reads this before it runs anything: long words are again what they were.
EXPAND_WORDS = f"""
import sys
for index, word in enumerate(sys.argv):
    if word.startswith({WORD_MARK!r}):
        with open(word[len({WORD_MARK!r}):], encoding="utf-8", errors="surrogateescape") as file:
            sys.argv[index] = file.read()
"""


class StepError(Exception):
    """The step failed outside of its command; the text says why."""


class GoneError(StepError):
    """The server no longer wants this attempt."""


def say(text: str) -> None:
    """A line of the launcher's own in the step's log."""
    sys.stderr.write("[launcher] " + text + "\n")
    sys.stderr.flush()


class Server:
    """The steps' part of the pipeline server; waits for it while it is away."""

    def __init__(self, url: str, token: str, patience: float = PATIENCE) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self.patience = patience
        self._opener = _opener_of_server(url)

    def call(self, name: str, body: Json) -> Json:
        """Ask the server; gives its JSON reply."""
        data = json.dumps(body).encode()
        headers = {
            "Authorization": "Bearer " + self.token,
            "Content-Type": "application/json",
        }
        deadline = time.monotonic() + self.patience
        delay = 0.25
        while True:
            try:
                request = urllib.request.Request(
                    self.url + "/" + name, data=data, headers=headers, method="POST"
                )
                with self._opener.open(request, timeout=30) as reply:
                    return dict(json.loads(reply.read().decode() or "{}"))
            except urllib.error.HTTPError as error:
                text = _message(error)
                if error.code in (404, 410):
                    raise GoneError(text) from None
                if error.code < 500 and error.code != 429:
                    raise StepError(f"the pipeline server refused {name}: {text}") from None
                problem = text
            except (OSError, ValueError) as error:
                problem = str(error)
            if time.monotonic() + delay > deadline:
                raise StepError("the pipeline server does not answer: " + problem)
            time.sleep(delay)
            delay = min(delay * 2, 5.0)


# The cluster's own addresses are never behind a proxy; HTTP(S)_PROXY is for the step's command.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _opener_of_server(url: str) -> urllib.request.OpenerDirector:
    """What opens the server's addresses: it is trusted by the authority that came beside this."""
    authority = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ca.crt")
    if not url.startswith("https://") or not os.path.exists(authority):
        return _OPENER
    import ssl

    context = ssl.create_default_context(cafile=authority)
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )


def _open(request: urllib.request.Request, timeout: float) -> Any:
    return _OPENER.open(request, timeout=timeout)


def _message(error: urllib.error.HTTPError) -> str:
    body = error.read().decode("utf-8", "replace")
    try:
        return str(json.loads(body).get("message") or body)
    except ValueError:
        return f"{error.code} {body[:300]}"


def transfer(what: str, action: Callable[[], None]) -> None:
    """Do something with the object store, again while it is away."""
    deadline = time.monotonic() + STORE_PATIENCE
    delay = 0.5
    while True:
        try:
            return action()
        except urllib.error.HTTPError as error:
            problem = f"{error.code} {error.reason}"
            code, words = refusal(error)
            if 400 <= error.code < 500 and code not in PASSING and error.code not in (408, 429):
                words = words or problem
                raise StepError(f"the object store refused {what}: {words}") from None
        except urllib.error.URLError as error:
            problem = str(error.reason)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StepError(f"no space is left for {what}") from None
            problem = str(error)
        if time.monotonic() + delay > deadline:
            raise StepError(
                f"the object store does not answer ({problem}) while moving {what}"
            ) from None
        say(f"the object store does not answer ({problem}); again in {delay} s")
        time.sleep(delay)
        delay = min(delay * 2, 10.0)


def refusal(error: urllib.error.HTTPError) -> tuple[str, str]:
    """An S3 store's code, and why it refused: for the usual reasons in our words, else in its."""
    body = error.read(4096).decode("utf-8", "replace")
    reasons = {
        "InvalidAccessKeyId": "the store does not know the pipeline server's access key",
        "SignatureDoesNotMatch": "the pipeline server's secret key is wrong",
        "AccessDenied": "the pipeline server's key has no right to this bucket",
        "NoSuchBucket": "there is no such bucket",
    }
    code, message = _element(body, "Code"), _element(body, "Message")
    if code in reasons:
        return code, f"{reasons[code]} ({code})"
    return code, f"it says “{message}” ({code})" if message else ""


def _element(body: str, name: str) -> str:
    """The text of an element of XML that has no others in it."""
    found = re.search(f"<{name}>([^<]*)</{name}>", body)
    text = found.group(1).strip() if found else ""
    for sign, escaped in (("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "#39"), ("&", "amp")):
        text = text.replace(f"&{escaped};", sign)
    return text


def download(url: str, path: str) -> None:
    """Fetch one object into a file."""

    def action() -> None:
        make_directory(os.path.dirname(path))
        with _open(urllib.request.Request(url), 60) as reply, open(path, "wb") as file:
            shutil.copyfileobj(reply, file, 1 << 20)

    transfer(path, action)


def upload(url: str, path: str) -> None:
    """Send one file to an object."""

    def action() -> None:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            request = urllib.request.Request(
                url, data=file if size else b"", method="PUT", headers={"Content-Length": str(size)}
            )
            with _open(request, 120) as reply:
                reply.read()

    transfer(path, action)


def make_directory(path: str) -> None:
    """Make a directory, with a reason a person understands when that fails."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise StepError(f"cannot make {path}: {error.strerror}") from None


def in_parallel(function: Callable[..., None], arguments: list[tuple[str, str]]) -> None:
    """Call for every tuple of arguments, a few at once."""
    if len(arguments) < 2:
        for item in arguments:
            function(*item)
        return
    with ThreadPoolExecutor(max_workers=8) as pool:
        for future in [pool.submit(function, *item) for item in arguments]:
            future.result()


def fetch(work: Json) -> None:
    """Bring the input artifacts to where the command expects them."""
    in_parallel(download, [(file["url"], file["path"]) for file in work["files"]])
    for path in work["directories"]:
        make_directory(path)
    for parameter in work["parameters"].values():
        make_directory(os.path.dirname(parameter))
    make_directory(os.path.dirname(work["output_file"]))
    for artifact in work["artifacts"]:
        make_directory(os.path.dirname(artifact["path"]))


def local_path(uri: str) -> str | None:
    """Where an artifact of this URI lies inside the container."""
    for prefix, directory in PREFIXES.items():
        if uri.startswith(prefix):
            return directory + uri[len(prefix) :]
    return None


class Command:
    """The step's command, its output in this container's log and in a file."""

    def __init__(self, words: list[str], log_path: str) -> None:
        self.words = words
        self.log_path = log_path
        self.process: subprocess.Popen[bytes] | None = None
        self.stopped = False
        self.tail = b""
        self.fault = ""

    def stop(self, *_: object) -> None:
        """Ask the command to end, and make it, when it takes too long."""
        if self.stopped:
            return
        self.stopped = True
        process = self.process
        if process is None:
            return
        _signal_group(process, signal.SIGTERM)
        timer = threading.Timer(KILL_AFTER, _signal_group, (process, signal.SIGKILL))
        timer.daemon = True
        timer.start()

    def run(self) -> int:
        """Run to its end; gives the exit code."""
        try:
            self.process = subprocess.Popen(
                short_words(self.words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self.fault = start_fault(self.words, error)
            self.say(self.fault)
            missing = error.errno == errno.ENOENT
            return MISSING_COMMAND if missing else CANNOT_EXECUTE
        if self.stopped:
            _signal_group(self.process, signal.SIGTERM)
        copier = threading.Thread(target=self._copy, args=(self.process.stdout,), daemon=True)
        copier.start()
        code = self.process.wait()
        copier.join(2.0)
        return code if code >= 0 else 128 - code

    def say(self, text: str) -> None:
        """A line of the launcher's own, in the log that is kept as well."""
        say(text)
        with open(self.log_path, "a", encoding="utf-8", errors="replace") as file:
            file.write("[launcher] " + text + "\n")

    def _copy(self, stream: IO[bytes]) -> None:
        out = sys.stdout.buffer
        left = LOG_LIMIT
        with open(self.log_path, "ab", buffering=0) as file:
            while True:
                part = os.read(stream.fileno(), 65536)
                if not part:
                    return
                out.write(part)
                out.flush()
                self.tail = (self.tail + part)[-TAIL:]
                if left > 0:
                    try:
                        file.write(part[:left])
                    except OSError:
                        left = 0
                    left -= len(part)


def short_words(words: list[str]) -> list[str]:
    """The words, those in files that are too long for Linux; a Python reads them from there."""
    if all(len(os.fsencode(word)) < LONGEST_WORD for word in words):
        return words
    folder = tempfile.mkdtemp(prefix="step-words-")
    with open(os.path.join(folder, "sitecustomize.py"), "w", encoding="utf-8") as file:
        file.write(EXPAND_WORDS)
    paths = [folder, os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    result = []
    for index, word in enumerate(words):
        if len(os.fsencode(word)) >= LONGEST_WORD:
            path = os.path.join(folder, f"word-{index}")
            with open(path, "wb") as content:
                content.write(os.fsencode(word))
            word = WORD_MARK + path
        result.append(word)
    return result


def start_fault(words: list[str], error: OSError) -> str:
    """Why a command could not be started: each error of the system in its own words."""
    command = words[0]
    found = shutil.which(command)
    if error.errno == errno.ENOENT and found is not None:
        return f"the program that {found!r} names in its first line is not in this image"
    reasons = {
        errno.ENOENT: f"there is no command {command!r} in this image",
        errno.EACCES: f"{command!r} may not be executed by user {os.getuid()}",
        errno.EPERM: f"{command!r} may not be executed by user {os.getuid()}",
        errno.ENOEXEC: f"{command!r} is no program: it has no first line that names one",
        errno.E2BIG: (
            f"the command of {sum(map(len, words))} characters is longer than Linux takes; "
            "pass large values as artifacts"
        ),
        errno.ENOTDIR: f"{command!r} leads through a file that is no folder",
        errno.EISDIR: f"{command!r} is a folder",
        errno.ENOMEM: f"there is no memory left to start {command!r}",
        errno.EAGAIN: f"no further process may be started for {command!r}",
        errno.ETXTBSY: f"{command!r} is being written to",
        errno.ELOOP: f"{command!r} is a link that leads to itself",
    }
    words_of = reasons.get(error.errno or 0)
    return words_of or f"{command!r} cannot be started: {error.strerror}"


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def read_text(path: str) -> str | None:
    """A small file's text; None when there is none."""
    try:
        with open(path, "rb") as file:
            content = file.read(VALUE_LIMIT + 1)
    except OSError:
        return None
    if len(content) > VALUE_LIMIT:
        raise StepError(f"{path} is larger than {VALUE_LIMIT} bytes") from None
    return content.decode("utf-8", "replace")


def collect(work: Json) -> Json:
    """What the command left behind: parameters, and artifacts with their files."""
    text = read_text(work["output_file"])
    try:
        output = json.loads(text) if text and text.strip() else {}
    except ValueError as error:
        raise StepError(f"the step wrote an executor output that is not JSON: {error}") from None
    parameters = {}
    for name, path in work["parameters"].items():
        value = read_text(path)
        if value is not None:
            parameters[name] = value
    artifacts = []
    reported = output.get("artifacts") or {}
    for item in work["artifacts"]:
        found = (reported.get(item["name"]) or {}).get("artifacts") or [{}]
        made = found[0]
        uri = made.get("uri") or item["uri"]
        path = made.get("custom_path") or made.get("customPath")
        if not path:
            path = item["path"] if uri == item["uri"] else local_path(uri)
        artifacts.append(
            {
                "name": item["name"],
                "uri": uri,
                "metadata": made.get("metadata") or {},
                "path": path,
                "files": list_files(path) if path else [],
            }
        )
    for item in work.get("reports") or []:
        if os.path.isfile(item["path"]):
            artifacts.append({**item, "metadata": {}, "files": list_files(item["path"])})
    return {
        "parameters": parameters,
        "values": output.get("parameterValues") or output.get("parameter_values") or {},
        "artifacts": artifacts,
    }


def list_files(path: str) -> list[Json]:
    """Files of an artifact, as names below it; the empty name is the artifact itself."""
    if os.path.isfile(path):
        return [{"name": "", "size": os.path.getsize(path)}]
    found = []
    for directory, _, names in os.walk(path):
        for name in sorted(names):
            full = os.path.join(directory, name)
            if os.path.isfile(full):
                relative = os.path.relpath(full, path)
                found.append({"name": relative, "size": os.path.getsize(full)})
    return found


def store(server: Server, result: Json) -> None:
    """Upload the files of the artifacts to the addresses that the server signs."""
    wanted = [
        {"uri": item["uri"], "files": [file["name"] for file in item["files"]]}
        for item in result["artifacts"]
        if item["files"]
    ]
    if not wanted:
        return
    addresses = server.call("uploads", {"artifacts": wanted})["artifacts"]
    uploads = []
    sources = [item for item in result["artifacts"] if item["files"]]
    for item, urls in zip(sources, addresses):
        for file, url in zip(item["files"], urls):
            if url:
                name = file["name"]
                uploads.append((url, os.path.join(item["path"], name) if name else item["path"]))
    in_parallel(upload, uploads)


def take_token() -> str:
    """Take this attempt's token out of the environment, and out of what /proc shows of it.

    The step's command runs as the same user, who reads /proc/1/environ: the kernel shows there the
    memory in which this process was given its environment, whatever Python has made of it since.
    """
    token = os.environ.pop(TOKEN)
    word = b"\0" + os.fsencode(TOKEN + "=" + token) + b"\0"
    try:
        with open("/proc/self/environ", "rb") as shown:
            place = (b"\0" + shown.read()).find(word)
        with open("/proc/self/stat", "rb") as stat:
            # Field 50, env_start (proc(5)); the second is a name in brackets, with blanks maybe.
            start = int(stat.read().rpartition(b")")[2].split()[50 - 3])
        if place >= 0:
            with open("/proc/self/mem", "r+b", buffering=0) as memory:
                memory.seek(start + place)
                memory.write(bytes(len(word) - 2))
    except (OSError, ValueError, IndexError) as error:
        say("the token of this step stays in /proc/1/environ: " + str(error))
    return token


def prepare_environment() -> None:
    """A home and a working directory that can be written, also for an unknown user."""
    scratch = "/lab/scratch" if os.access("/lab/scratch", os.W_OK) else tempfile.gettempdir()
    home = os.environ.get("HOME", "")
    if not home or not os.access(home, os.W_OK):
        os.environ["HOME"] = scratch
    if not os.access(os.getcwd(), os.W_OK):
        os.chdir(scratch)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")


def report(server: Server, body: Json) -> None:
    """Tell the server how the step went; it is asked until it has heard."""
    server.call("complete", body)


def run(server: Server) -> int:
    """Everything, in the step's own container."""
    handle, log_path = tempfile.mkstemp(prefix="step-log-")
    os.close(handle)
    command = Command([], log_path)
    signal.signal(signal.SIGTERM, command.stop)
    signal.signal(signal.SIGINT, command.stop)
    work = server.call("start", {"host": os.uname().nodename})
    body: Json = {"exit_code": 1, "message": ""}
    try:
        fetch(work)
        prepare_environment()
        command.words = work["command"]
        began = time.time()
        code = command.run()
        body["seconds"] = round(time.time() - began, 3)
        body["exit_code"] = code
        if command.stopped:
            body["message"] = "the step was asked to stop"
        elif code != 0:
            body["message"] = command.fault or describe(code, command.tail)
        else:
            result = collect(work)
            store(server, result)
            body["outputs"] = result
    except GoneError:
        raise
    except StepError as error:
        command.say(str(error))
        body["exit_code"] = body["exit_code"] or 1
        body["message"] = str(error)
    body["log_stored"] = store_log(work, log_path)
    report(server, body)
    return int(body["exit_code"])


def store_log(work: Json, path: str) -> bool:
    """Keep the log in the object store; the step's outcome does not hang on it."""
    try:
        upload(work["log_url"], path)
    except StepError as error:
        say(f"the log could not be kept: {error}")
        return False
    return True


def describe(code: int, tail: bytes) -> str:
    """An exit code in words, with the lab's line or the exception's where there is one."""
    words = f"exit code {code}"
    if code == MISSING_COMMAND:
        words += ": a command that the step calls is not in the image"
    elif code == CANNOT_EXECUTE:
        words += ": a command that the step calls may not be executed"
    elif code == 137:
        words += ": the step was killed; it may have used more memory than its limit"
    elif code > 128:
        words += f": the step was ended by signal {code - 128}"
    said = tail.decode("utf-8", "replace")
    reason = lab_line(said) or exception_line(said)
    return f"{words} ({reason})" if reason else words


def lab_line(text: str) -> str:
    """What the lab's own image said of the failure as the last thing; "" where it said nothing."""
    last = (text.rstrip().splitlines() or [""])[-1]
    return last[len(LAB_WORDS) :][:500] if last.startswith(LAB_WORDS) else ""


def exception_line(text: str) -> str:
    """The line of the last exception that Python printed; "" where there is none.

    The frames of a traceback are indented; its first line that is not names the exception. One
    that says nothing there has what its message goes on with: the line of the exception that it
    passes on (papermill's), or the next line. A group of exceptions is told as the group.
    """
    _, group, rest = text.rpartition(GROUP)
    if group and "\n" + TRACEBACK not in rest:
        own = [line[4:] for line in rest.splitlines() if line.startswith("  | ")]
    else:
        _, traceback, rest = text.rpartition(TRACEBACK)
        own = rest.splitlines() if traceback else []
    lines = [line.rstrip() for line in own if line[:1].strip()]
    if not lines or not EXCEPTION.match(lines[0]):
        return ""
    if not lines[0].endswith(":"):
        return lines[0][:300]
    said = [line for line in lines if SAYING.match(line)]
    return (said[-1] if said else " ".join(lines[:2])).rstrip(":")[:300]


def finish(server: Server) -> int:
    """Beside a container without Python: upload and report when it has ended."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    work = server.call("start", {"host": os.uname().nodename, "again": True})
    while not ended.wait(3600):
        pass
    body: Json = {"exit_code": None, "message": ""}
    try:
        result = collect(work)
        store(server, result)
        body["outputs"] = result
    except GoneError:
        raise
    except StepError as error:
        say(str(error))
        body["message"] = str(error)
    report(server, body)
    return 0


def main(arguments: list[str]) -> int:
    """Do what the first argument says."""
    server = Server(os.environ["LAB_STEP_URL"], take_token())
    what = arguments[1] if len(arguments) > 1 else "run"
    try:
        if what == "fetch":
            fetch(server.call("start", {"host": os.uname().nodename}))
            return 0
        return finish(server) if what == "finish" else run(server)
    except GoneError as error:
        say(f"this attempt is no longer wanted: {error}")
        return 143
    except StepError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
