"""Whether a changing request comes from a page of the host that it was sent to."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Say so of a request's headers, whose names are in lower case.

    ``Sec-Fetch-Site`` is the browser's own word and cannot be set by a script. Where a browser does
    not send it, ``Origin`` must name the host that the request was sent to, as the client wrote it
    or as the proxy before us did (``X-Forwarded-Host``). A request with neither is refused.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("origin")
    if origin is None:
        return site == "same-origin"
    scheme, _, host = origin.lower().partition("://")
    if scheme not in DEFAULT_PORTS:
        return False
    own = (headers.get("host", ""), headers.get("x-forwarded-host", "").split(",")[0])
    port = DEFAULT_PORTS[scheme]
    return host.removesuffix(port) in {
        name.strip().lower().removesuffix(port) for name in own if name.strip()
    }


def is_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Say whether a page of another origin sends a form; what is no browser may send it.

    For what a session's cookie alone does not do: a browser names the origin of each POST.
    """
    origin = headers.get("origin")
    if origin is not None:
        host = headers.get("x-forwarded-host") or headers.get("host", "")
        return urlsplit(origin).netloc != host
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
