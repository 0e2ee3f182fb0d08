"""The pipeline server's part of a reset: no run, schedule, pipeline or experiment is left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

# resource, id, name, state
Row = tuple[str, str, str, str | None]

# resource path, key of the list in the answer, key of the id, in the order of removal
RESOURCES = (
    ("recurringruns", "recurringRuns", "recurring_run_id"),
    ("runs", "runs", "run_id"),
    ("pipelines", "pipelines", "pipeline_id"),
    ("experiments", "experiments", "experiment_id"),
)
# The server makes it and needs it; a run without an experiment goes there.
KEPT_EXPERIMENT = "Default"
UNFINISHED = {"PENDING", "RUNNING", "PAUSED", "CANCELING", "RUNTIME_STATE_UNSPECIFIED", None}


class PipelineServer:
    """The v2beta1 API through the Route, with a token, TLS verified against ``ca``."""

    def __init__(self, url: str, token: str, ca: str | None) -> None:
        """Talk to ``url``; ``ca`` is a PEM file's path or None for the machine's own."""
        import requests

        self.base = f"{url}/apis/v2beta1"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.session.verify = ca or True
        # The machine's own bundle in the environment would otherwise win over `verify`.
        self.session.trust_env = False

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self.session.request(method, f"{self.base}/{path}", timeout=20, **options)
        if answer.status_code == 404 and method == "DELETE":
            return {}
        answer.raise_for_status()
        return cast(dict[str, Any], answer.json()) if answer.content else {}

    def trouble(self) -> str:
        """Return why the server cannot be used, as the end of a sentence; empty if it can."""
        import requests

        try:
            self._call("GET", "experiments", params={"page_size": 1})
        except requests.HTTPError as error:
            status = error.response.status_code
            return f"refuses it ({status})" if status in (401, 403) else f"answers {status}"
        except requests.RequestException as error:
            return f"does not answer ({error})"
        return ""

    def accepts(self, token: str) -> bool:
        """Tell whether a token opens the server."""
        if not token:
            return False
        answer = self.session.get(
            f"{self.base}/experiments",
            params={"page_size": 1},
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
            allow_redirects=False,
        )
        return answer.status_code not in (302, 401, 403)

    def rows(self) -> list[Row]:
        """Return (resource, id, name, state) of all that a learner made, schedules first."""
        found: list[Row] = []
        for path, key, identifier in RESOURCES:
            token = ""
            while True:
                page = self._call("GET", path, params={"page_size": 200, "page_token": token})
                for row in page.get(key) or page.get(path) or ():
                    name = row.get("display_name") or row.get("name") or ""
                    if path != "experiments" or name != KEPT_EXPERIMENT:
                        found.append((path, row[identifier], name, row.get("state")))
                token = page.get("next_page_token") or ""
                if not token:
                    break
        return found

    def _terminate(self, identifier: str) -> None:
        """Stop a run; one that has ended or is stopping since it was listed is refused, and fine.

        Raises:
            requests.HTTPError: the server answers anything else than that.
        """
        import requests

        try:
            self._call("POST", f"runs/{identifier}:terminate")
        except requests.HTTPError as error:
            if error.response.status_code not in (400, 404):
                raise

    def delete(self, rows: Iterable[Row]) -> None:
        """Remove rows: a run that still goes is terminated first, a pipeline with its versions."""
        for path, identifier, _, state in rows:
            if path == "runs" and state in UNFINISHED:
                self._terminate(identifier)
            if path == "pipelines":
                versions = self._call("GET", f"pipelines/{identifier}/versions")
                for version in versions.get("pipeline_versions") or ():
                    self._call(
                        "DELETE",
                        f"pipelines/{identifier}/versions/{version['pipeline_version_id']}",
                    )
            self._call("DELETE", f"{path}/{identifier}")
