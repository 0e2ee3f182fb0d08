"""The dashboard's interface, answered from a project in memory; levers under /_lever for tests.

Run by the fixtures, in the platform's environment, from the repository:
``python -m tests.browser.dashboard.scripted PORT BUNDLE``. It knows nothing of Kubernetes: the
server itself is tested where it is. What the page is given here has the shape that
src/dashboard/README.md says.
"""

from __future__ import annotations

import asyncio
import copy
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from tests.browser.dashboard import sample

Json = dict[str, Any]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
SECTIONS = ("workbenches", "storages", "connections", "models", "pipelines", "permissions")
# Kinds whose forms POST and PUT objects of the same list.
LISTS = {
    "workbenches": "workbenches",
    "storages": "storages",
    "connections": "connections",
    "servers": "models",
    "models": "models",
    "permissions": "permissions",
    "pipelines": "pipelines",
    "schedules": "schedules",
    "runs": "runs",
}


class Lab:
    """The state, and what the levers make go wrong."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Everything as at the start."""
        self.data: Json = copy.deepcopy(sample.PROJECTS)
        self.session: Json = copy.deepcopy(sample.SESSION)
        self.away = False
        self.signed_out = False
        self.slow = 0.0
        self.cause: str | None = None
        self.fail: Json | None = None
        self.writes: list[Json] = []
        self.messages: list[Json] = []

    def project(self, name: str) -> Json:
        """A project's state."""
        return self.data[name]

    def view(self, name: str, section: str) -> Any:
        """What GET of a section answers."""
        project = self.project(name)
        if section == "project":
            shown = project["workbenches"]
            keys = ("name", "displayName", "url")
            benches = [{k: b[k] for k in keys} | {"word": b["status"]["word"]} for b in shown]
            return project["project"] | {"workbenches": benches}
        if section == "models":
            return {
                "platform": project["project"]["platform"],
                "servers": project["servers"],
                "items": project["models"],
            }
        if section == "pipelines":
            return {"server": project["server"], "items": project["pipelines"]}
        return {"items": project[section]}

    def projects(self) -> Json:
        """What GET /api/projects answers."""
        return {"items": [self.view(name, "project") for name in self.data]}


def refusal(status: int, reason: str, message: str, **more: Any) -> JSONResponse:
    """An error as the interface has it."""
    empty: Json = {"field": None, "fields": {}, "right": None}
    body = {"message": message, "reason": reason, **empty, **more}
    return JSONResponse(body, status)


def create_application(bundle: Path) -> FastAPI:
    """The page's files, its interface and the levers."""
    lab = Lab()
    application = FastAPI(openapi_url=None)

    @application.middleware("http")
    async def guard(request: Request, call_next: Any) -> Response:
        path = request.url.path
        if path.startswith("/api/"):
            if lab.signed_out:
                return refusal(401, "SignIn", "Your session has ended: sign in again.")
            if lab.away:
                return refusal(503, "Unavailable", "The cluster's API server does not answer.")
        answer: Response = await call_next(request)
        answer.headers["Content-Security-Policy"] = POLICY
        return answer

    @application.post("/_lever/{name}")
    async def pull(name: str, request: Request) -> Any:
        given = json.loads(await request.body() or b"null")
        if name == "reset":
            lab.reset()
        elif name == "merge":
            project = lab.project(given["project"])
            for entry in project[given["section"]]:
                if entry["name"] == given["name"]:
                    entry.update(given["change"])
        elif name == "project":
            lab.project(given["project"]).update(given["change"])
        elif name == "session":
            lab.session.update(given)
        elif name == "empty":
            lab.data.clear()
        elif name == "writes":
            return lab.writes
        else:
            setattr(lab, name, given)
        return {}

    @application.get("/oauth/login")
    def sign_in(rd: str) -> Response:
        page = (
            "<!doctype html><html lang=en><title>Sign in</title><h1>Sign in</h1>"
            f"<form method=post action='/oauth/in?rd={rd.replace('&', '%26')}'>"
            "<button>Sign in</button></form>"
        )
        return Response(page, media_type="text/html")

    @application.post("/oauth/in")
    def signed_in(rd: str) -> Response:
        lab.signed_out = False
        return Response(status_code=303, headers={"Location": rd})

    @application.post("/oauth/logout")
    def sign_out() -> Response:
        lab.signed_out = True
        page = "<!doctype html><title>Out</title><h1>Signed out</h1>"
        return Response(page, media_type="text/html")

    @application.get("/api/session")
    def session() -> Any:
        return lab.session

    @application.get("/api/messages")
    def messages() -> Any:
        return {"items": lab.messages}

    @application.get("/api/catalogue")
    def catalogue() -> Any:
        return sample.CATALOGUE

    @application.get("/api/projects")
    def projects() -> Any:
        return lab.projects()

    async def stream(views: Any) -> AsyncIterator[str]:
        sent: dict[str, str] = {}
        while True:
            if lab.signed_out or lab.away:
                status = 401 if lab.signed_out else 503
                told = json.dumps({"status": status, "message": "Lost"})
                yield f"event: failure\ndata: {told}\n\n"
                if lab.signed_out:
                    return
            else:
                for section, data in views():
                    text = json.dumps(data)
                    if sent.get(section) != text:
                        sent[section] = text
                        yield f"event: {section}\ndata: {text}\n\n"
            await asyncio.sleep(0.1)

    def events(views: Any) -> Response:
        return StreamingResponse(stream(views), media_type="text/event-stream")

    @application.get("/api/changes")
    def changes() -> Response:
        return events(lambda: [("projects", lab.projects())])

    @application.get("/api/projects/{ns}/changes")
    def project_changes(ns: str) -> Response:
        if ns not in lab.data:
            return refusal(404, "NotFound", f"There is no project {ns}, or you may not see it.")
        shown = ("project", *SECTIONS)
        return events(lambda: [(section, lab.view(ns, section)) for section in shown])

    @application.get("/api/projects/{ns}")
    def project(ns: str) -> Any:
        if ns not in lab.data:
            return refusal(404, "NotFound", f"There is no project {ns}, or you may not see it.")
        return lab.view(ns, "project")

    @application.get("/api/projects/{ns}/tokens/{secret}")
    def token(ns: str, secret: str) -> Any:
        return {"token": f"token-of-{secret}", "message": None}

    @application.get("/api/projects/{ns}/connections/{name}/folders")
    def folders(path: str = "") -> Any:
        return sample.FOLDERS.get(path, {"path": path, "folders": [], "files": [], "more": False})

    @application.get("/api/projects/{ns}/guide")
    def guide(ns: str) -> Any:
        return sample.GUIDE | {"namespace": ns}

    @application.post("/api/projects/{ns}/guide/{number}/check")
    async def check(number: int) -> Any:
        await asyncio.sleep(lab.slow)
        return sample.checked(number, lab.cause)

    @application.get("/api/projects/{ns}/{section}")
    def section(ns: str, section: str) -> Any:
        return lab.view(ns, section)

    @application.get("/api/projects/{ns}/{section}/{name}")
    def one(ns: str, section: str, name: str) -> Any:
        for entry in lab.project(ns)[section]:
            if entry.get("name", entry.get("id")) == name:
                more: Json = {"versions": []} if section == "pipelines" else {}
                return entry | more | sample.DETAILS.get(f"{section}/{name}", {})
        return refusal(404, "NotFound", f"There is no {name}.")

    @application.post("/api/projects/{ns}/connections/try")
    async def try_connection(request: Request) -> Any:
        form = await request.json()
        if "wrong" in form["endpoint"]:
            words = "No server answers at this address."
            fields = {"endpoint": words}
            return {"ok": False, "message": words, "field": "endpoint", "fields": fields}
        return {"ok": True, "message": "The bucket answers.", "field": None, "fields": {}}

    @application.api_route("/api/projects{rest:path}", methods=["POST", "PUT", "DELETE"])
    async def write(rest: str, request: Request) -> Any:
        kind = request.headers.get("content-type", "")
        form = await request.json() if "json" in kind else dict(await request.form())
        await asyncio.sleep(lab.slow)
        if lab.fail:
            return refusal(**lab.fail)
        lab.writes.append({"method": request.method, "path": rest, "body": str(form)[:2000]})
        return sample.written(lab.data, request.method, rest.strip("/").split("/"), form)

    @application.get("/{path:path}")
    def files(path: str) -> Response:
        file = (bundle / path).resolve()
        if path and file.is_file() and bundle in file.parents:
            return FileResponse(file)
        return FileResponse(bundle / "index.html", headers={"Cache-Control": "no-store"})

    return application


if __name__ == "__main__":
    uvicorn.run(
        create_application(Path(sys.argv[2]).resolve()),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
