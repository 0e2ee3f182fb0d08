"""What the checks of a lab stand on: its access file, its cluster, its clients, a browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from seat_buckets import open_bucket
from selenium.webdriver.remote.webdriver import WebDriver

from lab_driver import browser as browsers
from lab_driver.access import Access, read_access
from lab_driver.cluster import ClusterReader
from lab_driver.reaching import obstacle
from lab_driver.traffic import Traffic, WatchedSession
from lab_ground.redaction import Redactor
from lab_ground.s3 import Bucket
from lab_validation.evidence import Collector
from lab_validation.explanation import Explainer
from lab_validation.plugin import EVIDENCE, EXPLAIN, NAMESPACE, REDACTOR

REPOSITORY = Path(__file__).resolve().parents[2]
TRAFFIC = Traffic()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--lab-access", type=Path, default=REPOSITORY / ".lab" / "access.json",
        help="the access file of the lab that is checked",
    )  # fmt: skip


@pytest.fixture(scope="session")
def access(pytestconfig: pytest.Config) -> Access:
    found = read_access(pytestconfig.getoption("--lab-access"))
    # The report tells of this lab, whatever happens next.
    pytestconfig.stash[NAMESPACE] = found.namespace
    return found


@pytest.fixture(scope="session")
def namespace(access: Access) -> str:
    return access.namespace


@pytest.fixture(scope="session")
def kubeconfig(pytestconfig: pytest.Config) -> Path | None:
    if os.environ.get("KUBECONFIG"):
        return None
    return pytestconfig.getoption("--lab-access").with_name("kubeconfig")


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path | None) -> ClusterReader:
    return ClusterReader(kubeconfig)


@pytest.fixture(scope="session", autouse=True)
def evidence(pytestconfig: pytest.Config, access: Access, cluster: ClusterReader) -> None:
    """Let the report collect evidence, and mask this lab's secrets in it."""
    redactor = Redactor(cluster.secret_values(access.namespace))
    pytestconfig.stash[REDACTOR] = redactor
    pytestconfig.stash[EXPLAIN] = Explainer(access.get("s3.secret"))
    pytestconfig.stash[EVIDENCE] = Collector(
        cluster, access.namespace, access.get("images.namespace"), redactor, TRAFFIC
    )


@pytest.fixture(scope="session")
def verify(access: Access) -> str | bool:
    """What requests, boto3 and the kernel's client trust the Routes by."""
    return access.verify


def verified_session(verify: str | bool, token: str = "") -> requests.Session:
    session = WatchedSession(TRAFFIC)
    session.verify = verify
    # The machine's own bundle in the environment would otherwise win over `verify`.
    session.trust_env = False
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    return session


@pytest.fixture(scope="session")
def anyone(verify: str | bool) -> Iterator[requests.Session]:
    with verified_session(verify) as session:
        yield session


@pytest.fixture(scope="session")
def pipelines(
    access: Access, cluster: ClusterReader, verify: str | bool
) -> Iterator[requests.Session]:
    token = cluster.secret(access.get("pipelines.token_secret"))["token"]
    with verified_session(verify, token) as session:
        yield session


@pytest.fixture(scope="session")
def model_session(
    access: Access, cluster: ClusterReader, verify: str | bool
) -> Iterator[requests.Session]:
    try:
        token = cluster.secret(access.get("inference.token_secret"))["token"]
    except LookupError as error:
        raise LookupError(
            f"the model's token was revoked: {error}; ./lab run serve-model makes a new one"
        ) from None
    with verified_session(verify, token) as session:
        yield session


@pytest.fixture(scope="session")
def data_connection(access: Access, cluster: ClusterReader) -> dict[str, str]:
    return cluster.secret(access.get("s3.secret"))


@pytest.fixture(scope="session")
def bucket(access: Access, data_connection: dict[str, str], verify: str | bool) -> Bucket:
    return open_bucket(data_connection, access.get("s3.url"), verify)


@pytest.fixture(scope="session")
def test_digits(bucket: Bucket) -> tuple[np.ndarray, np.ndarray]:
    """The first 1,000 test images, uint8 [1000, 28, 28], and their labels, from the bucket."""
    # A row has at most 785 numbers of three digits and a comma: 1,000 rows fit in 3.2 MB.
    part = next(bucket.stream("data/test.csv", 3_300_000))
    lines = part.decode("ascii").splitlines()[1:1001]
    rows = np.array([line.split(",") for line in lines], dtype=np.uint8)
    assert rows.shape == (1000, 785), "data/test.csv does not have 785 columns"
    return rows[:, 1:].reshape(-1, 28, 28), rows[:, 0]


@pytest.fixture(scope="session")
def model_url(access: Access, cluster: ClusterReader) -> str:
    """The model's address from outside; fails with what is in the way to its server."""
    url, server = access.get("inference.url"), access.get("inference.cluster_url")
    name = server.removeprefix("https://").partition(".")[0]
    routes = cluster.objects("route.openshift.io/v1", "Route", access.namespace)
    found = obstacle(url, name, routes, cluster.find("v1", "Service", name, access.namespace))
    assert not found, found
    return f"{url}/v2/models/{access.get('inference.model')}"


@pytest.fixture(scope="session")
def ask_model(
    model_session: requests.Session, model_url: str
) -> Callable[[np.ndarray], np.ndarray]:
    """The model's own probabilities [n, 10] for test images, uint8 [n, 28, 28]."""
    url = f"{model_url}/infer"

    def ask(images: np.ndarray) -> np.ndarray:
        body = {
            "inputs": [
                {
                    "name": "input_1", "datatype": "FP32", "shape": [len(images), 28, 28, 1],
                    "data": (images.astype(np.float32) / 255).ravel().tolist(),
                }
            ]
        }  # fmt: skip
        answer = model_session.post(url, json=body, timeout=30)
        assert answer.status_code == 200, f"the model answered {answer.status_code}"
        return np.array(answer.json()["outputs"][0]["data"]).reshape(-1, 10)

    return ask


@pytest.fixture(scope="session")
def clear_digits(test_digits, ask_model: Callable[[np.ndarray], np.ndarray]) -> dict:
    """For each digit a test image of which the model itself is most certain."""
    images, labels = test_digits
    scores = np.concatenate([ask_model(images[i : i + 100]) for i in range(0, 500, 100)])
    chosen = {}
    for digit in range(10):
        candidates = np.flatnonzero(labels[:500] == digit)
        chosen[digit] = images[candidates[np.argmax(scores[candidates, digit])]]
    return chosen


@pytest.fixture(scope="session")
def browser(access: Access, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    driver = browsers.start(tmp_path_factory.mktemp("browser"), access.certificate)
    yield driver
    driver.quit()


@pytest.fixture
def keep_screenshot(
    browser: WebDriver, pytestconfig: pytest.Config, record_property: Callable[[str, object], None]
) -> Callable[[str], None]:
    """Keep a picture of what the browser shows, beside the report."""
    directory = pytestconfig.getoption("--lab-report") or REPOSITORY / ".lab" / "reports"

    def keep(name: str) -> None:
        path = directory / "screenshots" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(path))
        record_property("screenshot", f"screenshots/{name}.png")

    return keep
