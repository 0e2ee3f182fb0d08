"""Object stores' own words, translated."""

from __future__ import annotations

import re

WRONG_SECRET = re.compile(r"SignatureDoesNotMatch|signature we calculated does not match", re.I)
WRONG_KEY = re.compile(r"InvalidAccessKeyId|access key .{0,40}does not exist", re.I)
DENIED = re.compile(
    r"(?=.*(s3|bucket|object store|storage))(AccessDenied|.*\b403\b|.*Access Denied)", re.I
)
NO_BUCKET = re.compile(r"NoSuchBucket|bucket .{0,60}does not exist", re.I)
NO_OBJECT = re.compile(r"NoSuchKey|specified key does not exist", re.I)
UNREACHABLE = re.compile(
    r"EndpointConnectionError|Could not connect to the endpoint URL|ConnectTimeoutError", re.I
)
SECRET = re.compile(r"[Ss]ecret[ /]+(?:\"|')?(?P<name>[a-z0-9][a-z0-9.-]*[a-z0-9])")
ENDPOINT = re.compile(r"https?://[^\s\"'<>)]+")


def store_cause(text: str) -> str:
    """What a message says of an object store; "" when it is not about one."""
    secret = SECRET.search(text)
    key = f"the key in Secret {secret['name']}" if secret else "the S3 key"
    if WRONG_SECRET.search(text):
        return f"is stopped by its object store, which refuses {key}: the secret key is wrong"
    if WRONG_KEY.search(text):
        return f"is stopped by its object store, which does not know {key}"
    if NO_BUCKET.search(text):
        return "looks for a bucket that its object store does not have"
    if NO_OBJECT.search(text):
        return "looks for an object that is not in the bucket"
    if DENIED.search(text):
        return f"is stopped by its object store, which does not let {key} do this"
    if UNREACHABLE.search(text):
        endpoint = ENDPOINT.search(text)
        where = f" at {endpoint[0].rstrip('/.,')}" if endpoint else ""
        return f"cannot reach its object store{where}"
    return ""
