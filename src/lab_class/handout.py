"""One printable page a seat: address, user, password, a QR code, and how the CA is known.

The pages hold passwords: they are for their owner alone (0600, in a directory 0700), and nothing of
them is logged.
"""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import segno
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from lab_class.roster import Seat
from lab_ground.files import write_whole

DIRECTORY = "handout"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Where a learner begins, by what an access file calls it; the first that there is.
DOORS = ("dashboard", "workbench")
_STYLE = """
@page { size: A4; margin: 18mm }
body { font: 12pt/1.5 "DejaVu Sans", sans-serif; color: #000; background: #fff; margin: 0 }
section { break-after: page; max-width: 42rem; margin: 0 auto; padding: 1rem }
section:last-child { break-after: auto }
h1 { font-size: 20pt; margin: 0 0 .2rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.2rem; margin: 1rem 0 }
dt { color: #444 } dd { margin: 0; overflow-wrap: anywhere }
code { font: 13pt "DejaVu Sans Mono", monospace }
.password { font-size: 18pt; letter-spacing: .05em }
.qr { float: right; width: 42mm; margin: 0 0 1rem 1rem } .qr svg { width: 100%; height: auto }
.print { font-size: 9pt; overflow-wrap: anywhere }
"""


@dataclass(frozen=True)
class Page:
    """What one page tells; an empty password was handed out before, or is the cluster's own."""

    seat: Seat
    address: str
    password: str
    fingerprint: str
    own_users: bool = False


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of a CA's certificate as browsers show it; empty where there is none."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return ""
    return found.fingerprint(hashes.SHA256()).hex(":").upper()


def read_access(state: Path, namespace: str) -> dict[str, Any]:
    """Return the access file of a seat; an empty one where there is none."""
    for name in (f"access-{namespace}.json", "access.json"):
        try:
            table = json.loads((state / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(table, dict) and table.get("namespace") == namespace:
            return table
    return {}


def address_of(access: dict[str, Any]) -> str:
    """Return where a learner begins; empty where the access file does not say."""
    entries = (access.get(door) for door in DOORS)
    return next((entry["url"] for entry in entries if isinstance(entry, dict)), "")


def render(pages: Iterable[Page]) -> str:
    """Return the document of these pages, one sheet each."""
    sections = "\n".join(_section(page) for page in pages)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>MNIST lab</title>'
        f"<style>{_STYLE}</style></head><body>\n{sections}\n</body></html>\n"
    )


def _section(page: Page) -> str:
    seat = page.seat
    who = seat.name or seat.learner or seat.namespace
    if page.password:
        word = f'<code class="password">{html.escape(page.password)}</code>'
    elif page.own_users:
        word = "the one of your account on this cluster"
    else:
        word = "as handed out before; your instructor can give you a new one"
    rows = [
        ("Address", f"<code>{html.escape(page.address)}</code>" if page.address else "not yet"),
        ("User", f"<code>{html.escape(seat.learner or '-')}</code>"),
        ("Password", word),
        ("Project", f"<code>{html.escape(seat.namespace)}</code>"),
    ]
    table = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    return (
        f'<section id="{html.escape(seat.namespace)}"><div class="qr">{qr_code(page.address)}</div>'
        f"<h1>MNIST lab</h1><p>{html.escape(who)}</p><dl>{table}</dl>{_trust(page)}"
        "<p>You can change the password where you sign in. Keep this page to yourself.</p>"
        "</section>"
    )


def _trust(page: Page) -> str:
    if not page.fingerprint:
        return ""
    return (
        "<p>Your browser may warn of an unknown authority. Import the lab's certificate, which "
        "your instructor gives you, only if its SHA-256 fingerprint is this one:</p>"
        f'<p class="print"><code class="print">{page.fingerprint}</code></p>'
    )


def qr_code(text: str) -> str:
    """Return a QR code as SVG; nothing for no text."""
    if not text:
        return ""
    return str(segno.make(text, micro=False).svg_inline(scale=4, border=2))


def write(state: Path, pages: Iterable[Page]) -> Path:
    """Write a page for each seat, and one document of all that there are; return its path.

    A page whose password is not known any more stays as it was.
    """
    directory = state / DIRECTORY
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    for page in pages:
        path = directory / f"{page.seat.namespace}.html"
        if page.password or not path.exists():
            write_whole(path, render([page]), 0o600)
    return join(directory)


def join(directory: Path) -> Path:
    """Join the pages that there are into one document to print; return its path."""
    whole = directory / "class.html"
    parts = [
        text[text.index("<section") : text.rindex("</section>") + len("</section>")]
        for path in sorted(directory.glob("*.html"), key=_by_number)
        if path != whole and "<section" in (text := path.read_text(encoding="utf-8"))
    ]
    if parts:
        frame = render([])
        write_whole(whole, frame.replace("<body>", "<body>\n" + "\n".join(parts)), 0o600)
    else:
        whole.unlink(missing_ok=True)
    return whole


def _by_number(path: Path) -> tuple[str, int]:
    stem, _, number = path.stem.rpartition("-")
    return (stem, int(number)) if number.isdecimal() else (path.stem, 0)


def print_to_pdf(document: Path, seconds: float = 120) -> Path | None:
    """Return the PDF of a document, printed by a browser; None where there is none, or it fails."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or not document.exists():
        return None
    target = document.with_suffix(".pdf")
    target.unlink(missing_ok=True)
    # Made before the browser writes into it: nobody else may read it in between.
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    words = ["--headless", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={target}"]
    if os.geteuid() == 0:
        words.append("--no-sandbox")
    try:
        subprocess.run(
            [browser, *words, document.as_uri()], capture_output=True, check=True, timeout=seconds
        )
    except (subprocess.SubprocessError, OSError):
        target.unlink(missing_ok=True)
        return None
    target.chmod(0o600)
    return target if target.stat().st_size else None
