"""How the store's two processes are run: SeaweedFS on loopback, and nginx in front of it.

SeaweedFS runs as one process, and all of it listens on the loopback interface only: its filer, its
volume server and the gRPC side of its S3 answer anybody without a credential (through the last,
anybody could make himself an administrator). nginx stands in front and passes on S3 and no more.
"""

from __future__ import annotations

from object_storage.keys import (
    BODY_WORDS,
    FOLDED_LIST,
    FOLDED_PATH,
    FOLDED_WORDS,
    LIST_WORDS,
    LONG_BODY,
    LONG_WORDS,
    LOST_CONTENT,
    LOST_WORDS,
    NAMING_BODY,
    PLAIN_BODY,
    PLAIN_FORM,
    REFUSAL_CODE,
)

S3_PORT = 9000
METRICS_PORT = 9327
_INNER_PORT = 9001
# On loopback: where the front judges a body that it has read.
READ_PORT = 9002
_MASTER_PORT = 9333


def build_front_configuration() -> str:
    """Build nginx's configuration: S3 as it is, streamed both ways.

    Keys that the store would change on their way are refused, see ``keys``.
    """
    return f"""\
daemon off;
worker_processes 1;
error_log stderr warn;
pid /run/seaweedfs/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  server_tokens off;
  client_body_temp_path /run/seaweedfs/body;
  proxy_temp_path /run/seaweedfs/proxy;
  fastcgi_temp_path /run/seaweedfs/fastcgi;
  uwsgi_temp_path /run/seaweedfs/uwsgi;
  scgi_temp_path /run/seaweedfs/scgi;
  client_max_body_size 0;
  ignore_invalid_headers off;
  keepalive_requests 100000;
  map $request_uri $folded {{ default ''; "~{FOLDED_PATH}" 1; }}
  map $request_uri $folded_list {{ default ''; "~{FOLDED_LIST}" 1; }}
  map $http_x_amz_copy_source $folded_source {{ default ''; "~{FOLDED_PATH}" 1; }}
  map $http_x_amz_decoded_content_length $length {{
    default $http_x_amz_decoded_content_length;
    '' $http_content_length;
  }}
  map "$request_method $length $request_uri" $lost {{ default ''; "~{LOST_CONTENT}" 1; }}
  map "$request_method $http_content_type $request_uri" $names_keys {{
    default '';
    "~{NAMING_BODY}" 1;
  }}
  map $request_body $folded_body {{ default folded; "~{PLAIN_BODY}" ''; }}
  map $request_body $folded_form {{ default folded; "~{PLAIN_FORM}" ''; }}
  map $http_content_type $verdict {{
    default $folded_body;
    "~*^multipart/form-data" $folded_form;
  }}
  map $request_body_file $judged {{ default long; '' $verdict; }}
  map "$names_keys $http_content_length" $too_long {{ default ''; "~{LONG_BODY}" 1; }}
  upstream store {{ server 127.0.0.1:{_INNER_PORT}; keepalive 32; }}
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Connection '';
  proxy_buffering off;
  proxy_connect_timeout 3s;
  proxy_read_timeout 300s;
  proxy_send_timeout 300s;
  merge_slashes off;
  default_type application/xml;
  server {{
    listen {S3_PORT};
    if ($folded) {{ return 400 '{_refusal(FOLDED_WORDS)}'; }}
    if ($folded_list) {{ return 400 '{_refusal(LIST_WORDS)}'; }}
    if ($folded_source) {{ return 400 '{_refusal(FOLDED_WORDS)}'; }}
    if ($lost) {{ return 400 '{_refusal(LOST_WORDS)}'; }}
    if ($too_long) {{ return 400 '{_refusal(LONG_WORDS)}'; }}
    error_page 418 = @read;
    location / {{
      if ($names_keys) {{ return 418; }}
      proxy_pass http://store;
      proxy_request_buffering off;
    }}
    location @read {{
      client_max_body_size 4m;
      client_body_buffer_size 5m;
      client_body_in_single_buffer on;
      proxy_set_header Host $http_host;
      proxy_set_header Connection '';
      proxy_set_header X-Lab-Verdict $judged;
      proxy_pass http://127.0.0.1:{READ_PORT};
    }}
  }}
  # A body is there when the next hop's headers are made, and not before: they tell the verdict.
  server {{
    listen 127.0.0.1:{READ_PORT};
    if ($http_x_lab_verdict = folded) {{ return 400 '{_refusal(BODY_WORDS)}'; }}
    if ($http_x_lab_verdict = long) {{ return 400 '{_refusal(LONG_WORDS)}'; }}
    location / {{
      proxy_set_header Host $http_host;
      proxy_set_header Connection '';
      proxy_set_header X-Lab-Verdict '';
      proxy_pass http://store;
      proxy_request_buffering off;
    }}
  }}
}}
"""


def _refusal(words: str) -> str:
    """S3's answer that refuses a request."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<Error><Code>{REFUSAL_CODE}</Code><Message>{words}</Message></Error>"
    )


def build_command() -> list[str]:
    """Build the command line of the store: everything on loopback."""
    return [
        # A pod that was deleted by force may still write while its successor starts: whoever has
        # not the lock waits. Without a fork, so that the store itself gets the signals.
        "flock",
        "--no-fork",
        "/data/.lock",
        "weed",
        "-logtostderr=true",
        "server",
        "-dir=/data",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={_MASTER_PORT}",
        "-master.volumeSizeLimitMB=512",
        "-master.telemetry=false",
        "-master.electionTimeout=1s",
        "-volume.max=0",
        "-volume.minFreeSpace=1",
        "-volume.preStopSeconds=1",
        "-filer",
        "-filer.localSocket=/run/seaweedfs/filer.sock",
        "-s3",
        f"-s3.port={_INNER_PORT}",
        "-s3.ip.bind=127.0.0.1",
        "-s3.config=/etc/seaweedfs/identities.json",
        "-s3.localSocket=/run/seaweedfs/s3.sock",
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
        "-s3.allowedOrigins=",
        f"-metricsPort={METRICS_PORT}",
        "-metricsIp=127.0.0.1",
    ]


def build_startup_check() -> list[str]:
    """Build the command that succeeds once the store can give back what it holds.

    S3 answers seconds before the volume server has told the master which volumes it has; until
    then every read ends in an internal error.
    """
    code = (
        "import json, urllib.request as r\n"
        f"r.urlopen('http://127.0.0.1:{_INNER_PORT}/healthz', timeout=2)\n"
        f"status = json.load(r.urlopen('http://127.0.0.1:{_MASTER_PORT}/dir/status', timeout=2))\n"
        "raise SystemExit(not status['Topology'].get('DataCenters'))\n"
    )
    return ["python3", "-I", "-c", code]
