"""What the documents tell people to type and what runs it, and the pictures that they show."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = REPOSITORY / "tests/commands.toml"
PICTURES = REPOSITORY / "docs/lab/images"
GUIDE = REPOSITORY / "tests/e2e/guide/test_guide.py"
SHOWN = re.compile(r"images/([\w-]+)\.png")
PLACES = ("here", "lab", "workbench", "elsewhere")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
INDENTED = re.compile(r"^ {4}(\S.*)$", re.M)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
COMMENT = re.compile(r"(^|\s+)#(\s.*|$)")
ASSIGNMENT = re.compile(r"^\w+=\S*$")
SHELLS = ("shell", "sh", "bash")
PROGRAMS = {
    '"$(./lab', "./lab", "ansible-playbook", "curl", "elyra-pipeline", "export", "git", "go",
    "helm", "images/lock.sh", "kubectl", "npm", "oc", "pip", "pre-commit", "python3",
}  # fmt: skip


@dataclass(frozen=True)
class Runner:
    """A file that runs a command, and the words in it that do."""

    file: str
    says: str

    @property
    def says_so(self) -> bool:
        """Whether the file is there and has the words; spaces and line ends count as one."""
        path = REPOSITORY / self.file
        return path.is_file() and " ".join(self.says.split()) in " ".join(path.read_text().split())


@dataclass(frozen=True)
class Command:
    """One entry of the table."""

    run: str
    place: str
    substitute: str = ""
    tells: str = ""
    fails: bool = False
    why: str = ""
    by: tuple[Runner, ...] = ()

    @property
    def line(self) -> str:
        """What is really run."""
        return self.substitute or self.run


def read_table() -> list[Command]:
    """The table, in its order."""
    entries = tomllib.loads(TABLE.read_text(encoding="utf-8"))["command"]
    return [
        Command(
            by=tuple(Runner(**{"says": entry["run"], **by}) for by in entry.pop("by", ())),
            run=entry.pop("run"),
            place=entry.pop("in"),
            substitute=entry.pop("as", ""),
            **entry,
        )
        for entry in entries
    ]


def commands_of(place: str) -> list[Command]:
    """The entries that are run in one place."""
    return [command for command in read_table() if command.place == place]


def documents() -> list[Path]:
    """Every document of the project, the tale of its changes left aside."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    return sorted(REPOSITORY / name for name in names if name and name != "CHANGELOG.md")


def is_command(line: str) -> bool:
    """Whether a line of code calls a program; a program's name alone is none."""
    words = line.split()
    while words and ASSIGNMENT.match(words[0]):
        words.pop(0)
    return len(words) > 1 and words[0] in PROGRAMS


def told_by(document: Path) -> list[str]:
    """The commands of a document: its blocks of shell, and the code between its words."""
    text = document.read_text(encoding="utf-8")
    found = []
    for language, block in FENCE.findall(text):
        lines = [COMMENT.sub("", line).strip() for line in block.replace("\\\n", " ").splitlines()]
        found += [line for line in lines if line and (language in SHELLS or is_command(line))]
    prose = FENCE.sub("", text)
    code = INDENTED.findall(prose)
    # What a decision says of a program is no advice to call it.
    if document.parent.name != "decisions":
        code += INLINE.findall(INDENTED.sub("", prose))
    found += [line for line in (COMMENT.sub("", line) for line in code) if is_command(line)]
    return [" ".join(line.split()) for line in found]


def pictures_shown() -> set[str]:
    """The names of the pictures of pages that documents show."""
    return {name for path in documents() for name in SHOWN.findall(path.read_text())}


def pictures_taken() -> set[str]:
    """The names of the pictures that the guide's tests take."""
    tree = ast.parse(GUIDE.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        str(ast.literal_eval(call.args[0]))
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "picture"
    }


def run_line(line: str, timeout: float, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a person would, in the checkout; both outputs are kept together."""
    return subprocess.run(
        ["/bin/sh", "-euc", line],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout,
    )
