"""The page at the bare base domain: the lab's certificate, and how each system takes it.

It is served without TLS, since who asks for it cannot check TLS yet. So it says to compare the
fingerprint with the one that was handed out on paper, before anything is trusted.
"""

from __future__ import annotations

import hashlib
import html
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

from lab_ground.plain_pages import page
from lab_ground.web import Answer

FILE, BINARY = "/lab-ca.crt", "/lab-ca.cer"
# For each system: its name, and two steps: words for a terminal, or the way through its settings.
Steps = tuple[str, str]


def steps(base: str) -> dict[str, Steps]:
    """Return the two lines for each system and browser; ``base`` is the base domain."""
    fetch = f"curl -o lab-ca.crt http://{base}{FILE}"
    return {
        "Linux: Debian, Ubuntu": (
            fetch,
            "sudo cp lab-ca.crt /usr/local/share/ca-certificates/ && sudo update-ca-certificates",
        ),
        "Linux: Fedora, RHEL": (
            fetch,
            "sudo cp lab-ca.crt /etc/pki/ca-trust/source/anchors/ && sudo update-ca-trust",
        ),
        "macOS (Safari, Chrome)": (
            fetch,
            "security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db "
            "lab-ca.crt",
        ),
        "Windows (Edge, Chrome), in PowerShell": (
            f"Invoke-WebRequest http://{base}{BINARY} -OutFile lab-ca.cer",
            "Import-Certificate -FilePath lab-ca.cer -CertStoreLocation Cert:\\CurrentUser\\Root",
        ),
        "Chrome and Chromium on Linux": (
            fetch,
            'certutil -d sql:$HOME/.pki/nssdb -A -t "C,," -n "MNIST lab" -i lab-ca.crt',
        ),
        "Firefox, on every system": (
            fetch,
            "Settings, Privacy & Security, View Certificates, Authorities, Import: lab-ca.crt, "
            "to identify websites",
        ),
    }


def fingerprint(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate (DER) as browsers show it."""
    digest = hashlib.sha256(certificate).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def certificate_page(base: str, dashboard: str, certificate: bytes) -> bytes:
    """Return the page that offers the lab's certificate."""
    ways = "".join(
        f"<h2>{html.escape(system)}</h2><pre><code>{html.escape(first)}\n{html.escape(second)}"
        "</code></pre>"
        for system, (first, second) in steps(base).items()
    )
    return page(
        "The lab's certificate",
        "<p>Your browser knows the pages of the lab when it knows this certificate: "
        f'<a href="{FILE}">lab-ca.crt</a> (<a href="{BINARY}">.cer</a> for Windows).</p>'
        "<p>Take it only if its SHA-256 fingerprint is the one on the page that you were handed "
        f'out:</p><pre><code id="fingerprint">{fingerprint(certificate)}</code></pre>'
        "<p><code>openssl x509 -in lab-ca.crt -noout -fingerprint -sha256</code> tells it of the "
        "file, and <code>certutil -hashfile lab-ca.cer SHA256</code> on Windows.</p>"
        f"<p>It can vouch for <code>{html.escape(base)}</code> and the names below it, and for "
        "nothing else on the Internet.</p>"
        f"{ways}<h2>Then</h2>{_onward(dashboard)}",
        wide=True,
    )


def no_certificate_page(dashboard: str) -> bytes:
    """Return the page of a lab whose certificates your browser knows already."""
    return page(
        "MNIST lab", f"<p>Nothing needs to be installed to open this lab.</p>{_onward(dashboard)}"
    )


def _onward(dashboard: str) -> str:
    where = html.escape(dashboard, quote=True)
    return f'<p><a href="{where}">{where}</a></p>'


def build_routes(
    base: str, dashboard: str, authority: Path | None
) -> Mapping[str, Callable[[], Answer]]:
    """Return what answers, by path; ``authority`` is the certificate's file, None for none."""

    def read() -> tuple[bytes, bytes] | None:
        """The first certificate of the file, in both spellings; the file may change."""
        if authority is None or not authority.exists():
            return None
        text = authority.read_text(encoding="ascii")
        end = "-----END CERTIFICATE-----"
        first = text[text.index("-----BEGIN") : text.index(end) + len(end)] + "\n"
        return first.encode(), ssl.PEM_cert_to_DER_cert(first)

    def show() -> Answer:
        found = read()
        body = (
            certificate_page(base, dashboard, found[1]) if found else no_certificate_page(dashboard)
        )
        return 200, "text/html; charset=utf-8", body

    def give(part: int) -> Callable[[], Answer]:
        def answer() -> Answer:
            found = read()
            if found is None:
                return 404, "text/plain", b"this lab has no certificate of its own\n"
            return 200, "application/x-x509-ca-cert", found[part]

        return answer

    return {"/": show, FILE: give(0), BINARY: give(1)}
