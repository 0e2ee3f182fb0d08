"""What the proxy reads from its environment, and nginx's configuration made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auth_proxy.headers import cookie_name
from auth_proxy.manners import Manner

_PATH = re.compile(r"^/[A-Za-z0-9._~/%:-]*$")


@dataclass(frozen=True)
class ProxyConfiguration:
    """How one proxy works."""

    listen_port: int
    upstream: str
    review: Mapping[str, str]
    login: bool
    open_paths: tuple[str, ...]
    tls_directory: Path
    work_directory: Path
    session_file: Path | None
    pass_token: bool = False
    login_service: str = ""
    sign_in: str = ""
    authority: Path = Path("/etc/auth-proxy/authority/ca.crt")
    manner: Manner = Manner.OWN
    prefix: str = ""
    """The path below which the door is, on a host that it shares with others."""

    @property
    def socket(self) -> Path:
        """Where the authoriser listens."""
        return self.work_directory / "authoriser.sock"

    @property
    def relay_socket(self) -> Path:
        """Where the relay of upgraded connections listens."""
        return self.work_directory / "relay.sock"


def _url(environment: Mapping[str, str], name: str) -> str:
    url = environment.get(name, "")
    if url and not re.match(r"^https://[A-Za-z0-9.-]+(:[0-9]+)?/?$", url):
        raise ValueError(f"{name}: {url!r} is not https://host:port")
    return url


def read_configuration(environment: Mapping[str, str]) -> ProxyConfiguration:
    """Read the ``AUTH_PROXY_*`` variables; raise ValueError with the one that is wrong."""
    review = json.loads(environment["AUTH_PROXY_REVIEW"])
    for key in ("verb", "resource", "namespace"):
        if not review.get(key):
            raise ValueError(f"AUTH_PROXY_REVIEW has no {key}")
    open_paths = tuple(json.loads(environment.get("AUTH_PROXY_OPEN_PATHS", "[]")))
    for path in open_paths:
        if not _PATH.match(path):
            raise ValueError(f"AUTH_PROXY_OPEN_PATHS: {path!r} is not a path")
    login = environment.get("AUTH_PROXY_LOGIN") == "true"
    session_file = environment.get("AUTH_PROXY_SESSION_FILE")
    if login and not session_file:
        raise ValueError("AUTH_PROXY_LOGIN needs AUTH_PROXY_SESSION_FILE")
    prefix = environment.get("AUTH_PROXY_PREFIX", "")
    if prefix and (not _PATH.match(prefix) or prefix.endswith("/")):
        raise ValueError(f"AUTH_PROXY_PREFIX: {prefix!r} is not a path without a slash at its end")
    upstream = environment["AUTH_PROXY_UPSTREAM"]
    if not re.match(r"^[A-Za-z0-9.-]+:[0-9]+$", upstream):
        raise ValueError(f"AUTH_PROXY_UPSTREAM: {upstream!r} is not host:port")
    return ProxyConfiguration(
        listen_port=int(environment.get("AUTH_PROXY_LISTEN_PORT", "8443")),
        upstream=upstream,
        review=review,
        login=login,
        open_paths=open_paths,
        tls_directory=Path(environment["AUTH_PROXY_TLS_DIRECTORY"]),
        work_directory=Path(environment["AUTH_PROXY_WORK_DIRECTORY"]),
        session_file=Path(session_file) if session_file else None,
        pass_token=environment.get("AUTH_PROXY_PASS_TOKEN") == "true",
        login_service=_url(environment, "AUTH_PROXY_LOGIN_SERVICE") if login else "",
        sign_in=_url(environment, "AUTH_PROXY_SIGN_IN") if login else "",
        authority=Path(
            environment.get("AUTH_PROXY_AUTHORITY_FILE", "/etc/auth-proxy/authority/ca.crt")
        ),
        manner=Manner(environment.get("AUTH_PROXY_MANNER", "")),
        prefix=prefix,
    )


_NGINX = """\
daemon off;
worker_processes 1;
error_log stderr warn;
pid @WORK@/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  server_tokens off;
  client_body_temp_path @WORK@/body;
  proxy_temp_path @WORK@/proxy;
  fastcgi_temp_path @WORK@/fastcgi;
  uwsgi_temp_path @WORK@/uwsgi;
  scgi_temp_path @WORK@/scgi;
  client_max_body_size 0;
  large_client_header_buffers 8 32k;
  keepalive_requests 100000;
  keepalive_timeout 75s;
  map $http_upgrade $upstream_connection { default upgrade; '' ''; }
  # An upgrade goes through the relay, with what its token is looked at again by.
  map $http_upgrade $behind { default relay; '' server_behind; }
  map $http_upgrade $relay_cookie { default $http_cookie; '' ''; }
  map $http_upgrade $relay_authorization { default $http_authorization; '' ''; }
  # What arrives from a proxy in front is passed on; without one it is what we see ourselves.
  map $http_x_forwarded_proto $forwarded_proto { default $http_x_forwarded_proto; '' $scheme; }
  map $http_x_forwarded_host $forwarded_host { default $http_x_forwarded_host; '' $http_host; }
  # The session is ours: the server behind does not see it.
  map $http_cookie $upstream_cookie {
    default $http_cookie;
    "~^(?<before>.*?)(?:;\\s*|^)@COOKIE@=[^;]*(?<after>.*)$" $before$after;
  }
  upstream authoriser { server unix:@SOCKET@; keepalive 16; keepalive_requests 1000000; }
  upstream relay { server unix:@RELAY@; }
  upstream server_behind { server @UPSTREAM@; keepalive 32; }
  server {
    listen @PORT@ ssl;
    ssl_certificate @TLS@/tls.crt;
    ssl_certificate_key @TLS@/tls.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:1m;
    absolute_redirect off;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_connect_timeout 5s;
    proxy_read_timeout 86400s;
    proxy_send_timeout 600s;

    location /oauth/ {
@OWN_PAGES@
      proxy_pass http://authoriser;
    }
@BELOW@
    location = /oauth/check {
      internal;
      proxy_pass_request_body off;
      proxy_request_buffering off;
      proxy_set_header Content-Length '';
      proxy_set_header Connection '';
      proxy_set_header Upgrade '';
@CHECK@
      proxy_pass http://authoriser/oauth/check;
    }
    location = /oauth/refused {
      internal;
      proxy_pass_request_body off;
      proxy_request_buffering off;
      proxy_set_header Content-Length '';
      proxy_set_header Connection '';
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Original-Uri $request_uri;
      proxy_set_header X-Original-Upgrade $http_upgrade;
      proxy_set_header Upgrade '';
      proxy_pass http://authoriser/oauth/refused;
    }
@OPEN@
    location / {
      auth_request /oauth/check;
      auth_request_set $checked_user $upstream_http_x_checked_user;
@ASK@
      error_page 401 403 500 = /oauth/refused;
@BEHIND@
      proxy_set_header X-Forwarded-User $checked_user;
@TOKEN@
      proxy_set_header X-Relay-Cookie $relay_cookie;
      proxy_set_header X-Relay-Authorization $relay_authorization;
      proxy_pass http://$behind;
    }
  }
}
"""

# Only a server that acts as whoever asks is told the token that was checked; a client's own header
# of that name never gets through. The check's answer then has the token in it: its buffer must hold
# the largest that is taken.
_NO_BEARER = "      proxy_set_header X-Forwarded-Access-Token '';"
_BEARER = "      proxy_set_header X-Forwarded-Access-Token $checked_token;"
_ASK_BEARER = "      auth_request_set $checked_token $upstream_http_x_checked_token;"
_CHECK_BUFFERS = """\
      proxy_buffer_size 32k;
      proxy_buffers 4 32k;\
"""

_OWN_PAGES = """\
      client_max_body_size 64k;
      # An answer that begins a session has a token in its cookie, sealed twice.
      proxy_buffer_size 16k;
      proxy_buffers 4 16k;
      proxy_set_header Host $http_host;
      proxy_set_header Connection '';
      proxy_set_header X-Forwarded-Host $forwarded_host;\
"""

_BEHIND = """\
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $upstream_connection;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $forwarded_proto;
      proxy_set_header X-Forwarded-Host $forwarded_host;
      proxy_set_header X-Forwarded-Email '';
      proxy_set_header X-Forwarded-Groups '';
      proxy_set_header Authorization '';
      proxy_set_header Cookie $upstream_cookie;
      proxy_request_buffering off;\
"""


def build_nginx_configuration(configuration: ProxyConfiguration) -> str:
    """Return nginx's configuration file."""
    opened = "\n".join(
        f"    location {'= ' if not path.endswith('/') else ''}{path} {{\n{_BEHIND}\n"
        f"      proxy_set_header X-Forwarded-User '';\n{_NO_BEARER}\n"
        "      proxy_set_header X-Relay-Cookie '';\n"
        "      proxy_set_header X-Relay-Authorization '';\n"
        "      proxy_pass http://server_behind;\n    }"
        for path in configuration.open_paths
    )
    passing = configuration.pass_token
    prefix = configuration.prefix
    below = (
        f"    location {prefix}/oauth/ {{\n{_OWN_PAGES}\n"
        "      proxy_pass http://authoriser/oauth/;\n    }"
    )
    replacements = {
        "@CHECK@": _CHECK_BUFFERS if passing else "",
        "@ASK@": _ASK_BEARER if passing else "",
        "@TOKEN@": _BEARER if passing else _NO_BEARER,
        "@OPEN@": opened,
        "@OWN_PAGES@": _OWN_PAGES,
        "@BELOW@": below if prefix else "",
        "@BEHIND@": _BEHIND,
        "@WORK@": str(configuration.work_directory),
        "@TLS@": str(configuration.tls_directory),
        "@SOCKET@": str(configuration.socket),
        "@RELAY@": str(configuration.relay_socket),
        "@PORT@": str(configuration.listen_port),
        "@UPSTREAM@": configuration.upstream,
        "@COOKIE@": cookie_name(prefix),
    }
    text = _NGINX
    for mark, value in replacements.items():
        text = text.replace(mark, value)
    return text
