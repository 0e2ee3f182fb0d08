"""A class of any size as an API server and the seats' services tell of it, by path: a seat's number
says how far it is, and what is wrong there."""

from __future__ import annotations

import json
from typing import Any

WAY = ("project", "workbench", "cloned", "notebooks", "submitted", "stored", "served", "page",
       "digit")  # fmt: skip
AT = "2026-03-02T09:{:02d}:00Z"
DSPA = "datasciencepipelinesapplications.opendatahub.io/v1"


def ready(kind: str = "Ready", minute: int = 0) -> dict[str, Any]:
    """A status that says so."""
    moment = AT.format(minute)
    return {"conditions": [{"type": kind, "status": "True", "lastTransitionTime": moment}]}


def thing(name: str, namespace: str, **more: Any) -> dict[str, Any]:
    """An object as a list has it: without its kind."""
    labels = more.pop("labels", {})
    metadata: dict[str, Any] = {
        "name": name, "labels": labels, "uid": f"{namespace}/{name}",
        "creationTimestamp": AT.format(1),
    }  # fmt: skip
    if namespace:
        metadata["namespace"] = namespace
    return {"metadata": metadata, **more}


def pod(name: str, namespace: str, **labels: str) -> dict[str, Any]:
    """A pod that is ready."""
    state = {"name": "main", "ready": True, "restartCount": 0, "state": {"running": {}}}
    status = {**ready(), "phase": "Running", "containerStatuses": [state]}
    return thing(name, namespace, labels=labels, status=status,
                 spec={"containers": [{"name": "main"}]})  # fmt: skip


def notebook_file(run: bool) -> dict[str, Any]:
    """A notebook's content; its outputs are large, as a plot's are."""
    cell = {"cell_type": "code", "execution_count": 1 if run else None, "source": "1",
            "outputs": [{"text": "x" * 20000}] if run else []}  # fmt: skip
    return {"content": {"cells": [cell]}}


class Class:
    """What each path answers; ``steps`` brings the seats to steps by number."""

    def __init__(self, steps: list[str], learners: bool = True) -> None:
        self.paths: dict[str, Any] = {}
        self.lists: dict[str, list[Any]] = {
            path: []
            for path in (
                "/api/v1/namespaces", "/api/v1/nodes", "/api/v1/pods", "/api/v1/events",
                "/apis/apps/v1/deployments", "/apis/route.openshift.io/v1/routes",
                "/apis/kubeflow.org/v1/notebooks",
                "/apis/serving.kserve.io/v1beta1/inferenceservices",
                f"/apis/{DSPA}/datasciencepipelinesapplications", "/api/v1/configmaps",
            )
        }  # fmt: skip
        self.used: list[Any] = []
        self._add("/api/v1/nodes", thing("machine", ""))
        self.names = [f"mnist-{number + 1}" for number in range(len(steps))]
        for name, step in zip(self.names, steps, strict=True):
            self.seat(name, WAY.index(step))
        seats = [
            {"namespace": name, "learner": f"user{n + 1}" if learners else "", "name": ""}
            for n, name in enumerate(self.names)
        ]
        kept = thing("lab-class", "lab-platform", data={"seats.json": json.dumps({"seats": seats})})
        self.paths["/api/v1/namespaces/lab-platform/configmaps/lab-class"] = kept

    def _add(self, path: str, item: Any) -> None:
        self.lists[path].append(item)

    def answers(self) -> dict[str, Any]:
        """All paths with what they answer."""
        summary = {"/api/v1/nodes/machine/proxy/stats/summary": {"pods": self.used}}
        return {**{p: {"items": i} for p, i in self.lists.items()}, **summary, **self.paths}

    def seat(self, name: str, reached: int) -> None:
        """One seat, as far as its number."""
        phase = {"phase": "Active"}
        labels = {"app.kubernetes.io/part-of": "mnist-lab", "opendatahub.io/dashboard": "true"}
        self._add("/api/v1/namespaces", thing(name, "", labels=labels, status=phase))
        self._add(f"/apis/{DSPA}/datasciencepipelinesapplications",
                  thing("ds-pipeline", name, status=ready()))  # fmt: skip
        parts = ["ds-pipeline-x", "mariadb-x", "minio-x"]
        for part in parts:
            self._add("/api/v1/pods", pod(part, name))
            self._uses(part, name)
        if reached >= 1:
            self._workbench(name, reached)
        runs = [] if reached < 4 else [self._run("SUCCEEDED" if reached >= 5 else "RUNNING")]
        self.runs(name, runs)
        if reached >= 6:
            self._add("/apis/serving.kserve.io/v1beta1/inferenceservices",
                      thing("mnist", name, status={
                          **ready(minute=30),
                          "modelStatus": {"states": {"activeModelState": "Loaded"},
                                          "transitionStatus": "UpToDate"},
                      }))  # fmt: skip
        if reached >= 7:
            self._page(name, answered=reached >= 8)

    def _uses(self, part: str, namespace: str) -> None:
        self.used.append({
            "podRef": {"name": part, "namespace": namespace},
            "cpu": {"usageNanoCores": 5_000_000}, "memory": {"workingSetBytes": 100 * 2**20},
        })  # fmt: skip

    @staticmethod
    def _run(state: str, error: str = "") -> dict[str, Any]:
        ended = AT.format(25) if state != "RUNNING" else "1970-01-01T00:00:00Z"
        told = {"error": {"message": error}} if error else {}
        return {"run_id": "1", "display_name": "mnist-1", "state": state,
                "created_at": AT.format(20), "finished_at": ended, **told}  # fmt: skip

    def runs(self, name: str, runs: list[Any]) -> None:
        """What the pipeline server of a seat answers."""
        service = f"/api/v1/namespaces/{name}/services/ds-pipeline-ds-pipeline:8888/proxy"
        self.paths[f"{service}/apis/v2beta1/runs"] = {"runs": runs}

    def fail(self, name: str, error: str) -> None:
        """The newest run of a seat failed."""
        self.runs(name, [self._run("FAILED", error)])

    def _workbench(self, name: str, reached: int) -> None:
        status = {**ready(minute=5), "readyReplicas": 1}
        self._add("/apis/kubeflow.org/v1/notebooks", thing("notebook", name, status=status))
        self._add("/api/v1/pods", pod("notebook-0", name, **{"notebook-name": "notebook"}))
        self._uses("notebook-0", name)
        self._add("/apis/route.openshift.io/v1/routes",
                  thing("notebook", name, spec={"host": f"notebook-{name}.lab"}))  # fmt: skip
        base = f"/api/v1/namespaces/{name}/pods/notebook-0:8888/proxy/notebook/{name}/notebook/api"
        used = {"kernels": int(reached >= 3), "last_activity": AT.format(40)}
        self.paths[f"{base}/status"] = used
        self.paths[f"{base}/sessions"] = []
        folder = {"type": "directory", "path": "lab", "name": "lab", "created": AT.format(10)}
        self.paths[f"{base}/contents/"] = {"content": [folder] if reached >= 2 else []}
        files = []
        for number in range(4):
            run = reached >= 3 and number < 2
            path = f"lab/{number}.ipynb"
            files.append({"type": "notebook", "path": path, "size": 9000,
                          "last_modified": AT.format(15 if run else 10)})  # fmt: skip
            self.paths[f"{base}/contents/{path}"] = notebook_file(run)
        self.paths[f"{base}/contents/lab"] = {"content": files}

    def _page(self, name: str, answered: bool) -> None:
        status = {**ready("Available", 35), "replicas": 1, "readyReplicas": 1,
                  "availableReplicas": 1, "updatedReplicas": 1}  # fmt: skip
        self._add("/apis/apps/v1/deployments",
                  thing("mnist-webapp", name, spec={"replicas": 1}, status=status))  # fmt: skip
        self._add("/api/v1/pods", pod("mnist-webapp-x", name, app="mnist-webapp"))
        line = f'{AT.format(36)} INFO:httpx:HTTP Request: POST http://f/predict "HTTP/1.1 200 OK"\n'
        log = f"/api/v1/namespaces/{name}/pods/mnist-webapp-x/log"
        self.paths[log] = line if answered else f"{AT.format(36)} INFO: started\n"
