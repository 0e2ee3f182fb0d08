"""What a credential looks like wherever it comes from: one table of shapes.

A shape keeps what tells a reader which credential it was (the key's name, the header, the scheme)
and masks the rest. A value in quotes goes to its closing quote, through escapes, in JSON within
JSON too; a bare one to where the next pair, a space or the text's punctuation begins. What was cut
off (a PEM block without its end, an answer of S3 without its closing tag) is masked as far as it
goes: a reader loses words then, never a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MASK = "[redacted]"
# Values that are shorter are words ("no", "id"), whatever stands before them.
SHORTEST = 4

# Nothing that is masked already: what is masked twice stays as it is.
_NEW = r"(?!\[redacted)"

# A value and the quotes around it, of which the closing one may have been cut off.
_VALUE = rf"""(?:
    (?P<q2>")(?:\\.|[^"\\\r\n]){{{SHORTEST},}}
  | (?P<q1>')(?:\\.|[^'\\\r\n]){{{SHORTEST},}}
  | (?P<eq>\\+["'])(?:(?!(?<!\\)(?P=eq))[^\r\n]){{{SHORTEST},}}
  | {_NEW}(?:(?![&,;]\s*\\*["']?[\w.-]+\\*["']?\s*[=:]|[,;}}\])]+(?:\s|$)|\\["']|\\n
       |&(?:quot|lt|gt);)[^\s"'<>“”]){{{SHORTEST},}}
)"""
_KEY = r"""(?:
    (?:secret|access|api|private|account|shared|master|encryption)[_-]?(?:access[_-]?)?key
    (?:[_-]?id)?
  | pass(?:word|wd|phrase|code)? | pwd
  | (?:client|cookie|session|shared|app|consumer)[_-]?secret
  | token | credentials? | api[_-]?secret
  | StringToSign | CanonicalRequest | SignatureProvided | X-Amz-(?:Signature|Credential)
  | X-Amz-Security-Token | x-api-key | x-auth-request-access-token
)"""
# Atomic: no space is given back, so that what follows begins at the value.
_SEPARATOR = r"""(?>\\*["']?\s*(?:=>|[:=])\s*)"""
# Between a name and what follows in another line: as it is, written out, or as a report of a test
# sets it ("E     + ").
_GAP = r"(?:\s|\\+[nrt]|(?<=\n)E(?=\s)|(?<=\s)[+-](?=\s))"
_SCHEME = r"(?:basic|bearer|token|negotiate|apikey)\s+"
# What stands in quotes, to their end or the line's.
_LINE = (
    r"""(?P<q2>")(?:\\.|[^"\\\r\n])+|(?P<q1>')(?:\\.|[^'\\\r\n])+"""
    r"""|(?P<eq>\\+["'])(?:(?!(?<!\\)(?P=eq))[^\r\n])+"""
)
_FLAGS = re.VERBOSE | re.IGNORECASE


@dataclass(frozen=True)
class Shape:
    """One shape: how it is called, and what of a text it is. ``kept`` is the group that stays."""

    name: str
    pattern: re.Pattern[str]

    def mask(self, text: str) -> str:
        """Return ``text`` with every credential of this shape masked."""
        return self.pattern.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    groups = match.groupdict()
    quote = groups.get("q2") or groups.get("q1") or groups.get("eq") or ""
    return f"{groups.get('kept') or ''}{quote}{MASK}{groups.get('after') or ''}"


def _shape(name: str, pattern: str, flags: int = _FLAGS) -> Shape:
    return Shape(name, re.compile(pattern, flags))


SHAPES: tuple[Shape, ...] = (
    _shape(
        "PEM block",
        r"-----BEGIN\ [A-Z0-9 ]*PRIVATE\ KEY(?:\ BLOCK)?-----.*?"
        r"(?:-----END\ [A-Z0-9 ]*PRIVATE\ KEY(?:\ BLOCK)?-----|\Z)",
        re.VERBOSE | re.DOTALL,
    ),
    # The end of one, whose beginning was cut off: a log's last lines.
    _shape(
        "end of a PEM block",
        rf"(?<![A-Za-z0-9+/=])(?>(?>[A-Za-z0-9+/=]+)(?>{_GAP}+)){{1,80}}"
        r"-----END\ [A-Z0-9 ]*PRIVATE\ KEY(?:\ BLOCK)?-----",
        re.VERBOSE,
    ),
    _shape(
        "answer of S3",
        r"(?P<kept>(?:<|&lt;)(?:AWSAccessKeyId|AccessKeyId|SecretAccessKey|SessionToken|"
        r"StringToSign|StringToSignBytes|SignatureProvided|CanonicalRequest|CanonicalRequestBytes)"
        r"(?:>|&gt;))(?:(?!<|&lt;).)+",
        _FLAGS | re.DOTALL,
    ),
    _shape(
        "credentials of a scheme",
        rf"""(?P<kept>authorization{_SEPARATOR}\\*["']?{_SCHEME}){_NEW}[^\s"',;\\]+""",
    ),
    _shape(
        "header of authorization",
        rf"""(?P<kept>authorization{_SEPARATOR})(?!\\*["']?(?:{_SCHEME})?\[redacted)(?:"""
        rf"""{_LINE}|[^\r\n]+)""",
    ),
    _shape(
        "cookie",
        rf"""(?P<kept>(?:set-)?cookie\\*["']?\s*:\s*)(?:{_LINE}|[^\s"'\\][^\r\n]*)""",
    ),
    _shape("bearer token", r"(?P<kept>\bbearer\s+)[\w.~+/=-]{8,}"),
    # Not a word of prose ("basic authentication"): it has a capital, a digit or a sign.
    _shape(
        "basic credentials",
        r"(?P<kept>\b[Bb]asic\s+)(?=[a-z]*[A-Z0-9+/=])[A-Za-z0-9+/=_-]{8,}",
        re.VERBOSE,
    ),
    _shape("JSON web token", r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", re.VERBOSE),
    _shape(
        "credentials in a URL",
        r"""(?P<kept>://[^\s:/@"'<>]*:)(?!\d{1,5}(?:[/?\#\s"']|$))[^\s"'<>]{1,1000}(?P<after>@)""",
    ),
    _shape("token in a URL", r"""(?P<kept>://)[^\s:/@"'<>]{16,}(?P<after>@)"""),
    # A data source name as the Go driver of MySQL writes it.
    _shape(
        "data source name",
        r"""(?P<kept>\b[\w.-]+:)[^\s"'<>]{1,200}(?P<after>@(?:tcp|unix)\()""",
    ),
    _shape(
        "query of a signed URL",
        r"""(?P<kept>[?&](?:amp;)?(?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|"""
        r"""signature|sig|code|state|id_token|access_token|session)=)[^&\s"'<>]+""",
    ),
    _shape(
        "signature of a request",
        r"(?P<kept>\b(?:Credential|Signature)=)[\w/+=.-]{8,}",
    ),
    _shape("named value", rf"(?P<kept>{_KEY}{_SEPARATOR}){_VALUE}"),
    # As pods have it: the name and the value of a variable.
    _shape(
        "variable of a container",
        r"""(?P<kept>\bname\\*["']?\s*[:=]\s*\\*["']?[\w.-]*"""
        r"""(?:secret|password|passwd|token|access_?key|api_?key)[\w.-]*\\*["']?,?"""
        rf"""{_GAP}*\\*["']?value{_SEPARATOR}){_VALUE}""",
    ),
    _shape("argument of a command", rf"(?P<kept>--?(?:[\w-]*-)?{_KEY}\s+(?!-)){_VALUE}"),
    _shape(
        "user of a command",
        r"""(?P<kept>\s(?:-u|--user)\s*=?\s*["']?[^\s:"']+:)[^\s"']+""",
    ),
    _shape(
        "login of a registry",
        r"""(?P<kept>["']auth\\*["']\s*:\s*)(?P<eq>\\*["'])[A-Za-z0-9+/=]{8,}""",
    ),
    _shape("token of OpenShift", r"sha256~[\w-]{20,}"),
    _shape("key of AWS", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", re.VERBOSE),
    _shape("token of a forge", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|glpat-[\w-]{20,})", re.VERBOSE),
    _shape(
        "address of a webhook",
        r"(?P<kept>https://hooks\.[\w.-]+/(?:services|workflows)/)[\w/-]+",
    ),
)
