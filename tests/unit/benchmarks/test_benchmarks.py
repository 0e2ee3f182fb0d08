"""The benchmark scripts come to their end: figures, bounds, a reference, verdicts, exit codes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import figures
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
Load = Callable[[str], ModuleType]
Bench = Callable[..., tuple[int, dict[str, Any]]]


@pytest.mark.parametrize(
    "name",
    [
        "board",
        "cluster",
        "dashboard",
        "images",
        "kinds",
        "kubernetes_clients",
        "lab",
        "noise",
        "pipelines",
        "reset",
        "sign_in",
        "workload",
    ],
)
def test_the_script_starts(name: str) -> None:
    """As a script, whose folder is on the path then."""
    done = subprocess.run(
        [sys.executable, BENCHMARKS / f"{name}.py", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "--output" in done.stdout or "usage" in done.stdout


def test_verdicts_of_upper_and_lower_bounds() -> None:
    judged = figures.judge(
        {"fast": 1.0, "slow": 3.0, "rate": 700, "low_rate": 500, "free": 9},
        {"fast": 2, "slow": 2, "rate": 600, "low_rate": 600},
        at_least=["rate", "low_rate"],
    )
    assert {name: entry["verdict"] for name, entry in judged.items()} == {
        "fast": "met",
        "slow": "missed",
        "rate": "met",
        "low_rate": "missed",
        "free": "no bound",
    }
    lines = figures.table(judged, ["rate", "low_rate"])
    assert lines[1].split() == ["slow", "3", "at", "most", "2", "missed"]
    assert lines[2].split() == ["rate", "700", "at", "least", "600", "met"]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Runs a script's ``main``; gives its exit code and what it wrote."""

    def run(module: ModuleType, *options: str) -> tuple[int, dict[str, Any]]:
        output = tmp_path / "reports" / "figures.json"
        monkeypatch.setattr(sys, "argv", ["benchmark", "--output", str(output), *options])
        code = int(module.main())
        return code, dict(json.loads(output.read_text()))

    return run


@contextlib.contextmanager
def nothing(*_: Any) -> Iterator[Any]:
    yield mock.MagicMock()


def patch_pipelines(module: ModuleType, monkeypatch: pytest.MonkeyPatch, lists: float) -> None:
    monkeypatch.setattr(module, "pipeline_server", nothing)
    monkeypatch.setattr(module, "connect", lambda server: None)
    monkeypatch.setattr(module, "measure_overhead", lambda *_: [1.0, 2.0, 3.0])
    monkeypatch.setattr(module, "measure_bare_pod", lambda server: 0.5)
    monkeypatch.setattr(module, "measure_crowd", lambda *_: (40.0, 0))
    monkeypatch.setattr(module, "measure_lists", lambda *_: {"a": [lists] * 10, "b": [0.01] * 10})
    monkeypatch.setattr(module, "measure_memory", lambda server: 200.0)
    monkeypatch.setattr(module, "measure_round_trip", lambda kubernetes: 0.002)


@pytest.mark.parametrize(
    ("lists", "options", "code"), [(0.05, (), 0), (0.5, (), 1), (0.5, ("--quick",), 0)]
)
def test_pipelines(
    load: Load,
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lists: float,
    options: tuple[str, ...],
    code: int,
) -> None:
    module = load("pipelines")
    patch_pipelines(module, monkeypatch, lists)
    found, report = bench(module, *options)
    assert found == code
    assert set(module.BOUNDS) <= set(report["figures"])
    assert report["reference"]["step_takes_times_as_long_as_a_bare_pod"] == 4.0
    told = capsys.readouterr().err
    assert ("missed" in told) == (lists > 0.1)


def test_kinds(load: Load, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("kinds")
    secret = {"data": {"tls.crt": "eA=="}}
    client = mock.MagicMock(get=lambda *_: secret)
    monkeypatch.setattr(module.kubernetes, "get_client", lambda: client)
    monkeypatch.setattr(module, "Browser", mock.MagicMock())
    monkeypatch.setattr(module, "project", nothing)
    monkeypatch.setattr(module, "server_manifests", lambda *_: [])
    monkeypatch.setattr(module, "is_ready", lambda *_: True)
    function = {"function_cold_seconds": 2.0, "function_warm_ms": 1.0, "reference_ms": 0.5}
    monkeypatch.setattr(module, "measure_function", lambda *_: dict(function))
    for name, value in (
        ("measure_route", 0.5),
        ("measure_notebook", 8.0),
        ("measure_token_check", 0.4),
        ("measure_many", 12.0),
        ("memory_mib", 300.0),
    ):
        monkeypatch.setattr(module, name, lambda *_, value=value: value)
    code, report = bench(module)
    assert code == 1
    assert set(report["figures"]) == set(module.BOUNDS)
    assert report["figures"]["controllers_mib"]["verdict"] == "missed"
    assert report["reference"] == {"reference_ms": 0.5}


@pytest.mark.parametrize(("rate", "code"), [(900.0, 0), (300.0, 1)])
def test_serving(
    load: Load, bench: Bench, monkeypatch: pytest.MonkeyPatch, rate: float, code: int
) -> None:
    module = load("serving")
    monkeypatch.setattr(module, "Project", mock.MagicMock())
    monkeypatch.setattr(module, "get_client", mock.MagicMock())
    module.serving_models.convolutional().SerializeToString.return_value = b"model"
    found = {
        "start_seconds": 9.0,
        "load_seconds": 1.0,
        "steady": {"p50_ms": 1.5, "p99_ms": 5.0, "failed": 0},
        "saturated": {"requests_per_second": rate, "failed": 0},
        "stages": {"proxy": {"p50_ms": 0.5}, "model_server": {"p50_ms": 1.0}},
        "memory_by_container": {"mlserver": 200.0},
        "memory_mebibytes": 200.0,
        "reference": {"version": "1", "p50_ms": 0.1, "p99_ms": 0.2},
    }
    monkeypatch.setattr(module, "measure", lambda *_: found)
    result, report = bench(module)
    assert result == code
    assert set(report["figures"]) == set(module.BOUNDS)
    assert report["reference"] == {"p50_ms": 0.1, "p99_ms": 0.2}
    assert report["stages"] == found["stages"]


def test_images(load: Load, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = load("images")
    (tmp_path / ".lab").mkdir()
    sizes = {"mnist-serving": {"unpacked_gb": 0.5}, "mnist-inference": {"unpacked_gb": 0.5}}
    (tmp_path / ".lab" / "images.json").write_text(json.dumps(sizes))
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "unchanged", lambda: 4.0)
    monkeypatch.setattr(module, "changed", lambda *_: 12.0)
    monkeypatch.setattr(module, "import_all", lambda: 20.0)
    monkeypatch.setattr(module, "reference", lambda megabytes: 1.0)
    code, report = bench(module)
    assert code == 1
    assert report["figures"]["mnist-inference_gb"]["verdict"] == "missed"
    assert report["figures"]["import_all_seconds"]["verdict"] == "no bound"
    assert report["reference"] == {"reference_seconds": 1.0}


def test_a_second_build_that_changes_something_is_told(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("images")
    done = subprocess.CompletedProcess([], 0, stdout="changed=2")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(SystemExit, match="changed something"):
        module.unchanged()


@pytest.mark.parametrize(("waited", "code"), [(40.0, 0), (140.0, 1)])
def test_lab(
    load: Load, bench: Bench, monkeypatch: pytest.MonkeyPatch, waited: float, code: int
) -> None:
    module = load("lab")
    by_request = {"first_prediction_seconds": 3.0, "next_prediction_ms": 20.0}
    by_click = {"first_click_seconds": 2.0, "click_to_answer_ms": waited}
    monkeypatch.setattr(module.config, "load_kube_config", lambda *_: None)
    monkeypatch.setattr(module, "read_access", dict)
    monkeypatch.setattr(module, "run_lab", lambda *_: (30.0, "ok=3 changed=0 unreachable=0"))
    monkeypatch.setattr(module, "measure_page", lambda *_: (dict(by_request), 1.5, {"digit": 7}))
    monkeypatch.setattr(module, "measure_clicks", lambda *_: dict(by_click))
    monkeypatch.setattr(module, "measure_pipeline", lambda *_: 200.0)
    found, report = bench(module, "--fresh")
    assert found == code
    assert set(report["figures"]) == set(module.BOUNDS)
    assert report["reference"] == {"page_ms": 1.5}
    assert report["digit"] == 7


def test_the_clock_of_the_page_tells_a_failure_from_an_answer(load: Load) -> None:
    module = load("lab")
    page = mock.MagicMock()
    page.browser.execute_async_script.return_value = ["answered", 31.5]
    assert module.click_to_answer(page) == 31.5
    page.browser.execute_async_script.return_value = ["failed", 31.5]
    with pytest.raises(RuntimeError, match="it is failed"):
        module.click_to_answer(page)


@pytest.mark.parametrize(("seconds", "code"), [(60.0, 0), (95.0, 1)])
def test_reset(
    load: Load, bench: Bench, monkeypatch: pytest.MonkeyPatch, seconds: float, code: int
) -> None:
    module = load("reset")
    monkeypatch.setattr(module, "api_round_trip", lambda: 0.001)
    parts = {
        "validate": lambda _: {"validate": 33.0},
        "one": lambda _: {"reset_one": 22.0},
        "many": lambda seats: {"provision": 134.0, "served_seats": 8, "reset_many": seconds},
    }
    monkeypatch.setattr(module, "PARTS", parts)
    bench(module, "--only", "validate", "one")
    found, report = bench(module, "--only", "many")
    assert found == code
    assert set(module.BOUNDS) <= set(report["figures"]), "parts are put together"
    assert report["figures"]["served_seats"]["verdict"] == "no bound"
    assert report["reference"] == {"api_round_trip": 0.001}


def test_seats_are_used_before_they_are_reset(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("reset")
    calls: list[str] = []

    def lab(*arguments: str) -> float:
        calls.append(" ".join(arguments[:2]))
        return 1.0

    monkeypatch.setattr(module, "lab", lab)
    monkeypatch.setattr(module, "read_access", mock.MagicMock())
    monkeypatch.setattr(module, "ClusterReader", mock.MagicMock())
    monkeypatch.setattr(module, "remove", lambda _: calls.append("remove") or 2.0)
    monkeypatch.setattr(module.used_seats, "use", lambda *_: calls.append("use") or 3)
    figures = module.measure_many(4)
    assert calls == ["run prepare-lab", "use", "reset -e", "remove"]
    assert figures["served_seats"] == 3


@pytest.mark.parametrize(("noisy", "failed", "code"), [(15.0, 0, 0), (30.0, 0, 1), (15.0, 1, 1)])
def test_noise(
    load: Load, bench: Bench, monkeypatch: pytest.MonkeyPatch, noisy: float, failed: int, code: int
) -> None:
    module = load("noise")
    answers = iter(
        [(dict.fromkeys(module.NAMES, 10.0), 0), (dict.fromkeys(module.NAMES, noisy), failed)]
    )
    for name in ("open_client", "Neighbour", "read_access"):
        monkeypatch.setattr(module, name, mock.MagicMock())
    monkeypatch.setattr(module, "measure", lambda *_: next(answers))
    monkeypatch.setattr(module, "noisy_seat", nothing)
    monkeypatch.setattr(
        module, "noise", lambda *_, **__: contextlib.nullcontext({"running": ["bomb-1"]})
    )
    found, report = bench(module)
    assert found == code
    assert set(module.BOUNDS) <= set(report["figures"])
    assert report["figures"]["login_times"]["measured"] == noisy / 10
    assert report["noise"] == {"running": ["bomb-1"]}
