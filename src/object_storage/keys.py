"""Which keys the object store can tell apart: what it cannot read is said before it is made."""

from __future__ import annotations

import re

# The access key stands in the Authorization header as "Credential=KEY/DATE/REGION/s3/aws4_request,
# SignedHeaders=…", and SeaweedFS takes it apart at '/' and ','; S3's own have letters and digits.
_ACCESS_KEY = re.compile(r"[!-+\-.0-~]{3,128}")
_SECRET_KEY = re.compile(r"[!-~]{8,256}")


def fault_of_access_key(value: str) -> str:
    """What is wrong with an access key, as the end of a sentence; empty when nothing is.

    >>> fault_of_access_key("AB/CD")
    "has '/' in it: the object store takes 3 to 128 visible characters other than '/' and ','"
    """
    if _ACCESS_KEY.fullmatch(value):
        return ""
    odd = next((sign for sign in "/," if sign in value), "")
    found = f"has '{odd}' in it" if odd else f"has {len(value)} characters, or odd ones"
    return f"{found}: the object store takes 3 to 128 visible characters other than '/' and ','"


def fault_of_secret_key(value: str) -> str:
    """What is wrong with a secret key, which is not shown; empty when nothing is."""
    if _SECRET_KEY.fullmatch(value):
        return ""
    return "has too few characters, or odd ones: the object store takes 8 to 256 visible characters"
