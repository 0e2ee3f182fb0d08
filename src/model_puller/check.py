"""Tries a model in a process of its own, before the server that others share opens it.

The process is forked from one that has the libraries loaded already, so a trial costs tens of
milliseconds; what a hostile file does to it stays in it.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from model_puller.errors import PullError

TRIAL_SECONDS = 60.0


def start_trials() -> None:
    """Prepare the process that trials are forked from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["model_puller.trial"])
    _run(context, Path("/nonexistent"), None)


def check_model(path: Path, memory_bytes: int | None) -> None:
    """Raise PullError with the cause unless ONNX Runtime can serve the model."""
    cause = _run(multiprocessing.get_context("forkserver"), path, memory_bytes)
    if cause:
        raise PullError(cause, retry=cause.startswith("out of memory"))


def _run(
    context: multiprocessing.context.ForkServerContext, path: Path, memory_bytes: int | None
) -> str:
    receiving, sending = context.Pipe(duplex=False)
    trial = context.Process(target=_trial, args=(sending, str(path), memory_bytes), daemon=True)
    trial.start()
    sending.close()
    try:
        if not receiving.poll(TRIAL_SECONDS):
            return f"the model did not open within {TRIAL_SECONDS:g} s"
        return str(receiving.recv())
    except EOFError:
        trial.join(5)
        if trial.exitcode == -signal.SIGKILL:
            return "out of memory while the model was tried"
        return f"the model ended the process that tried it (exit code {trial.exitcode})"
    finally:
        receiving.close()
        if trial.is_alive():
            trial.kill()
        trial.join(5)


def _trial(sending: Pipe, path: str, memory_bytes: int | None) -> None:
    # Loaded already in the process that this one was forked from; the puller itself stays small.
    from model_puller.trial import explain

    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    sending.send(explain(Path(path)))
    sending.close()
