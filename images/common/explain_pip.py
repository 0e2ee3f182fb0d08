"""Says, where pip failed for want of a package index, what is missing and who can mend it.

``explain_pip.pth`` loads it into every Python that is started as pip, in a step and in a workbench
alike. pip's own words stay as they are; a line of the lab's comes below them.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import sys

# By this the launcher of steps knows the line, which becomes the step's error.
MARK = "lab: "
UNTRUSTED = re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed")
AWAY = re.compile(
    r"NewConnectionError|ConnectTimeoutError|NameResolutionError|ReadTimeoutError|ProtocolError"
    r"|ProxyError|ConnectionResetError|RemoteDisconnected|Max retries exceeded|Read timed out"
)
REFUSED = re.compile(r"\b(40[137])\b[^\n]*(?:Error|Unauthorized|Forbidden)")
CREDENTIALS = re.compile(r"://[^/\s@]*@")


def named_in(arguments: list[str]) -> str:
    """The index that a command of pip names itself; "" where it names none.

    >>> named_in(["install", "-i", "https://index.example/simple", "six"])
    'https://index.example/simple'
    """
    for number, word in enumerate(arguments):
        option, _, value = word.partition("=")
        if option in {"-i", "--index-url", "--pypi-url"}:
            return value or "".join(arguments[number + 1 : number + 2])
    return ""


def own_index() -> str:
    """The host of the index that pip asks where nobody names one, as pip itself has it."""
    from pip._internal.models.index import PyPI

    return str(PyPI.netloc)


def explain(said: str, index: str, arguments: list[str]) -> str:
    """What the lab says to a failure of pip's; "" where pip's own words are enough.

    Args:
        said: pip's warnings and errors.
        index: the index that the lab names (``PIP_INDEX_URL``); "" for none.
        arguments: pip's, which may name another one.
    """
    own = named_in(arguments)
    address = CREDENTIALS.sub("://***@", own or index)
    where = address or f"pip's own, {own_index()},"
    if own:
        named = f"the package index {where} that the command names"
    elif index:
        named = f"the lab's package index {where} (lab_pip_index_url)"
    else:
        named = f"the lab names no package index, and {where}"
    if UNTRUSTED.search(said):
        who = f"{named} has a certificate that nothing here vouches for"
        return f"{who}: who runs the lab gives its authority as lab_pip_index_ca."
    if refusal := REFUSED.search(said):
        return f"{named} refuses to answer ({refusal[1]}): its address may need a user and a token."
    if not AWAY.search(said):
        return ""
    mend = "see to it, or name another" if index and not own else "name one"
    return f"{named} does not answer here: who runs the lab can {mend} as lab_pip_index_url."


def listen() -> None:
    """Keep what pip says from now on, and say ours at its end."""
    make, said = logging.getLogRecordFactory(), []
    levels = set()

    def keep(*arguments: object, **options: object) -> logging.LogRecord:
        record = make(*arguments, **options)  # type: ignore[arg-type]
        if record.levelno >= logging.WARNING:
            levels.add(record.levelno)
            said.append(record.getMessage())
        return record

    def tell() -> None:
        if max(levels, default=0) < logging.ERROR:
            return
        words = explain("\n".join(said), os.environ.get("PIP_INDEX_URL", ""), sys.argv[1:])
        if words:
            print(MARK + words, file=sys.stderr)

    logging.setLogRecordFactory(keep)
    atexit.register(tell)
