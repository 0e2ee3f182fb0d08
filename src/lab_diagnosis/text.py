"""Texts of a cluster, made fit for a sentence: short, on one line, and without any secret."""

from __future__ import annotations

import re

MASK = "[redacted]"
LONGEST = 300
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# A credential's shape, wherever it stands.
SECRETS = (
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]+)?"), MASK),
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{8,}"), rf"\1\2{MASK}"),
    (re.compile(r"(?i)\b((?:set-)?cookie:\s*)\S.*"), rf"\1{MASK}"),
    (re.compile(r"(?i)(://[^\s:/@]+:)[^\s:/@]+@"), rf"\1{MASK}@"),
    (re.compile(r"(?i)(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s\"']+"), rf"\1{MASK}"),
    (
        re.compile(
            r"(?i)((?:secret|access|api)[_-]?(?:access[_-]?)?key(?:[_-]?id)?|password|passwd|"
            r"(?:client|cookie)[_-]?secret|token)([\"']?\s*[:=]\s*[\"']?)(?!\s|\[redacted)[^\s\"',;}&“”]{4,}"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|$)", re.S), MASK),
    # S3's own error text quotes the key.
    (re.compile(r"(?i)(<(?:AWSAccessKeyId|StringToSign)>)[^<]*"), rf"\1{MASK}"),
)
NOISE = re.compile(
    r"^(\s|\^|~|File \"|During handling|The above exception|Traceback|note:|\[notice\])"
)
STAMP = re.compile(r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?\s*")
TELLING = re.compile(
    r"(?i)\b(error|exception|fail(ed|ure)?|fatal|denied|refused|cannot|could not|not found|"
    r"no such|invalid|timed? ?out|killed|panic)\b|\w+(Error|Exception):"
)


def scrub(text: str) -> str:
    """Mask everything that looks like a credential."""
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str, longest: int = LONGEST) -> str:
    """The text on one line, scrubbed, cut where it is too long, without a closing full stop."""
    flat = " ".join(scrub(ANSI.sub("", text)).split()).rstrip(". ")
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def last_log_line(log: str) -> str:
    """The line of a log that says most of its end: the last that tells of a failure, else the last.

    A Python traceback ends with the exception; what follows an error (a farewell, a blank line)
    does not say why.
    """
    lines = [STAMP.sub("", ANSI.sub("", line)).rstrip() for line in log.splitlines()]
    lines = [line for line in lines if line.strip() and not NOISE.match(line)]
    if not lines:
        return ""
    telling = [line for line in lines[-12:] if TELLING.search(line)]
    return one_line((telling or lines)[-1], 200)
