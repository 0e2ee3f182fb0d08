"""Changes arrive by themselves, within a second, and for nobody who may not see them."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import httpx
import pytest

from .seat import Page, bench_form, claim


class Stream:
    """A browser's EventSource, read in a thread."""

    def __init__(self, address, path, token="ann"):
        self.events = []
        self._news = threading.Condition()
        self._page = Page(address, token)
        self._path = path
        self._socket = None
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        # Closing the client would wait for the next event.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._page.client.close()

    def _read(self):
        name = ""
        try:
            with self._page.client.stream("GET", self._path) as response:
                stream = response.extensions["network_stream"]
                self._socket = stream.get_extra_info("socket")
                for line in response.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        with self._news:
                            self.events.append((name, json.loads(line.removeprefix("data: "))))
                            self._news.notify_all()
        except (httpx.HTTPError, RuntimeError, OSError):
            # The test closes the connection under it.
            return

    def wait(self, name, wanted, seconds=5.0):
        """Wait for an event of this name whose data is as wanted."""
        limit = time.monotonic() + seconds
        with self._news:
            while True:
                for event, data in self.events:
                    if event == name and wanted(data):
                        return data
                left = limit - time.monotonic()
                assert left > 0, [event for event, _ in self.events]
                self._news.wait(left)


PATH = "/api/projects/mnist/changes?sections=workbenches,storages"


def test_each_section_comes_once_and_then_when_it_changes(address, page, cluster):
    with Stream(address, PATH) as stream:
        stream.wait("workbenches", lambda data: data == {"items": []})
        stream.wait("storages", lambda data: len(data["items"]) == 1)
        page.post("/projects/mnist/workbenches", bench_form())
        stream.wait("workbenches", lambda data: [i["name"] for i in data["items"]] == ["my-bench"])
        began = time.monotonic()
        cluster.add(claim("more"))
        stream.wait("storages", lambda data: len(data["items"]) == 2)
        assert time.monotonic() - began < 1.0
        page.delete("/projects/mnist/workbenches/my-bench")
        stream.wait("workbenches", lambda data: data == {"items": []})
        assert {name for name, _ in stream.events} <= {"workbenches", "storages"}


def test_answer_and_event_are_the_same(address, page):
    page.post("/projects/mnist/workbenches", bench_form())
    for section in ("workbenches", "storages", "connections", "models", "permissions"):
        path = f"/api/projects/mnist/changes?sections={section}"
        with Stream(address, path) as stream:
            data = stream.wait(section, lambda _: True)
        assert data == page.get(f"/projects/mnist/{section}")


def test_section_that_may_not_be_seen_is_told(address):
    path = "/api/projects/mnist/changes?sections=permissions,storages"
    with Stream(address, path, "carl") as stream:
        told = stream.wait("failure", lambda data: data["section"] == "permissions")
        assert told["status"] == 403
        assert told["right"]["resource"] == "rolebindings"
        stream.wait("storages", lambda data: data["items"])


def test_lost_api_server_is_told_and_recovers(address, api, cluster):
    with Stream(address, PATH) as stream:
        stream.wait("storages", lambda data: len(data["items"]) == 1)
        api.away = True
        stream.wait("failure", lambda data: data["status"] == 503, 10)
        told = len(stream.events)
        api.away = False
        # Though nothing has changed meanwhile: the page is to know that it is over.
        stream.wait("storages", lambda _: len(stream.events) > told + 1, 10)
        cluster.add(claim("more"))
        stream.wait("storages", lambda data: len(data["items"]) == 2, 10)


def test_token_that_ends_ends_the_stream(address, api):
    with Stream(address, PATH) as stream:
        stream.wait("storages", lambda _: True)
        gone = api.accounts.pop("ann")
        api.away = True  # the watches break, and are begun anew
        time.sleep(0.2)
        api.away = False
        stream.wait("failure", lambda data: data["status"] == 401, 10)
        stream._thread.join(5)
        assert not stream._thread.is_alive()
        api.accounts["ann"] = gone


@pytest.mark.parametrize("path", ["/api/projects/mnist/changes?sections=secrets"])
def test_unknown_section(page, path):
    response = page.client.get(path)
    assert response.status_code == 422
    assert "there are" in response.json()["message"]


def test_list_of_projects(address, page, cluster):
    with Stream(address, "/api/changes") as stream:
        stream.wait("projects", lambda data: data["items"][0]["workbenches"] == [])
        page.post("/projects/mnist/workbenches", bench_form())
        stream.wait(
            "projects",
            lambda data: [b["word"] for b in data["items"][0]["workbenches"]] == ["Starting"],
        )
