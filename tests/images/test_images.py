"""Every image runs as anybody, imports what it is for, and holds nothing that it should not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHECKER = (Path(__file__).parent / "checker.py").read_text()
IMPORTS = {
    "lab-platform": [
        "kopf",
        "kubernetes",
        "fastapi",
        "uvicorn",
        "sqlalchemy",
        "alembic",
        "kfp.dsl",
        "controllers",
        "pipeline_server",
        "auth_proxy",
    ],
    "mnist-serving": ["mlserver", "onnxruntime", "boto3", "model_server", "model_puller"],
    "mnist-inference": ["mnist_webapp.function", "mnist_webapp.page", "mnist_workload.inference"],
    "mnist-runtime": [
        "tensorflow",
        "papermill",
        "kfp",
        "boto3",
        "tf2onnx",
        "onnxruntime",
        "matplotlib.pyplot",
        "pandas",
        "mnist_workload.training",
    ],
    "mnist-workbench": [
        "jupyterlab",
        "elyra",
        "jupyterlab_git",
        "tensorflow",
        "papermill",
        "mnist_workload.training",
    ],
}
PROGRAMS = {
    "lab-platform": "nginx traefik weed mariadbd mariadb-install-db",
    "mnist-serving": "mlserver",
    "mnist-inference": "uvicorn",
    "mnist-runtime": "sh curl pip tar git papermill",
    "mnist-workbench": "sh curl pip tar git jupyter elyra-pipeline start-notebook.sh oc kubectl",
}
IMAGES = sorted(IMPORTS)
WITHOUT_TENSORFLOW = ("lab-platform", "mnist-serving", "mnist-inference")


@pytest.fixture(scope="module")
def report_on(run_pod: Callable[..., str]) -> Callable[[str], dict[str, Any]]:
    """The checker's report on an image, made once."""
    reports: dict[str, dict[str, Any]] = {}

    def report(image: str) -> dict[str, Any]:
        if image not in reports:
            log = run_pod(
                image, ["python3", "-c", CHECKER, *IMPORTS[image]], PROGRAMS=PROGRAMS[image]
            )
            [line] = [line for line in log.splitlines() if line.startswith("REPORT ")]
            reports[image] = json.loads(line.removeprefix("REPORT "))
        return reports[image]

    return report


@pytest.fixture(params=IMAGES)
def report(
    request: pytest.FixtureRequest, report_on: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    return report_on(request.param)


def test_runs_as_anybody_without_privileges(report: dict[str, Any]) -> None:
    assert report["uid"] >= 1_000_600_000
    assert report["gid"] == 0
    assert report["capabilities"] == 0
    assert report["no_new_privileges"]


def test_root_is_read_only_and_there_is_room_to_work(report: dict[str, Any]) -> None:
    assert report["writable"] == []
    assert report["home_writable"]


def test_imports_what_it_is_for(report: dict[str, Any]) -> None:
    assert report["import_failures"] == {}


def test_has_its_programs(report: dict[str, Any]) -> None:
    missing = [name for name, path in report["programs"].items() if path is None]
    assert missing == []


def test_has_no_compiler(report: dict[str, Any]) -> None:
    assert report["compilers"] == []


def test_holds_no_secret(report: dict[str, Any]) -> None:
    assert report["secrets"] == []
    assert report["variables"] == []
    assert report["left_from_build"] == []


@pytest.mark.parametrize("image", IMAGES)
def test_carries_its_own_bill_of_materials(
    image: str, report_on: Callable[[str], dict[str, Any]]
) -> None:
    assert report_on(image)["bill"] == {
        "bom-ref": image,
        "name": image,
        "type": "container",
        "version": "1.0",
    } | {"bom-ref": report_on(image)["bill"]["bom-ref"]}


@pytest.mark.parametrize("image", WITHOUT_TENSORFLOW)
def test_is_free_of_tensorflow(image: str, report_on: Callable[[str], dict[str, Any]]) -> None:
    assert not report_on(image)["tensorflow_there"]


# A wheel that is made on the spot, so that no index is needed.
INSTALL = """
import subprocess, sys, zipfile
wheel = "/tmp/lab_probe-1.0-py3-none-any.whl"
with zipfile.ZipFile(wheel, "w") as archive:
    archive.writestr("lab_probe.py", "VALUE = 42")
    info = "lab_probe-1.0.dist-info"
    about = "Metadata-Version: 2.1\\nName: lab-probe\\nVersion: 1.0\\n"
    archive.writestr(f"{info}/METADATA", about)
    kind = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    archive.writestr(f"{info}/WHEEL", kind)
    archive.writestr(f"{info}/RECORD", "")
pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
subprocess.run([*pip, "install", "--no-index", "--no-deps", wheel], check=True)
# One of the image's own, replaced: its files are another user's.
subprocess.run([*pip, "uninstall", "-y", "papermill"], check=True)
use = "import lab_probe; print('VALUE', lab_probe.VALUE)"
subprocess.run([sys.executable, "-c", use], check=True)
"""


@pytest.mark.parametrize("image", ["mnist-runtime", "mnist-workbench"])
def test_anybody_installs_a_package(image: str, run_pod: Callable[..., str]) -> None:
    """As OpenShift AI's images allow: their environment is writable for group 0."""
    assert "VALUE 42" in run_pod(image, ["python3", "-c", INSTALL], writable=True)


def test_workbench_answers(run_pod: Callable[..., str]) -> None:
    """JupyterLab starts as the dashboard starts it, with Elyra's configuration in its place."""
    script = """
        start-notebook.sh >/tmp/log 2>&1 &
        for attempt in $(seq 60); do
            curl -fsS http://localhost:8888/notebook/mnist/notebook/api && break
            sleep 1
        done
        echo
        curl -fsS http://localhost:8888/notebook/mnist/notebook/elyra/schemaspace || cat /tmp/log
    """
    log = run_pod(
        "mnist-workbench",
        ["sh", "-c", script],
        NOTEBOOK_ARGS=(
            "--ServerApp.token='' --ServerApp.password='' "
            "--ServerApp.base_url=/notebook/mnist/notebook "
            '--ServerApp.tornado_settings={"user":"learner"}'
        ),
    )
    assert '"version":' in log
    assert "runtime-images" in log


def test_page_comes_whole_from_the_image(run_pod: Callable[..., str]) -> None:
    """The page and its script are served from the image, and name no other host."""
    script = """
import subprocess, sys, time, re, httpx
server = subprocess.Popen([sys.executable, "-m", "mnist_webapp.page"])
for attempt in range(40):
    try:
        page = httpx.get("http://localhost:8080/")
        break
    except httpx.ConnectError:
        time.sleep(0.5)
server_text = page.text
links = re.findall(r'(?:src|href)="([^"]+)"', server_text)
for link in links:
    print(httpx.get("http://localhost:8080/").url.join(link), flush=True)
    assert httpx.get(httpx.URL("http://localhost:8080/").join(link)).status_code == 200
server.terminate()
assert links
"""
    log = run_pod("mnist-inference", ["python3", "-c", script])
    hosts = {line.split("/")[2] for line in log.splitlines() if line.startswith("http")}
    assert hosts == {"localhost:8080"}
