"""The pages a browser sees at a door: sign in with a token, no access, signed out."""

from __future__ import annotations

import html
from urllib.parse import quote

from lab_ground.plain_pages import field, headers, page, said

HEADERS = headers()


def safe_target(target: str | None) -> str:
    """Return the path to go to after the sign-in: only one on this same host."""
    if (
        not target
        or not target.startswith("/")
        or target.startswith(("//", "/\\", "/oauth/"))
        or "\\" in target
        or any(ord(character) < 0x21 or ord(character) > 0x7E for character in target)
    ):
        return "/"
    return target


def login_location(target: str | None) -> str:
    """Return where the sign-in page is, for somebody on the way to ``target``."""
    return f"/oauth/login?rd={quote(safe_target(target), safe='')}"


def login_page(target: str | None, error: str = "") -> bytes:
    """Return the page that takes a token.

    The form names no action: it goes to its own address, so that a ``#/…`` at the end of the
    address that was asked for (Elyra's link to a run) outlives the sign-in.
    """
    way = f'<input type="hidden" name="rd" value="{html.escape(safe_target(target), quote=True)}">'
    return page(
        "Sign in to the MNIST lab",
        f'{said(error)}<form method="post" id="by-token">{way}'
        + field("token", "Kubernetes token", 'autocomplete="off" autofocus')
        + "<button>Sign in</button></form>"
        "<p>Run <code>./lab status</code> on the lab's machine for a link that signs you in "
        "without a token.</p>",
    )


def lost_page(target: str | None, error: str) -> bytes:
    """Return the page for a way back from the login that leads nowhere."""
    way = html.escape(login_location(target), quote=True)
    return page(
        "Signing in did not work", f'{said(error)}<p><a href="{way}">Begin the sign-in anew</a></p>'
    )


def forbidden_page(message: str) -> bytes:
    """Return the page for somebody who is known and may not enter."""
    return page(
        "You have no access here",
        f"{said(message)}"
        '<form method="post" action="/oauth/logout"><button>Use another account</button></form>',
    )


def unavailable_page() -> bytes:
    """Return the page for when tokens cannot be checked."""
    return page(
        "Sign-in is not available",
        said("The cluster did not answer. Try again in a moment."),
    )


def signed_out_page(login: str) -> bytes:
    """Return the page on the way to the login, which says the rest."""
    way = html.escape(login, quote=True)
    return page("You are signed out", f'<p><a href="{way}">To the sign-in</a></p>')


def logout_page() -> bytes:
    """Return the page that asks before it signs out."""
    return page(
        "Sign out",
        '<form method="post" action="/oauth/logout"><button>Sign out</button></form>',
    )
