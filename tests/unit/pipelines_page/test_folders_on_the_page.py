"""Folders that steps wrote: listed, their files shown as any other, all of them in an archive."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from fastapi.testclient import TestClient

from lab_driver.links import walk
from pipeline_server.database import models
from pipeline_server.services import folders

from .conftest import HOST
from .sample_lab import CHECKPOINTS, FOLDER, Lab

FOLDER_PAGE = "/runs/run-1/artifacts/a-checkpoints"


def unpacked(answer: Any) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_folder_is_listed_with_a_way_to_each_file(browser: TestClient) -> None:
    page = browser.get(f"{FOLDER_PAGE}/view")
    assert page.status_code == 200
    assert "Download it to look at it" not in page.text
    for path in CHECKPOINTS:
        leads = f'href="{FOLDER_PAGE}/{quote(path)}/view"' in page.text
        assert leads is (".." not in path), path
    assert "<span>../outside.txt</span>" in page.text, "shown, though no address leads there"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("about.md", "<h1>Epochs</h1>"),
        ("epoch 1/loss.csv", "<td>0.5</td>"),
        ("epoch 1/Übersicht.html", f'/a-checkpoints/{quote("epoch 1/Übersicht.html")}/frame"'),
        ("digits.png", f"{FOLDER_PAGE}/digits.png/content"),
        ("epoch 1/weights.bin", "Download it to look at it"),
    ],
)
def test_a_file_of_a_folder_has_the_viewer_of_any_file(
    browser: TestClient, path: str, shown: str
) -> None:
    page = browser.get(f"{FOLDER_PAGE}/{quote(path)}/view")
    assert page.status_code == 200
    assert shown in page.text
    assert f'href="{FOLDER_PAGE}/view">checkpoints</a>' in page.text, "the way back"
    raw = browser.get(f"{FOLDER_PAGE}/{quote(path)}/content?download=1")
    assert raw.content == CHECKPOINTS[path]
    assert quote(path.rsplit("/", 1)[-1]) in raw.headers["content-disposition"]


def test_a_web_page_of_a_folder_is_sandboxed(browser: TestClient) -> None:
    frame = browser.get(f"{FOLDER_PAGE}/{quote('epoch 1/Übersicht.html')}/frame")
    assert frame.content == CHECKPOINTS["epoch 1/Übersicht.html"]
    assert frame.headers["content-security-policy"].startswith("sandbox allow-scripts;")


def test_a_folder_is_downloaded_as_an_archive(browser: TestClient) -> None:
    page = browser.get(f"{FOLDER_PAGE}/view").text
    assert f'href="{FOLDER_PAGE}/content?download=1"' in page
    files = unpacked(browser.get(f"{FOLDER_PAGE}/content?download=1"))
    assert sorted(files.values()) == sorted(CHECKPOINTS.values())
    assert "checkpoints/epoch 1/loss.csv" in files
    assert not any(".." in name.split("/") for name in files)


@pytest.mark.parametrize("place", ["/frame", "/inline/0"])
def test_an_archive_is_shown_as_nothing_else(browser: TestClient, lab: Lab, place: str) -> None:
    lab.change(models.Artifact, "a-checkpoints", schema_title="system.HTML")
    assert browser.get(f"{FOLDER_PAGE}{place}").status_code == 404
    assert "Files</h2>" in browser.get(f"{FOLDER_PAGE}/view").text


def test_nothing_else_is_reached_through_a_folder(browser: TestClient) -> None:
    for path in ("none.csv", "epoch 1", "..%2Fonnx/model-v2.onnx", "%2e/about.md", "/about.md"):
        address = f"{FOLDER_PAGE}/{path}/content"
        assert browser.get(address).status_code == 404, address


def test_what_is_not_in_the_store_is_said_instead_of_offered(browser: TestClient, lab: Lab) -> None:
    lab.change(models.Artifact, "a-model", uri="s3://rhods/v2/artifacts/lost.onnx")
    page = browser.get("/runs/run-1/artifacts/a-model/view").text
    assert "The object store has no s3://rhods/v2/artifacts/lost.onnx." in page
    assert "Download" not in page


def test_the_page_says_where_its_list_ends(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAXIMUM_FILES", 2)
    assert "There are more" in browser.get(f"{FOLDER_PAGE}/view").text
    assert "There are more" in browser.get("/runs/run-1?view=output").text


def test_the_files_of_elyra_s_steps_are_one_download(browser: TestClient, lab: Lab) -> None:
    assert 'href="/runs/run-1/files.zip"' in browser.get("/runs/run-1?view=output").text
    lab.store.objects[f"s3://rhods/{FOLDER}/../odd.txt"] = b"odd"
    assert "<span>../odd.txt</span>" in browser.get("/runs/run-1?view=output").text
    files = unpacked(browser.get("/runs/run-1/files.zip"))
    prefix = f"s3://rhods/{FOLDER}/"
    kept = {uri: content for uri, content in lab.store.objects.items() if uri.startswith(prefix)}
    assert sorted(files.values()) == sorted(kept.values())
    assert browser.get("/runs/run-2/files.zip").status_code == 404


def two_reports(lab: Lab) -> None:
    """As Elyra's steps leave them: each with a file of the same name, with a frame in it."""
    for number, step in enumerate(("t-train", "t-evaluate")):
        uri = f"s3://rhods/v2/artifacts/{step}/ui"
        outputs = [
            *({"type": "roc", "title": f"ROC of digit {digit}", "source": "0,0,1\n1,1,0\n"}
              for digit in range(number * 3)),
            {"type": "web-app", "storage": "inline", "source": f"<b>of {step}</b>"},
        ]  # fmt: skip
        lab.store.objects[uri] = json.dumps({"outputs": outputs}).encode()
        with lab.services.database.session() as session:
            artifact = models.Artifact(
                id=f"a-ui-{step}",
                run_id="run-1",
                task_id=step,
                name="mlpipeline-ui-metadata",
                schema_title="system.Artifact",
                uri=uri,
                uri_digest=step,
                meta={},
            )
            session.add(artifact)
            task = session.get_one(models.Task, step)
            sides = task.outputs.get("artifacts", {})
            made = {**sides, "mlpipeline-ui-metadata": [artifact.id]}
            task.outputs = {**task.outputs, "artifacts": made}


def test_every_frame_picture_file_and_link_opens(browser: TestClient, lab: Lab) -> None:
    two_reports(lab)
    frames: list[str] = []

    def open_page(address: str) -> tuple[int, str]:
        parts = urlsplit(address)
        answer = browser.get(f"{parts.path}?{parts.query}" if parts.query else parts.path)
        if "/inline/" in parts.path:
            frames.append(answer.text)
        own = not answer.headers.get("content-security-policy", "").startswith("sandbox")
        is_page = answer.headers.get("content-type", "").startswith("text/html")
        return answer.status_code, answer.text if own and is_page else ""

    run = f"{HOST}/runs/run-1"
    statuses = walk(f"{run}?view=output", run, open_page)
    assert {address: status for address, status in statuses.items() if status != 200} == {}
    assert set(frames) == {"<b>of t-train</b>", "<b>of t-evaluate</b>"}
    assert f"{run}/files.zip" in statuses
    assert any("/epoch%201/" in address for address in statuses), "a folder's files too"
    page = browser.get("/runs/run-1?view=output").text
    assert [f"ROC of digit {digit}" in page for digit in range(3)] == [True] * 3
