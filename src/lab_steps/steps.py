"""The lab's steps in the order in which a learner meets them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of the lab.

    ``id`` is also the name of the pytest marker that selects the step's checks.
    """

    id: str
    title: str
    explanation: str


STEPS: tuple[Step, ...] = (
    Step("project", "The data science project", "Namespace, volumes and the data connection"),
    Step("data", "The data", "All of MNIST in the bucket, in the layout the notebooks read"),
    Step("images", "The images", "Workbench and runtime images are offered and resolve"),
    Step("pipelines", "The pipeline server", "Its parts are ready and its API answers"),
    Step("workbench", "The workbench", "JupyterLab opens behind the login and runs a cell"),
    Step("training", "The pipeline run", "Every step succeeded; metrics and artifacts are there"),
    Step("serving", "The served model", "The model is loaded and describes itself"),
    Step("token", "The token", "Who may ask the model, and who may not"),
    Step("inference", "Function and page", "The preprocessing function and the page answer"),
    Step("prediction", "The prediction", "Digits drawn on the page are recognised"),
)

STEP_IDS: tuple[str, ...] = tuple(step.id for step in STEPS)


def step_for(marker_names: set[str]) -> str | None:
    """Return the id of the first step named among the markers, in the learner's order.

    >>> step_for({"serving", "cluster"})
    'serving'
    """
    return next((step_id for step_id in STEP_IDS if step_id in marker_names), None)
