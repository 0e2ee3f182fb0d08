"""What the forms take: names, sizes, JSON, paths, keys; and the name that a shown name gives.

Every check returns what is wrong as a sentence, or None; a `Problems` collects them by field.
Source of the rules: upstream's dashboard (2.16 and 2.25) and Kubernetes' own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from dashboard.errors import invalid
from lab_ground.kubernetes.quantities import parse_bytes

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# One label of a host's name: a workbench's is <name>-<project>.
HOST_LABEL = 63
WORKING_DIRECTORY = "/opt/app-root/src"


@dataclass(frozen=True)
class NameRule:
    """How a kind's names are made; ``letter``: a Service has it, which begins with a letter."""

    what: str
    limit: int
    prefix: str = ""
    letter: bool = False
    before: str = ""
    in_host: bool = False


RULES: dict[str, NameRule] = {
    "project": NameRule("project", 30),
    "workbench": NameRule("workbench", 30, prefix="wb-", letter=True, in_host=True),
    "storage": NameRule("cluster storage", 253),
    "connection": NameRule("data connection", 253, before="aws-connection-"),
    "server": NameRule("model server", 40, prefix="ms-", letter=True),
    "model": NameRule("model", 40, prefix="model-", letter=True, in_host=True),
    "token": NameRule("service account", 253),
}


def derive_name(display: str, rule: NameRule) -> str:
    """The resource name that a shown name gives.

    >>> derive_name("My first bench", RULES["workbench"])
    'my-first-bench'
    """
    text = re.sub(r"\s", "-", display.strip().lower())
    text = re.sub(r"[^a-z0-9-]", "", text)
    text = re.sub(r"-+", "-", text).strip("-")
    limit = rule.limit - len(rule.before)
    if text and (text.isdigit() or (rule.letter and not text[0].isalpha())):
        text = rule.prefix + text
    if not text:
        # Of the shown name, so that the form shows before what is made then.
        text = (rule.prefix or "gen-") + _letters(display)
    return rule.before + text[:limit].strip("-")


def _letters(text: str, count: int = 6) -> str:
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
    letters = []
    for _ in range(count):
        number, digit = divmod(number, len(DIGITS))
        letters.append(DIGITS[digit])
    return "".join(letters)


def fault_of_name(name: str, rule: NameRule, namespace: str = "") -> str | None:
    """What is wrong with a resource name."""
    if len(name) > rule.limit:
        return f"The name {name!r} has {len(name)} characters; at most {rule.limit} are allowed."
    if not NAME.fullmatch(name):
        return (
            f"The name {name!r} must consist of lower case letters, digits and dashes, and begin "
            "and end with a letter or a digit."
        )
    if rule.letter and not name[0].isalpha():
        return f"The name {name!r} must begin with a letter."
    if rule.in_host and namespace and len(name) + 1 + len(namespace) > HOST_LABEL:
        most = HOST_LABEL - 1 - len(namespace)
        return f"The name {name!r} is too long for this project; at most {most} characters fit."
    return None


def fault_of_display(display: str, what: str) -> str | None:
    """What is wrong with a shown name."""
    if not display.strip():
        return f"A {what} needs a name."
    if len(display) > 250:
        return f"The name has {len(display)} characters; at most 250 are allowed."
    return None


def fault_of_size(gib: int, least: int = 1) -> str | None:
    """What is wrong with a storage size in GiB."""
    if gib < least:
        return f"The size is {gib} GiB; at least {least} GiB are needed."
    if gib > 65536:
        return f"The size is {gib} GiB; at most 65536 GiB are allowed."
    return None


_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# What the form sets itself: a variable of that name would silently do nothing.
OWN_VARIABLES = frozenset({"NOTEBOOK_ARGS", "JUPYTER_IMAGE", "NB_PREFIX"})


def fault_of_key(key: str) -> str | None:
    """What is wrong with the name of an environment variable."""
    if not key:
        return "The variable needs a key."
    if not _KEY.fullmatch(key) or len(key) > 253:
        return (
            f"The key {key!r} must begin with a letter or an underscore and consist of letters, "
            "digits, underscores, dots and dashes."
        )
    if key in OWN_VARIABLES:
        return f"The key {key!r} is set by the workbench itself: choose another."
    return None


_FOLDER = re.compile(r"[a-z]([-a-z]*[a-z])?")


def fault_of_folder(folder: str) -> str | None:
    """What is wrong with the name of a mount folder."""
    if not folder:
        return "The mount folder needs a name."
    if len(folder) > 63 or not _FOLDER.fullmatch(folder.removesuffix("/")):
        return (
            f"The folder {folder!r} must consist of lower case letters and dashes, begin and end "
            "with a letter, and may have one slash at its end."
        )
    return None


_PATH = re.compile(r"[A-Za-z0-9\-_./]+")


def fault_of_path(path: str) -> str | None:
    """What is wrong with the path of a model in a bucket."""
    if not path.strip():
        return "The path of the model is missing."
    if not _PATH.fullmatch(path):
        allowed = "letters, digits, dashes, underscores, dots and slashes only"
        return f"The path {path!r} may have {allowed}."
    if "//" in path:
        return f"The path {path!r} has two slashes in a row."
    if not path.strip("/"):
        return f"The path {path!r} is only slashes: name the model's folder or file."
    if any(part in (".", "..") for part in path.split("/")):
        return f"The path {path!r} has a dot for a folder, which no object has."
    return None


_CPU = re.compile(r"(\d+(\.\d{1,3})?|\d+m)")


def milli(quantity: str) -> int:
    """Thousandths of a CPU.

    Raises:
        ValueError: it is no quantity of CPU.
    """
    text = quantity.strip()
    if not _CPU.fullmatch(text):
        raise ValueError(f"{quantity!r} is no number of CPUs such as 2, 0.5 or 500m")
    return int(text[:-1]) if text.endswith("m") else round(float(text) * 1000)


def faults_of_resources(
    requests: dict[str, str], limits: dict[str, str], place: str
) -> dict[str, str]:
    """What is wrong with a custom size, by field."""
    faults: dict[str, str] = {}
    readers = {"cpu": milli, "memory": parse_bytes}
    for resource, reader in readers.items():
        amounts: dict[str, int] = {}
        for part, values in (("requests", requests), ("limits", limits)):
            where = f"{place}.{part}.{resource}"
            try:
                amounts[part] = reader(values.get(resource) or "")
            except ValueError as error:
                faults[where] = f"The {resource} of the {part} cannot be used: {error}."
                continue
            if amounts[part] <= 0:
                faults[where] = f"The {resource} of the {part} must be more than 0."
        if len(amounts) == 2 and amounts["requests"] > amounts["limits"]:
            faults.setdefault(
                f"{place}.requests.{resource}",
                f"The {resource} requested, {requests[resource]}, is more than the limit, "
                f"{limits[resource]}.",
            )
    return faults


def duplicates(values: Iterable[str]) -> set[str]:
    """Values that are there more than once."""
    seen: set[str] = set()
    return {value for value in values if value in seen or seen.add(value)}  # type: ignore[func-returns-value]


@dataclass
class Problems:
    """What is wrong with a form, by field, in the order in which it was found."""

    fields: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, fault: str | None) -> None:
        """Take up a fault, if there is one and the field has none yet."""
        if fault:
            self.fields.setdefault(name, fault)

    def update(self, faults: dict[str, str]) -> None:
        """Take up several."""
        for name, fault in faults.items():
            self.add(name, fault)

    def done(self) -> None:
        """Refuse the form if anything is wrong.

        Raises:
            RefusalError: 422, with each field.
        """
        if self.fields:
            raise invalid(self.fields)


def resource_name(
    problems: Problems, kind: str, display: str, given: str | None, namespace: str = ""
) -> str:
    """The name of what is to be made: the one that was typed, else of the shown name."""
    rule = RULES[kind]
    problems.add("displayName", fault_of_display(display, rule.what))
    if given:
        name = given if given.startswith(rule.before) else rule.before + given
        problems.add("name", fault_of_name(name, rule, namespace))
        return name
    name = derive_name(display, rule)
    problems.add("displayName", fault_of_name(name, rule, namespace))
    return name
