"""What the lab's images say to a failure of pip's: pip as it is, before a real index over TLS."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import socket
import subprocess
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from package_index import serving, small_wheel

from controllers.serving_certificate.build.authority import create_authority, sign
from pipeline_launcher.launcher import describe

COMMON = Path(__file__).resolve().parents[3] / "images/common"
Pip = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with pip, and beside it what the image's build puts there."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    shutil.copy(COMMON / "explain_pip.py", packages)
    script = (COMMON / "explain-pip.sh").read_text()
    line = re.search(r"<<'PTH'\n(.*)\nPTH", script)
    assert line, script
    (packages / "explain_pip.pth").write_text(line[1] + "\n")
    return folder / "bin/python"


@pytest.fixture
def pip(python: Path, tmp_path: Path) -> Pip:
    """Run pip as a step does, into a folder of its own; nothing of this machine's pip is used."""

    def run(*words: str, by: str = "-m", **environment: str) -> subprocess.CompletedProcess[str]:
        start = [str(python), "-m", "pip"] if by == "-m" else [str(python.with_name("pip"))]
        given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_RETRIES": "1"}
        return subprocess.run(
            [*start, "install", "--quiet", f"--target={tmp_path}/target", *words],
            env={**given, "PIP_CONFIG_FILE": os.devnull, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An index with the package ``lab_tried``, and its authority's file."""
    authority = create_authority(["localhost"])
    folder = tmp_path_factory.mktemp("index")
    (folder / "authority.crt").write_text(authority.certificate)
    wheel = small_wheel("lab_tried", "1.0", "WORD = 'there'\n")
    with serving(folder, dict([wheel]), sign(authority, ["localhost"])) as address:
        yield address, folder / "authority.crt"


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """An address of this machine at which nobody answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"https://user:secret@127.0.0.1:{held.getsockname()[1]}/simple"


def lab_line(done: subprocess.CompletedProcess[str]) -> str:
    """What the lab says last; "" where it says nothing."""
    last = done.stderr.rstrip().rpartition("\n")[2]
    return last.removeprefix("lab: ") if last.startswith("lab: ") else ""


@pytest.mark.parametrize("by", ["-m", "script"])
def test_a_package_is_installed_and_nothing_is_said(
    pip: Pip, index: tuple[str, Path], tmp_path: Path, by: str
) -> None:
    address, authority = index
    done = pip("lab_tried", by=by, PIP_INDEX_URL=address, PIP_CERT=str(authority))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "target/lab_tried.py").exists()


@pytest.mark.parametrize("by", ["-m", "script"])
def test_an_index_that_does_not_answer_is_named(pip: Pip, nobody: str, by: str) -> None:
    done = pip("lab_tried", by=by, PIP_INDEX_URL=nobody)
    assert done.returncode == 1
    line = lab_line(done)
    assert line.startswith("the lab's package index https://***@127.0.0.1:")
    assert "(lab_pip_index_url) does not answer here" in line
    assert "secret" not in line


def test_without_an_index_the_variable_is_named(python: Path, pip: Pip, nobody: str) -> None:
    """Offline: pip's own index is behind a proxy that is not there."""
    code = "from pip._internal.models.index import PyPI; print(PyPI.netloc)"
    own = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    done = pip("lab_tried", https_proxy=nobody.replace("https", "http").replace("user:secret@", ""))
    assert lab_line(done) == (
        f"the lab names no package index, and pip's own, {own.stdout.strip()}, does not answer "
        "here: "
        "who runs the lab can name one as lab_pip_index_url."
    )


def test_an_authority_that_nobody_trusts_is_told(pip: Pip, index: tuple[str, Path]) -> None:
    done = pip("lab_tried", PIP_INDEX_URL=index[0])
    assert done.returncode == 1
    assert "a certificate that nothing here vouches for" in lab_line(done)
    assert lab_line(done).endswith("gives its authority as lab_pip_index_ca.")


def test_an_index_that_the_command_names_is_not_the_lab_s(pip: Pip, nobody: str) -> None:
    done = pip("lab_tried", "--index-url", nobody, PIP_INDEX_URL="https://localhost:1/simple")
    assert "that the command names does not answer here" in lab_line(done)


def test_a_package_that_is_not_there_needs_no_words_of_ours(
    pip: Pip, index: tuple[str, Path]
) -> None:
    address, authority = index
    done = pip("lab_missing", PIP_INDEX_URL=address, PIP_CERT=str(authority))
    assert done.returncode == 1
    assert "No matching distribution found for lab_missing" in done.stderr
    assert lab_line(done) == ""


def test_other_programs_do_not_load_it(python: Path) -> None:
    code = "import sys; print('explain_pip' in sys.modules, 'logging' in sys.modules)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_line_becomes_the_step_s_error(pip: Pip, nobody: str) -> None:
    done = pip("lab_tried", PIP_INDEX_URL=nobody)
    words = describe(done.returncode, done.stderr.encode())
    assert words == f"exit code 1 ({lab_line(done)})"


def test_examples() -> None:
    import importlib.util

    specification = importlib.util.spec_from_file_location("explain_pip", COMMON / "explain_pip.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert doctest.testmod(module) == doctest.TestResults(0, 1)
