"""JupyterLab behind the proxy: what a kernel has in memory outlives the proxy."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
import uuid

import platform_manifests
import pytest
import websocket
from cluster_accounts import account, binding, token_of
from platform_cluster import DOMAIN, ROUTER, STATE, is_ready, wait_for

from lab_ground.settings import PLATFORM_IMAGES

pytestmark = pytest.mark.cluster
NAME = "lab"
IMAGE = f"{PLATFORM_IMAGES}/mnist-workbench:1.0"


@pytest.fixture(scope="module")
def workbench(client, project):
    """The path of a workbench with the lab's own image that runs."""
    limits = {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"cpu": "2", "memory": "2Gi"},
    }
    # No browser comes by, so there is no cookie that proves where a request comes from.
    arguments = "--ServerApp.disable_check_xsrf=True"
    client.create(
        platform_manifests.workbench(NAME, project, IMAGE, arguments=arguments, resources=limits)
    )
    wait_for(lambda: is_ready(client, "Notebook", NAME, project), 120, "the workbench is ready")
    return platform_manifests.workbench_path(NAME, project)


class Jupyter:
    """Jupyter's API through the Route and the proxy, by the workbench's own account."""

    def __init__(self, browser, host, base, token):
        self.browser, self.host, self.base = browser, host, base
        self.headers = wait_for(lambda: browser.sign_in(host, token), 30, "the login")

    def ask(self, path, method="GET", body=None):
        return self.browser.ask(
            self.host, f"{self.base}{path}", method=method, body=body, headers=self.headers
        )

    @contextlib.contextmanager
    def kernel(self, identity):
        """A connection to a kernel, by WebSocket."""
        plain = socket.create_connection((ROUTER, 443), 30)
        sock = self.browser._context.wrap_socket(plain, server_hostname=self.host)
        url = f"wss://{self.host}{self.base}/api/kernels/{identity}/channels"
        connection = websocket.create_connection(url, socket=sock, header=self.headers, timeout=30)
        with contextlib.closing(connection):
            yield connection

    def run(self, identity, code):
        """The text that a cell's last expression gives."""
        message = {
            "header": {
                "msg_id": uuid.uuid4().hex,
                "msg_type": "execute_request",
                "username": "",
                "session": uuid.uuid4().hex,
                "version": "5.3",
            },
            "parent_header": {},
            "metadata": {},
            "channel": "shell",
            "content": {"code": code, "silent": False, "stop_on_error": True},
        }
        result = ""
        with self.kernel(identity) as connection:
            connection.send(json.dumps(message))
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                reply = json.loads(connection.recv())
                if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                    continue
                content = reply["content"]
                assert reply["msg_type"] != "error", content
                if reply["msg_type"] == "execute_result":
                    result = content["data"]["text/plain"]
                if reply["msg_type"] == "status" and content["execution_state"] == "idle":
                    return result
        raise AssertionError("the kernel did not finish")


@pytest.fixture
def jupyter(client, browser, project, workbench):
    token = token_of(client, project, NAME)
    found = Jupyter(browser, f"{NAME}-{project}.{DOMAIN}", workbench, token)
    wait_for(lambda: found.ask("/api").status == 200, 30, "Jupyter answers")
    return found


def read_on(connection):
    """Read whatever comes, until the connection ends."""
    while True:
        connection.recv()


def containers(client, project):
    pod = client.get("v1", "Pod", f"{NAME}-0", project)
    return {status["name"]: status for status in pod["status"]["containerStatuses"]}


def test_a_kernel_keeps_its_state_when_the_proxy_is_killed(client, project, jupyter):
    kernel = jupyter.ask("/api/kernels", "POST", b'{"name": "python3"}').json()["id"]
    jupyter.run(kernel, "kept = 41")
    before = containers(client, project)
    kill = "import os, signal; os.kill(1, signal.SIGTERM)"
    words = ["-n", project, "exec", f"{NAME}-0", "-c", "oauth-proxy", "--", "python3", "-c", kill]
    subprocess.run(
        ["/opt/mnist-lab/bin/kubectl", f"--kubeconfig={STATE / 'kubeconfig'}", *words], check=True
    )
    wait_for(
        lambda: (
            (found := containers(client, project)["oauth-proxy"])["ready"]
            and found["restartCount"] == before["oauth-proxy"]["restartCount"] + 1
        ),
        90,
        "a new proxy",
    )
    wait_for(lambda: jupyter.ask("/api").status == 200, 30, "the proxy answers")
    assert containers(client, project)[NAME]["containerID"] == before[NAME]["containerID"]
    assert jupyter.run(kernel, "kept + 1") == "42"


def test_a_revoked_token_ends_its_websocket_and_the_kernel_goes_on(
    client, browser, project, workbench, jupyter
):
    client.create(account("passing", project))
    client.create(binding("passing", project, role="edit"))
    passing = Jupyter(browser, jupyter.host, workbench, token_of(client, project, "passing"))
    wait_for(lambda: passing.ask("/api").status == 200, 15, "it is let in")
    kernel = jupyter.ask("/api/kernels", "POST", b'{"name": "python3"}').json()["id"]
    jupyter.run(kernel, "kept = 41")
    with jupyter.kernel(kernel) as good, passing.kernel(kernel) as connection:
        client.delete("v1", "ServiceAccount", "passing", project)
        revoked = time.monotonic()
        connection.settimeout(70)
        with pytest.raises((websocket.WebSocketConnectionClosedException, OSError)):
            read_on(connection)
        assert time.monotonic() - revoked < 60
        good.ping()
        assert good.connected
    assert jupyter.run(kernel, "kept + 1") == "42"
