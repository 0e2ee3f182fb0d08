"""Which keys the object store can tell apart: what it cannot read is said before it is made."""

from __future__ import annotations

import re

# The access key stands in the Authorization header as "Credential=KEY/DATE/REGION/s3/aws4_request,
# SignedHeaders=…", and SeaweedFS takes it apart at '/' and ','; S3's own have letters and digits.
_ACCESS_KEY = re.compile(r"[!-+\-.0-~]{3,128}")
_SECRET_KEY = re.compile(r"[!-~]{8,256}")

# Paths of objects, as they are sent, that SeaweedFS keeps under another key: of slashes in a row it
# makes one, at the beginning none, and of a backslash a slash (``NormalizeObjectKey``).
FOLDED_PATH = r"^[^?]*(?:(?:/|%2[Ff]){2}|%5[Cc]|\x5c)"
# Requests that put content under a key that ends in a slash, which it takes for a folder's mark and
# keeps without its content: method, length of the content, path.
LOST_CONTENT = r"^PUT [1-9][0-9]* /[^/?]+/[^?]+/(?:\?|$)"
# MinIO's word for a key that it does not take, either; the store stands in its place.
REFUSAL_CODE = "XMinioInvalidObjectName"
FOLDED_WORDS = (
    "The key has an empty part (//, or a slash at its beginning) or a backslash in it, and this "
    "store would keep the object under another key. Put one slash between the parts of a key."
)
LOST_WORDS = (
    "The key ends in a slash, which marks a folder in this store and holds no content. "
    "Leave the slash out."
)


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
