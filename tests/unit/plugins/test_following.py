"""How a pipeline run is, asked once: whether an interrupted training goes on."""

from __future__ import annotations

import email.message
import urllib.error
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

Load = Callable[[str], ModuleType]


class Client:
    """Gives these answers, one after another; the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def read_run(self, run_id: str) -> dict[str, Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"run_id": run_id, "state": answer}


def refusal(code: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError("https://server/run", code, "said", email.message.Message(), None)


@pytest.fixture
def module(plugin: Load, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    loaded = plugin("action/lab_pipeline_run")
    monkeypatch.setattr(loaded, "INTERVAL", 0)
    return loaded


@pytest.mark.parametrize(
    ("state", "going"),
    [
        ("PENDING", True),
        ("RUNNING", True),
        ("PAUSED", True),
        ("CANCELING", True),
        ("SUCCEEDED", False),
        ("FAILED", False),
        ("CANCELED", False),
        ("SKIPPED", False),
    ],
)
def test_a_run_goes_on_until_its_state_is_final(
    module: ModuleType, state: str, going: bool
) -> None:
    assert module.look_at_run(Client(state), "r") == {"state": state, "going": going}


def test_a_run_that_is_gone_does_not_go_on(module: ModuleType) -> None:
    assert module.look_at_run(Client(refusal(404)), "r") == {"state": "", "going": False}


def test_a_server_that_is_away_for_a_moment_is_asked_again(module: ModuleType) -> None:
    client = Client(refusal(503), OSError("refused"), "RUNNING")
    assert module.look_at_run(client, "r")["going"]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [(refusal(401), "refused to show run r"), (OSError("no route"), "does not say how run r is")],
)
def test_a_server_that_does_not_say_is_a_sentence(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, trouble: Exception, said: str
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0)
    with pytest.raises(AnsibleActionFail, match=said):
        module.look_at_run(Client(trouble), "r")
