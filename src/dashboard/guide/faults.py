"""What is wrong in a seat, or "": the lab's own checks (`lab_steps`) over what a learner sees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from dashboard import kinds
from dashboard.guide.look import FUNCTION, PAGE, Look
from dashboard.learner import PLATFORM, platform_of
from dashboard.views.pipelines import url_of
from lab_ground.s3 import Bucket
from lab_steps import drawing, pipelines, project, serving, workbench

# A row of the data has at most 785 numbers of three digits and a comma; the header has names.
_ROW = 785 * 4
_HEADER = 785 * 9
_SHOWN = "opendatahub.io/dashboard"


async def labelled(look: Look) -> str:
    """The namespace has the labels of a project."""
    found = await look.project()
    told = project.label_fault(found, _SHOWN, "true", "by which the dashboard knows a project")
    if told or platform_of(found):
        return told
    return f"namespace {look.namespace} has no label {PLATFORM}: nobody chose how models are served"


def volume(name: str) -> Callable[[Look], Awaitable[str]]:
    """A storage."""

    async def ask(look: Look) -> str:
        claim = await look.find(kinds.CLAIM, name)
        return project.volume_fault(claim, name, await look.listed(kinds.POD))

    return ask


async def connection(look: Look) -> str:
    """The data connection's values."""
    if await look.connection() is None:
        return "there is no data connection s3-creds in the project"
    return project.connection_fault(await look.connection_values())


async def bucket_opens(look: Look) -> str:
    """The data connection's key."""
    await look.stored(lambda bucket: bucket.check())
    return ""


async def workbench_runs(look: Look) -> str:
    """The workbench and its pod."""
    notebook = await look.workbench()
    pod = None
    if notebook is not None:
        pod = await look.find(kinds.POD, f"{notebook['metadata']['name']}-0")
    return workbench.running_fault(notebook, pod)


async def workbench_connected(look: Look) -> str:
    """What the workbench has."""
    notebook = await look.workbench()
    if notebook is None:
        return workbench.running_fault(None, None)
    if told := workbench.mount_fault(notebook, project.VOLUMES[0]):
        return told
    secret = await look.connection()
    if secret is None:
        return "there is no data connection s3-creds in the project"
    return workbench.connected_fault(notebook, secret["metadata"]["name"])


async def data_there(look: Look) -> str:
    """MNIST's files, by their sizes."""

    def sizes(bucket: Bucket) -> dict[str, int | None]:
        found = {key: bucket.head(key) for key in project.DATA}
        return {key: int(head["ContentLength"]) if head else None for key, head in found.items()}

    return project.data_fault(await look.stored(sizes))


async def model_stored(look: Look) -> str:
    """The model's file, and the one beside it."""
    missing = [key for key in (pipelines.MODEL, pipelines.SIDECAR) if key not in await look.keys()]
    return f"{' and '.join(missing)} not in the bucket" if missing else ""


async def model_whole(look: Look) -> str:
    """The model's checksum."""
    sidecar = await look.sidecar()
    return pipelines.model_fault(await look.model_file(), sidecar)


async def model_good(look: Look) -> str:
    """The model's accuracy."""
    return pipelines.accuracy_fault(await look.sidecar())


def server_part(part: str) -> Callable[[Look], Awaitable[str]]:
    """A condition of the pipeline server."""

    async def ask(look: Look) -> str:
        return pipelines.part_fault(await look.application(), part)

    return ask


async def api_answers(look: Look) -> str:
    """The pipelines API, as this learner."""
    await look.runs()
    return ""


async def submitted(look: Look) -> str:
    """A run."""
    return pipelines.submitted_fault(await look.runs())


async def review_added(look: Look) -> str:
    """The step that the learner adds."""
    return pipelines.added_fault(await look.run())


async def finished(look: Look) -> str:
    """A run that succeeded."""
    return pipelines.finished_fault(await look.runs())


async def steps(look: Look) -> str:
    """The steps of the newest that did."""
    return pipelines.steps_fault(await look.run("SUCCEEDED"))


async def notebooks_kept(look: Look) -> str:
    """The executed notebooks in the bucket, in both forms."""
    keys = await look.keys()
    found = (pipelines.notebooks_fault(keys, suffix) for suffix in (".html", ".ipynb"))
    return next((told for told in found if told), "")


async def model_ready(look: Look) -> str:
    """The InferenceService."""
    return serving.ready_fault(await look.model())


async def model_described(look: Look) -> str:
    """The model's metadata."""
    answer = await look.ask_model(token=await look.model_token())
    return serving.described_fault(answer.status, answer.body)


async def token_right(look: Look) -> str:
    """The model's answer to its token."""
    answer = await look.ask_model(token=await look.model_token(), infer=True)
    return serving.answered_fault(answer.status, answer.text, answer.body)


def token_refused(token: str) -> Callable[[Look], Awaitable[str]]:
    """The model's answer to another."""

    async def ask(look: Look) -> str:
        answer = await look.ask_model(token=token, infer=True)
        return serving.status_fault(answer.status, 401)

    return ask


async def function_ready(look: Look) -> str:
    """The serverless function."""
    return drawing.function_fault(await look.find(kinds.FUNCTION, FUNCTION))


async def page_admitted(look: Look) -> str:
    """The page's Route."""
    route = await look.find(kinds.ROUTE, PAGE)
    if route is None:
        return f"there is no Route {PAGE}"
    return "" if url_of(route) else f"the router has not taken the Route {PAGE}"


async def page_answers(look: Look) -> str:
    """The page itself."""
    answer = await look.page()
    return drawing.page_fault(answer.status, answer.headers.get("content-security-policy", ""))


async def empty_refused(look: Look) -> str:
    """What the page says of an empty drawing."""
    answer = await look.page("POST", "/api/predict", {"image": drawing.EMPTY})
    return drawing.refused_fault(answer.status, answer.body)


async def digits_recognised(look: Look) -> str:
    """Test images, sent as drawings."""
    rows = _HEADER + drawing.PROBES * _ROW
    head = await look.stored(lambda bucket: next(bucket.stream("data/test.csv", rows)))
    probes = drawing.digits(head)

    async def ask(image: bytes) -> object:
        answer = await look.page("POST", "/api/predict", {"image": drawing.drawing(image)})
        return answer.body.get("digit") if answer.status == 200 else f"({answer.status})"

    found = await asyncio.gather(*(ask(image) for _, image in probes))
    return drawing.recognised_fault(
        [(label, a) for (label, _), a in zip(probes, found, strict=True)]
    )
