"""Turns a notebook into a web page without running anything of it.

The page is only ever served sandboxed (see ``security.CONTENT_POLICY``): an output's own HTML is
put in as it is, since nothing in it can run with the rights of the page around it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from markdown_it import MarkdownIt

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
IMAGES = ("image/png", "image/jpeg", "image/gif")
LONGEST_OUTPUT = 200_000
STYLE = """
:root{color-scheme:light}
body{font:15px/1.6 system-ui,sans-serif;color:#1d2433;max-width:900px;margin:0 auto;padding:24px}
pre{background:#f5f7fb;border-radius:8px;padding:12px 14px;overflow:auto;margin:6px 0;
font:13px/1.5 ui-monospace,"DejaVu Sans Mono",monospace}
.cell{display:grid;grid-template-columns:64px minmax(0,1fr);gap:4px 10px;margin:14px 0}
.count{font:12px/1 ui-monospace,monospace;color:#5b6b86;text-align:right;padding-top:14px}
.in pre{border-left:3px solid #4d6bfe}.out{grid-column:2}.out pre{background:#fff;padding:2px 14px}
.err pre{background:#fff1f0;color:#8f1d14}.out img{max-width:100%}
table{border-collapse:collapse;font-size:13px;margin:8px 0}
td,th{border:1px solid #dde3ee;padding:4px 10px;text-align:right}
th{background:#f5f7fb}code{background:#eef1f8;border-radius:4px;padding:1px 4px}
pre code{background:none;padding:0}h1,h2,h3{line-height:1.25}
"""
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def render_markdown(source: str) -> str:
    """Markdown as HTML; raw HTML in it is shown as text, script links are dropped."""
    return str(_MARKDOWN.render(source))


def render_notebook(content: bytes, title: str) -> str:
    """A whole HTML document; ValueError when the bytes are no notebook."""
    try:
        notebook = json.loads(content)
        cells = notebook["cells"]
        body = "".join(_cell(cell) for cell in cells)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{title} is not a Jupyter notebook of format 4") from error
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    )


def _cell(cell: Mapping[str, Any]) -> str:
    source = _text(cell.get("source"))
    if cell.get("cell_type") == "markdown":
        return f"<div>{render_markdown(source)}</div>"
    if cell.get("cell_type") != "code":
        return f"<pre>{html.escape(source)}</pre>" if source.strip() else ""
    count = cell.get("execution_count")
    outputs = "".join(f"<div>{_output(output)}</div>" for output in cell.get("outputs") or ())
    shown = f'<div class="out">{outputs}</div>' if outputs else ""
    return (
        f'<div class="cell"><div class="count">[{"" if count is None else html.escape(str(count))}]'
        f'</div><div class="in"><pre><code>{html.escape(source)}</code></pre></div>{shown}</div>'
    )


def _output(output: Mapping[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return f"<pre>{_plain(output.get('text'))}</pre>"
    if kind == "error":
        trace = output.get("traceback")
        text = "\n".join(trace) if isinstance(trace, list) else _text(output.get("evalue"))
        return f'<div class="err"><pre>{_plain(text)}</pre></div>'
    data = output.get("data") or {}
    for image in IMAGES:
        if image in data:
            encoded = re.sub(r"[^A-Za-z0-9+/=]", "", _text(data[image]))
            return f'<img alt="output of the cell" src="data:{image};base64,{encoded}">'
    if "image/svg+xml" in data:
        return _text(data["image/svg+xml"])
    if "text/html" in data:
        return _text(data["text/html"])
    if "text/markdown" in data:
        return render_markdown(_text(data["text/markdown"]))
    return f"<pre>{_plain(data.get('text/plain'))}</pre>"


def _text(source: Any) -> str:
    return "".join(str(line) for line in source) if isinstance(source, list) else str(source or "")


def _plain(source: Any) -> str:
    text = ANSI.sub("", _text(source))
    if len(text) > LONGEST_OUTPUT:
        text = text[:LONGEST_OUTPUT] + "\n… (cut)"
    return html.escape(text)
