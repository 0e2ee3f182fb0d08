"""*Check my work*: the checks of one part, side by side, within seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from dashboard import errors
from dashboard.errors import RefusalError
from dashboard.guide.look import Look
from dashboard.guide.parts import PARTS, Check, Part

logger = logging.getLogger(__name__)
# A check that takes longer has failed; with a margin to what a proxy waits for.
MOST_SECONDS = 20.0


def part_of(number: int) -> Part:
    """A part by its number.

    Raises:
        RefusalError: the guide has no such part.
    """
    for part in PARTS:
        if part.number == number:
            return part
    raise errors.not_found(f"part {number} in the guide, which has {len(PARTS)}")


async def check_part(look: Look, part: Part) -> dict[str, Any]:
    """Run a part's checks; the answer says of each what is wrong and what to do.

    Raises:
        RefusalError: nobody is signed in, or the project is not theirs.
    """
    await look.project()
    began = time.monotonic()
    items = await asyncio.gather(*(_one(look, check) for check in part.checks))
    return {
        "part": part.number,
        "ok": all(item["ok"] for item in items),
        "seconds": round(time.monotonic() - began, 2),
        "items": items,
        "leftOut": list(part.left_out),
    }


async def _one(look: Look, check: Check) -> dict[str, Any]:
    try:
        async with asyncio.timeout(MOST_SECONDS):
            told = await check.ask(look)
    except RefusalError as refusal:
        if refusal.reason == "SignIn" and refusal.status == 401:
            raise
        told = refusal.message
    except TimeoutError:
        told = f"there was no answer within {MOST_SECONDS:.0f} seconds"
    except (KeyError, TypeError, ValueError) as error:
        # An object that somebody shaped by hand; the check's words go to the log, not its values.
        logger.warning("the check %r could not read what it found: %s", check.title, error)
        told = "what was found has not the shape that it should have"
    cause = f"{told[:1].upper()}{told[1:]}".rstrip(".") + "." if told else ""
    return {
        "title": check.title,
        "ok": not told,
        "cause": cause or None,
        "remedy": check.remedy if told else None,
    }
