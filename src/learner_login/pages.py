"""The login's pages: sign in, who is signed in, another password, words for a terminal."""

from __future__ import annotations

import html

from lab_ground.plain_pages import field, page, said

SIGNED_OUT = (
    "You are signed out: all pages that were opened with this sign-in are closed to this browser. "
    "What runs in a workbench goes on."
)


def sign_in_page(error: str = "", *, notice: str = "") -> bytes:
    """Return the page that takes a user and a password, or a token.

    The forms name no action: they go to their own address, so that the door that is wanted, and a
    ``#/…`` at the end of the address that was asked for, outlive the sign-in.
    """
    user = 'autocomplete="username" autocapitalize="none" autofocus'
    return page(
        "Sign in to the MNIST lab",
        f'{said(error, notice)}<form method="post" id="by-password">'
        + field("user", "User", user, "text")
        + field("password", "Password", 'autocomplete="current-password"')
        + "<button>Sign in</button></form>"
        '<p><a href="/password">Change the password</a></p><h2>Or with a token</h2>'
        '<form method="post" id="by-token">'
        + field("token", "Kubernetes token", 'autocomplete="off"')
        + "<button>Sign in</button></form>"
        "<p>Run <code>./lab status</code> on the lab's machine for a link that signs you in "
        "without a token.</p>",
    )


def password_page(error: str = "") -> bytes:
    """Return the page on which a learner changes the password."""
    user = 'autocomplete="username" autocapitalize="none" autofocus'
    return page(
        "Change the password",
        f'{said(error)}<form method="post" action="/password">'
        + field("user", "User", user, "text")
        + field("password", "Password", 'autocomplete="current-password"')
        + field("new", "New password, 10 signs or more", 'autocomplete="new-password"')
        + field("again", "The new password once more", 'autocomplete="new-password"')
        + "<button>Change it</button></form>"
        '<p><a href="/">Back to the sign-in</a></p>',
    )


def home_page(user: str, dashboard: str) -> bytes:
    """Return what somebody sees here who is signed in."""
    way = (
        f'<p><a href="{html.escape(dashboard, quote=True)}">To the dashboard</a></p>'
        if dashboard
        else ""
    )
    return page(
        "Signed in to the MNIST lab",
        f"<p>You are <code>{html.escape(user)}</code>.</p>{way}"
        '<p><a href="/token">Copy login command</a></p>'
        '<p><a href="/password">Change the password</a></p>'
        '<form method="post" action="/sign-out"><button>Sign out everywhere</button></form>',
    )


def no_door_page() -> bytes:
    """Return the page for a way here that no door of the lab begins."""
    return page(
        "Nothing leads on from here",
        said("The address that sent you here is no page of this lab.")
        + '<p><a href="/">To the sign-in</a></p>',
    )


def unavailable_page() -> bytes:
    """Return the page for when the cluster cannot be asked."""
    return page(
        "Sign-in is not available", said("The cluster did not answer. Try again in a moment.")
    )


def ask_token_page(user: str) -> bytes:
    """Return the page before a token is shown."""
    return page(
        "Copy login command",
        f"<p>A token acts as <code>{html.escape(user)}</code>, with all your rights, for eight "
        "hours, also after you have signed out here. Show it to nobody.</p>"
        '<form method="post" action="/token"><button name="show" value="1">Display the command'
        "</button></form>"
        '<form method="post" action="/kubeconfig"><button>Download a kubeconfig</button></form>',
    )


def token_page(token: str, server: str, project: str, *, own_authority: bool) -> bytes:
    """Return the words that sign a terminal in."""
    trust = " --certificate-authority=lab-ca.crt" if own_authority else ""
    words = f"oc login --server={server}{trust} --token={token}"
    then = f"\noc project {project}" if project else ""
    hint = (
        "<p><code>lab-ca.crt</code> is the lab's certificate, as on the page of the base domain; "
        "the kubeconfig has it in it.</p>"
        if own_authority
        else ""
    )
    return page(
        "Log in with this token",
        f'<pre><code id="command">{html.escape(words + then)}</code></pre>{hint}'
        "<p>Without <code>oc</code>: download the kubeconfig, and set <code>KUBECONFIG</code> to "
        "it.</p>"
        '<form method="post" action="/kubeconfig"><button>Download a kubeconfig</button></form>'
        f"<h2>The token alone</h2><pre><code>{html.escape(token)}</code></pre>",
        wide=True,
    )
