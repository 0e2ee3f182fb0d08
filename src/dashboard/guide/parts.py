"""The guide's six parts: which checks show that one is done, and what they leave to others.

A check is the same as that of the lab's validation (`lab_steps`), asked with the learner's token.
Those that open a browser, start a kernel or read the whole data set are left to the validation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dashboard.guide import faults
from dashboard.guide.look import Look
from lab_steps.pipelines import PARTS as SERVER_PARTS
from lab_steps.project import VOLUMES

Ask = Callable[[Look], Awaitable[str]]


@dataclass(frozen=True)
class Check:
    """One check: its title, how it is asked, and what to do where it fails."""

    title: str
    ask: Ask
    remedy: str


@dataclass(frozen=True)
class Part:
    """A part of the guide, with what its checks do not look at."""

    number: int
    checks: tuple[Check, ...]
    left_out: tuple[str, ...] = ()


_INSTRUCTOR = "Tell your instructor: the project is prepared before the lab begins."
_STORAGE = "Create it on the tab Cluster storage, under this name."
_CONNECTION = "See the tab Data connections: s3-creds has the five values of the project's store."
_SERVER = "See the tab Pipelines; a server that has just been configured needs a minute or two."
_SUBMIT = "Submit the completed pipeline from Elyra once more, and follow Run Details."
_TRAIN = "Run the notebook Train from its first cell to its last, or the pipeline."
_DEPLOY = "See the tab Models: Deploy model, with connection s3-creds and path onnx/model-v2.onnx."
_AUTHORIZE = "Configure server with token authorization and the service account name model-mesh."
_APPLY = "Deploy function and page: the command of this part, in the workbench's terminal."

PARTS: tuple[Part, ...] = (
    Part(
        1,
        (
            Check("The project is a data science project", faults.labelled, _INSTRUCTOR),
            *(
                Check(f"The storage {name} is there", faults.volume(name), _STORAGE)
                for name in VOLUMES
            ),
            Check("The data connection s3-creds is whole", faults.connection, _CONNECTION),
            Check("Its key opens the bucket", faults.bucket_opens, _CONNECTION),
            Check(
                "The workbench runs",
                faults.workbench_runs,
                "See the tab Workbenches: create or start it; its status says what it waits for.",
            ),
            Check(
                "It has the storage and the data connection",
                faults.workbench_connected,
                "Edit the workbench: existing storage notebook, existing data connection s3-creds.",
            ),
        ),
        ("that JupyterLab opens and a cell runs in it",),
    ),
    Part(
        2,
        (
            Check("All of MNIST is in the bucket", faults.data_there, _INSTRUCTOR),
            Check("A model is stored in the bucket", faults.model_stored, _TRAIN),
            Check("It is the model that the file beside it tells of", faults.model_whole, _TRAIN),
            Check("It recognises enough of the test images", faults.model_good, _TRAIN),
        ),
        ("the files in your workbench, and each image of the data",),
    ),
    Part(
        3,
        (
            *(
                Check(f"The pipeline server says {part}", faults.server_part(part), _SERVER)
                for part in SERVER_PARTS
            ),
            Check("Its API answers you", faults.api_answers, _SERVER),
            Check("The pipeline was submitted", faults.submitted, _SUBMIT),
            Check(
                "The run has the step Review",
                faults.review_added,
                "Drag Review.ipynb onto the canvas, connect it, save, and submit again.",
            ),
        ),
        ("the pipeline's file in your workbench",),
    ),
    Part(
        4,
        (
            Check("A run has succeeded", faults.finished, _SUBMIT),
            Check("Every step of it succeeded", faults.steps, _SUBMIT),
            Check("The executed notebooks are kept", faults.notebooks_kept, _SUBMIT),
            Check("The run left a good model", faults.model_good, _SUBMIT),
        ),
        ("every frame and link of the run's output",),
    ),
    Part(
        5,
        (
            Check("The model is ready", faults.model_ready, _DEPLOY),
            Check("It describes its input", faults.model_described, _DEPLOY),
            Check("The right token gets ten probabilities", faults.token_right, _AUTHORIZE),
            Check("No token is refused", faults.token_refused(""), _AUTHORIZE),
            Check("A wrong token is refused", faults.token_refused("garbage"), _AUTHORIZE),
        ),
        ("a good token without the right, which is refused with 403",),
    ),
    Part(
        6,
        (
            Check("The function is ready", faults.function_ready, _APPLY),
            Check("The page has its address", faults.page_admitted, _APPLY),
            Check("The page answers", faults.page_answers, _APPLY),
            Check("An empty drawing is refused with its cause", faults.empty_refused, _APPLY),
            Check(
                "Ten test digits are recognised",
                faults.digits_recognised,
                "See part 5: page and function only pass on what the model answers.",
            ),
        ),
        ("digits drawn with a pen in a browser",),
    ),
)
