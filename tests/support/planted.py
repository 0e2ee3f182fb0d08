"""Texts with a credential in them, of every shape that the redactor knows, drawn by hypothesis.

``TEMPLATES`` has for each shape of lab_ground.credential_shapes how such a text looks in the wild,
with ``@`` where the secret stands; the letters of the secret are what may stand there.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

WORD = string.ascii_letters + string.digits
TOKEN = WORD + "-_"
BASE64 = WORD + "+/="
# Whatever stands in a value without quotes, but what ends one.
BARE = WORD + "!#$%*+-./?@[]^_{}|~():="
QUOTED = WORD + " !#$%&()*+,-./:;<=>?@[]^_{|}~äß"


@dataclass(frozen=True)
class Template:
    """A text with ``@`` in the place of a secret of these letters."""

    text: str
    letters: str = BARE
    start: str = ""


def _same(letters: str, *texts: str, start: str = "") -> tuple[Template, ...]:
    return tuple(Template(text, letters, start) for text in texts)


PEM = "-----BEGIN RSA PRIVATE KEY-----\n@\n-----END RSA PRIVATE KEY-----"
TEMPLATES: Mapping[str, Sequence[Template]] = {
    "PEM block": _same(
        BASE64,
        PEM,
        PEM.replace("RSA ", ""),
        PEM.replace("RSA", "OPENSSH").replace("\n", "\\n"),
        "-----BEGIN EC PRIVATE KEY-----\nMIIEvQIBADANBgkq\n@",
        "read -----BEGIN ENCRYPTED PRIVATE KEY-----\nE   @",
    ),
    "end of a PEM block": _same(
        BASE64, "tail:\n@\n-----END RSA PRIVATE KEY-----", "@\nAQEF\n-----END PRIVATE KEY-----"
    ),
    "answer of S3": _same(
        WORD + " /:\n.",
        "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>@</StringToSign></Error>",
        "<AWSAccessKeyId>@</AWSAccessKeyId>",
        "<SignatureProvided>@",
        "&lt;CanonicalRequest&gt;@&lt;/CanonicalRequest&gt;",
    ),
    "credentials of a scheme": (
        *_same(
            BASE64, "Authorization: Basic @", "authorization: bearer @", "{'Authorization': '@'}"
        ),
        *_same(BASE64, "curl -H 'Authorization: Basic @' https://host/"),
        *_same(TOKEN, '"Proxy-Authorization": "Token @"'),
    ),
    "header of authorization": (
        *_same(TOKEN, "Authorization: Hidden @ and more", '"Authorization": "@"'),
        *_same(WORD, 'Authorization: Digest username="me", response="@"'),
    ),
    "cookie": _same(TOKEN, "Cookie: session=@; a=b", "set-cookie: _oauth=@", "{'cookie': 'a=@'}"),
    "bearer token": _same(TOKEN + ".", "sent bearer @", "Bearer @ was refused"),
    "basic credentials": _same(BASE64, "sent Basic @", start="A1"),
    "JSON web token": (
        Template("got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4eXoifQ.@", TOKEN),
        Template("got eyJhbGciOiJSUzI1NiJ9.@ and", TOKEN),
    ),
    "credentials in a URL": _same(
        BARE.replace("@", ""),
        "mysql://user:@@host",
        "mysql+pymysql://root:@@mariadb:3306/mlpipeline",
        "cannot reach https://:@@host/path",
        start="p",
    ),
    "token in a URL": _same(TOKEN, "git clone https://@@forge/repo", start="x" * 12),
    "data source name": _same(BARE.replace("@", ""), "root:@@tcp(mariadb:3306)/db"),
    "query of a signed URL": _same(
        TOKEN + "%.", "GET /b/k?X-Amz-Signature=@&y=1", "/b?a=b&amp;sig=@", "/callback?code=@&x=y"
    ),
    "signature of a request": _same(
        WORD + "/", "AWS4-HMAC-SHA256 Credential=@, SignedHeaders=host, Signature=0"
    ),
    "named value": (
        *_same(BARE, "AWS_SECRET_ACCESS_KEY=@", "api_key=@", "password: @", "apiKey=@ x", "pwd=@"),
        *_same(BARE, "MYSQL_ROOT_PASSWORD=@; next", "{secretkey: @}", "x-api-key: @"),
        *_same(TOKEN, "?token=@&other=1", "client_secret=@, realm=lab"),
        *_same(QUOTED, '{"password": "@"}', "{'cookie_secret': '@'}", 'passphrase="@"'),
        *_same(QUOTED, 'Secret-Key="@', '{\\"token\\": \\"@\\"}', "{'StringToSign': '@'}"),
    ),
    "variable of a container": (
        *_same(BARE, "- name: DB_PASSWORD\n  value: @", "name=API_KEY, value=@"),
        *_same(QUOTED, '{"name": "S3_ACCESS_KEY", "value": "@"}'),
    ),
    "argument of a command": (
        *_same(BARE, "mysql --password @ db", "oc login --token @", start="p"),
        *_same(QUOTED, "mc alias set --secret-key '@'"),
    ),
    "user of a command": _same(BARE, "curl -u me:@ https://host", "curl --user me:@ x"),
    "login of a registry": _same(BASE64, '{"auths":{"quay":{"auth":"@"}}}', '{\\"auth\\":\\"@\\"}'),
    "token of OpenShift": _same(TOKEN, "login sha256~@", start="x" * 12),
    "key of AWS": _same(string.ascii_uppercase + string.digits, "AKIA@"),
    "token of a forge": _same(WORD, "ghp_@", "glpat-@", start="x" * 12),
    "address of a webhook": _same(WORD, "https://hooks.slack.com/services/T0/B0/@"),
}
# What a pod's log has around a text; a colour may stand in the middle of a secret.
AROUND = (
    "@",
    "before @ after",
    "E   RuntimeError: @",
    "\x1b[31mERROR\x1b[0m @\x1b[0m",
    "\x1b]0;title\x07@",
    "\x1b]8;;https://host/\x1b\\@\x1b]8;;\x1b\\",
    "\x9b1m@",
)
BREAKS = ("", "", "", "\x1b[0m", "\x1b]8;;\x07", "\x1b(B", "\x00")


@dataclass(frozen=True)
class Planted:
    """A text, and the secret that stands in it."""

    shape: str
    text: str
    secret: str

    def pieces(self) -> set[str]:
        """Return every part of the secret that is long enough to be known again."""
        return {self.secret[i : i + 8] for i in range(len(self.secret) - 7)}

    def survives(self, told: str) -> bool:
        """Say whether the secret, or a part of it, stands in what was told."""
        return any(piece in told for piece in self.pieces())


@st.composite
def planted(draw: st.DrawFn, shape: str = "") -> Planted:
    """Draw a text with a secret of that shape, or of any."""
    shape = shape or draw(st.sampled_from(sorted(TEMPLATES)))
    template = draw(st.sampled_from(TEMPLATES[shape]))
    size = 16 if shape == "key of AWS" else draw(st.integers(12, 60))
    letters = st.text(template.letters, min_size=size, max_size=size)
    secret = template.start + _with_figures(draw(letters.filter(_is_one)))
    broken = secret
    if escape := draw(st.sampled_from(BREAKS)):
        at = draw(st.integers(1, len(secret) - 1))
        broken = secret[:at] + escape + secret[at:]
    text = template.text.replace("@", broken, 1)
    return Planted(shape, draw(st.sampled_from(AROUND)).replace("@", text), secret)


def _is_one(text: str) -> bool:
    """Tell a secret from the same letters over and over, and from marks at a value's ends."""
    return len(set(text)) > 5 and not re.search(r"^[-=:({\[]|[=:(){}\[\]|]$", text)


def _with_figures(text: str) -> str:
    """Return a text of which no piece is a word that stands in a report anyway."""
    return "".join(str(ord(c) % 10) if i % 6 == 3 else c for i, c in enumerate(text))


def as_python(plants: Sequence[Planted]) -> str:
    """Return the texts as the source of a Python list."""
    return json.dumps([plant.text for plant in plants])
