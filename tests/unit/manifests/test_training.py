"""A training that was interrupted is followed to its end, not begun a second time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
RUN = "2b8c3c8e-6f0e-4b5e-9b7a-3d1d8f1f2a10"
SEATS = ("never-begun", "going", "ended", "run-gone")
# Stands for every module that the role uses: notes its arguments, answers by module and namespace.
MODULE = """#!{python}
# WANT_JSON
import json, pathlib, sys
arguments = json.loads(pathlib.Path(sys.argv[1]).read_text())
home = pathlib.Path({home!r})
namespace = arguments.get("namespace") or (arguments.get("namespaces") or [""])[0]
namespace = namespace or arguments.get("url", "").split("//")[-1].split(".")[0]
called = {{key: arguments.get(key) for key in ("kind", "template", "run_id", "follow", "state")}}
with (home / "calls").open("a") as calls:
    calls.write(json.dumps([{module!r}, namespace, called]) + chr(10))
answers = json.loads((home / "answers").read_text())
kind = arguments.get("kind") or ("look" if arguments.get("follow") is False else "")
found = answers.get({module!r} + kind, {{}})
print(json.dumps({{"changed": False, **found.get(namespace, found.get("", {{}}))}}))
"""
SUM = "a" * 64
MODEL = {
    "exists": True, "sha256": SUM, "size": 1, "fingerprint": "f" * 64, "record": {},
    "sidecar": {"sha256": SUM, "accuracy": 0.995},
}  # fmt: skip
JOBS = {seat: {"resources": [] if seat == "never-begun" else [{"kind": "Job"}]} for seat in SEATS}
LOG = f"submitted: https://pipelines/#/runs/details/{RUN}"
ANSWERS = {
    "lab_model_info": {"": MODEL},
    "k8s_infoSecret": {"": {"resources": [{"data": {"token": "dG9rZW4="}}]}},
    "k8s_infoJob": JOBS,
    "k8s_log": {"": {"log": LOG, "log_lines": [LOG]}},
    "lab_pipeline_runlook": {
        "going": {"state": "RUNNING", "going": True},
        "ended": {"state": "FAILED", "going": False},
        "run-gone": {"state": "", "going": False},
    },
    "lab_pipeline_run": {"": {"state": "SUCCEEDED", "seconds": 1}},
}


def write_modules(home: Path) -> None:
    """Put a stand-in in the place of each module, those of kubernetes.core as well."""
    collection = home / "collections" / "ansible_collections" / "kubernetes" / "core"
    core = collection / "plugins" / "modules"
    own = home / "library"
    for folder, names in (
        (core, ("k8s", "k8s_info", "k8s_log")),
        (own, ("lab_model_info", "lab_objects", "lab_wait", "lab_pipeline_run")),
    ):
        folder.mkdir(parents=True)
        for name in names:
            text = MODULE.format(python=sys.executable, home=str(home), module=name)
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (collection / "MANIFEST.json").write_text(
        json.dumps({"collection_info": {"namespace": "kubernetes", "name": "core"}})
    )


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the role did for each seat, in words, in one run of Ansible for all of them."""
    home = tmp_path_factory.mktemp("training")
    write_modules(home)
    (home / "answers").write_text(json.dumps(ANSWERS))
    (home / "ansible.cfg").write_text(
        f"[defaults]\nlibrary={home}/library\ncollections_path={home}/collections\n"
        f"roles_path={ROOT}/roles\n"
    )
    variables = {
        "ansible_python_interpreter": sys.executable,
        "lab_training_namespaces": list(SEATS),
        "lab_training_pipelines_url": "https://{namespace}.example.com",
        "lab_base_domain": "example.com",
    }
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables}
    (home / "play.yml").write_text(yaml.safe_dump([{**play, "roles": ["lab_training"]}]))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local",
         str(home / "play.yml")],
        cwd=home,
        env={**os.environ, "ANSIBLE_CONFIG": str(home / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    found: dict[str, list[str]] = {seat: [] for seat in SEATS}
    for line in (home / "calls").read_text().splitlines():
        module, namespace, called = json.loads(line)
        word = f"{module} {called['template'] or called['kind'] or ''}".strip()
        if module == "lab_pipeline_run":
            word = "look" if called["follow"] is False else f"follow {called['run_id']}"
        found.setdefault(namespace, []).append(word)
    return found


def submitted(words: list[str]) -> bool:
    return "k8s Job" in words


def test_a_run_that_goes_on_is_followed_and_no_other_begun(calls: dict[str, list[str]]) -> None:
    assert not submitted(calls["going"])
    assert calls["going"].index("look") < calls["going"].index(f"follow {RUN}")
    assert calls["going"].count("lab_model_info") == 2, "its model is checked in the end"


@pytest.mark.parametrize("seat", ["never-begun", "ended", "run-gone"])
def test_else_a_run_is_begun(calls: dict[str, list[str]], seat: str) -> None:
    assert submitted(calls[seat])
    assert calls[seat].index("k8s Job") < calls[seat].index(f"follow {RUN}")
