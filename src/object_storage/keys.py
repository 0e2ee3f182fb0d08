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
# Lists by a beginning, or from a key on, that SeaweedFS would answer with another key's neighbours,
# or with names that no object has.
FOLDED_LIST = (
    r"^[^?]*\?(?:[^&]*&)*(?:prefix|marker|start-after|key-marker)="
    r"(?:(?:/|%2[Ff])[^&]|[^&]*(?:/|%2[Ff]){2})"
)
# Requests whose body names keys: DeleteObjects, and what a browser's form uploads: method, type of
# the content, path.
NAMING_BODY = (
    r"^POST (?:[^?]* [^?]*\?(?:[^&]*&)*delete(?:[=&]|$)|"
    r"multipart/form-data[^?]* /[^/?]+/?(?:\?|$))"
)
# Bodies of a DeleteObjects whose keys this store takes as they are written: no text begins with a
# slash or has two in a row, written out or as XML's numbers, and none is written otherwise
# (comments, CDATA, text beside elements). For PCRE; each part is possessive, so that what does not
# match is known at once.
_XML_SLASH = r"(?:/|&#0*+47;|&#[xX]0*+2[Ff];)"
_XML_TEXT = rf"(?:(?:[^<&/]|(?!{_XML_SLASH})&)++{_XML_SLASH}?+)++"
PLAIN_BODY = (
    r"^\s*+(?:<[?][^<>]*+>)?+(?:\s*+(?:</[^<>]++>|"
    rf"<[^<>!?/][^<>!?]*+>(?:(?=\s*+<)|{_XML_TEXT}(?=</))))*+\s*+$"
)
# Forms with one field "key" of which the same is true.
_FORM_KEY = r"\s*+[Nn]ame=\x22?+key\x22?+[ ;\r]"
_NO_FORM_KEY = rf"(?:[^;]++|;(?!{_FORM_KEY}))*+"
PLAIN_FORM = (
    rf"^{_NO_FORM_KEY};{_FORM_KEY}[^\n]*+\n(?:[^\r\n]++\r\n)*+\r\n"
    rf"(?:[^\r\n/\x5c]++/)*+[^\r\n/\x5c]++\r\n{_NO_FORM_KEY}$"
)
# Whether the body names keys, and its length: what the front does not read into its memory.
LONG_BODY = r"^1 (?:4[2-9][0-9]{5}|[5-9][0-9]{6}|[1-9][0-9]{7,})$"
# Requests that put content under a key that ends in a slash, which it takes for a folder's mark and
# keeps without its content: method, length of the content, path.
LOST_CONTENT = r"^PUT [1-9][0-9]* /[^/?]+/[^?]+/(?:\?|$)"
# MinIO's word for a key that it does not take, either; the store stands in its place.
REFUSAL_CODE = "XMinioInvalidObjectName"
FOLDED_WORDS = (
    "The key has an empty part (//, or a slash at its beginning) or a backslash in it, and this "
    "store would keep the object under another key. Put one slash between the parts of a key."
)
LIST_WORDS = (
    "The beginning of the keys, or the key to begin behind, starts with a slash or has an empty "
    "part (//): no key in this store does, and other keys would be listed. Put one slash between "
    "the parts."
)
BODY_WORDS = (
    "A key in the body of the request starts with a slash or has an empty part (//), or its text "
    "is not plain: this store would take another key for it. Nothing was done. Put one slash "
    "between the parts of a key."
)
LONG_WORDS = (
    "The body names keys and is longer than 4 MiB, which this store does not read. Delete at most "
    "1000 keys at once; upload by PUT instead of a form."
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
