"""The terminal's oc: what goes to kubectl, what it does itself, what it refuses in words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

OC = Path(__file__).resolve().parents[3] / "images/workbench/oc"
# Says what it is called with; knows one account, and no context.
KUBECTL = """#!/bin/sh
case "$*" in
*current-context*) [ -f "$HOME/.kube/config" ] && echo lab ;;
*"auth whoami"*) [ ! -f "$HOME/refuses" ] && printf someone ;;
*use-context*) : >"$HOME/.kube/config" ;;
*"config view"*) printf '' ;;
"config "*) ;;
*) for word in "$@"; do printf '<%s>' "$word"; done ;;
esac
"""
Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    (tmp_path / "bin").mkdir()
    kubectl = tmp_path / "bin/kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    environment = {"PATH": f"{kubectl.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(OC), *words], env=environment, text=True, capture_output=True, timeout=10,
            check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize(
    "words",
    [
        ["apply", "-k", "./inference/"],
        ["-n", "mnist", "get", "route", "mnist-webapp", "-ojsonpath={.status.ingress[0].host}"],
        ["get", "pods", "-l", "a b"],
        ["create", "token", "notebook", "--duration=1h"],
        ["-n", "login", "get", "pods"],
    ],
    ids=" ".join,
)
def test_what_both_know_goes_to_kubectl_word_for_word(ask: Ask, words: list[str]) -> None:
    assert ask(*words).stdout == "".join(f"<{word}>" for word in words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["new-app", "x"], "oc: new-app is of OpenShift's own oc"),
        (["expose", "svc/x"], "oc: expose would make a Route on OpenShift"),
        (["-n", "mnist", "rsh", "pod"], "oc: there is no rsh here"),
        (["new-project", "mine"], "oc: projects are made and deleted in the dashboard"),
        (["whoami", "-t"], "oc: a token is not shown"),
        (["project", "other"], "oc: the workbench's account is of project"),
        (["login", "https://api:6443"], "oc: login needs --token"),
        (["login", "-u", "me", "-p", "secret"], "oc: login takes an address and --token"),
        (["login", "--token=t", "--insecure-skip-tls-verify"], "oc: the cluster's certificate"),
    ],
)
def test_what_it_cannot_do_is_refused_in_words(ask: Ask, words: list[str], told: str) -> None:
    done = ask(*words)
    assert done.returncode == 1
    assert done.stderr.startswith(told), done.stderr
    assert "secret" not in done.stderr


def test_login_and_out(ask: Ask, tmp_path: Path) -> None:
    done = ask("login", "--token=t", "--server=https://api:6443")
    assert done.stdout == "Logged in to https://api:6443 as someone, using project default.\n"
    assert (tmp_path / ".kube/config").exists()
    assert ask("logout").returncode == 0
    assert not (tmp_path / ".kube/config").exists()


def test_a_token_that_is_refused_leaves_things_as_they_were(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "refuses").touch()
    done = ask("login", "--token=t", "https://api:6443")
    assert done.returncode == 1
    assert "does not take this token" in done.stderr
    assert not (tmp_path / ".kube/config").exists()
