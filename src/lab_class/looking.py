"""`./lab class board` and `message`: the class from a terminal, with the kubeconfig's rights."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from class_board import messages, times, words
from class_board.asking import AskError
from class_board.board import Board
from lab_class.roster import ClassError
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError

# A single look waits for slow services; one that follows takes them up as they come.
PATIENCE = 8.0
LOOK_AGAIN = 3.0
AT_ONCE = 16
CLEAR = "\x1b[H\x1b[J"


class Asking:
    """The kubeconfig's account, asked from threads of its own."""

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._threads = ThreadPoolExecutor(AT_ONCE)

    async def __call__(
        self, path: str, query: Mapping[str, str] | None = None, *, text: bool = False
    ) -> Any:
        """One request.

        Raises:
            AskError: it was refused or not answered.
        """
        accept = "text/plain, */*" if text else "application/json"

        def ask() -> Any:
            return self._client.request("GET", path, query=query, accept=accept)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except ApiError as error:
            raise AskError(error.status, error.message) from error
        except ValueError as error:
            raise AskError(502, f"{path} answered no JSON") from error


async def _show(client: KubernetesClient, *, as_json: bool, follow: bool) -> None:
    board = Board(Asking(client), **({} if follow else {"patience": PATIENCE}))
    try:
        while True:
            found = await board.look()
            if as_json:
                print(json.dumps(found, indent=1, ensure_ascii=False))
            else:
                width = shutil.get_terminal_size((100, 30)).columns
                text = "\n".join(words.lines(found, datetime.now(UTC), width))
                print((CLEAR if follow and sys.stdout.isatty() else "") + text, flush=True)
            if not follow:
                return
            await asyncio.sleep(LOOK_AGAIN)
    finally:
        await board.close()


def show_board(client: KubernetesClient, *, as_json: bool = False, follow: bool = False) -> int:
    """Print the board, once or until Ctrl-C.

    Raises:
        ClassError: one may not see the whole class.
    """
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_show(client, as_json=as_json, follow=follow))
    except AskError as error:
        if error.status in (401, 403):
            raise ClassError(
                f"the board shows every seat, and this kubeconfig may not see them all ({error}); "
                "./lab status tells of the seats that it may see"
            ) from error
        raise ClassError(f"the cluster does not say how the class is: {error}") from error
    return 0


def send(client: KubernetesClient, namespaces: Sequence[str], text: str) -> int:
    """Write a message into seats; an empty text takes it away.

    Raises:
        ClassError: the text cannot be one.
    """
    if text and (fault := messages.fault_of(text)):
        raise ClassError(fault)
    sent = times.write(datetime.now(UTC)) or ""
    for namespace in namespaces:
        if text:
            client.apply(messages.build(namespace, text, sent), field_manager="lab-class")
        else:
            client.delete("v1", "ConfigMap", messages.NAME, namespace)
    told = "Told" if text else "Took the message away from"
    print(f"{told} {', '.join(namespaces)}.")
    return 0
