"""Pages without script that load nothing: sign in, no access, the lab's certificate."""

from __future__ import annotations

import html

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action {forms}; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def headers(*forms_lead_to: str) -> dict[str, str]:
    """Return the headers of a page whose forms lead here, and by redirects to these origins too."""
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Security-Policy": _POLICY.format(forms=" ".join(("'self'", *forms_lead_to))),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }


_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b24;--soft:#5c5c68;--card:#fff;--ground:#f2f1ee;
--line:#d9d8d3;--accent:#3b38c4;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#ececf1;--soft:#a9a9b6;--card:#1e1e27;
--ground:#131319;--line:#3a3a47;--accent:#8f8cff;--bad:#ff8a80}}
body{font:16px/1.5 system-ui,"DejaVu Sans",sans-serif;display:grid;place-items:center;
min-height:100vh;margin:0;color:var(--ink);background:var(--ground)}
main{box-sizing:border-box;width:min(28rem,calc(100vw - 2rem));padding:2rem;
background:var(--card);border:1px solid var(--line);border-radius:.9rem}
.brand{margin:0 0 1.25rem;font-weight:700;color:var(--accent)}
h1{font-size:1.4rem;margin:0 0 1rem}
h2{font-size:1.05rem;margin:1.5rem 0 .75rem}
a{color:var(--accent)}
input+label{margin-top:.75rem}
label{display:block;font-weight:600;margin-bottom:.25rem}
input{width:100%;box-sizing:border-box;font:inherit;padding:.6rem .7rem;color:inherit;
background:var(--ground);border:1px solid var(--line);border-radius:.5rem}
button{font:inherit;font-weight:600;margin-top:1rem;padding:.6rem 1.5rem;border:0;
border-radius:.5rem;color:var(--card);background:var(--accent);cursor:pointer}
input:focus-visible,button:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
p{color:var(--soft)}
.error{color:var(--ink);border-left:.3rem solid var(--bad);padding-left:.75rem}
main.wide{width:min(48rem,calc(100vw - 2rem))}
pre{overflow-x:auto;padding:.75rem;border:1px solid var(--line);border-radius:.5rem}
code{font-size:.9em;overflow-wrap:anywhere}
"""


def page(title: str, body: str, *, wide: bool = False) -> bytes:
    """Return a page; ``body`` is HTML."""
    width = ' class="wide"' if wide else ""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
        f'<style>{_STYLE}</style></head><body><main{width}><p class="brand">MNIST lab</p>'
        f"<h1>{html.escape(title)}</h1>{body}"
        "</main></body></html>\n"
    ).encode()


def said(error: str, notice: str = "") -> str:
    """Return what a page has to say before its form."""
    told = f'<p role="status">{html.escape(notice)}</p>' if notice else ""
    return told + (f'<p class="error" role="alert">{html.escape(error)}</p>' if error else "")


def field(name: str, label: str, more: str = "", kind: str = "password") -> str:
    """Return a field of a form; ``label`` and ``more`` are HTML."""
    return (
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" required {more.strip()}>'
    )
