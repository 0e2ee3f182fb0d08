"""Keeping secrets out of whatever pytest itself writes: the terminal, junit and HTML pages.

A failure's traceback shows values, and output that was captured is printed beside it. Each report
is masked before any reporter gets it; junit is read again in the end, whoever put words into it.

Enabled with ``-p lab_validation.masking``, and by lab_validation.plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from lab_ground.redaction import Redactor

REDACTOR = pytest.StashKey[Redactor]()
NAME = "lab-validation-masker"
Mask = Callable[[str], str]


class Masker:
    """Masks what the redactor in the configuration's stash knows, and what looks like a secret."""

    def __init__(self, config: pytest.Config) -> None:
        """Take the redactor from ``config`` whenever it is needed: a fixture puts it there."""
        self._config = config
        # Local variables and arguments are values by the dozen, and a cause is told without them.
        config.option.showlocals = False
        if config.option.tbstyle in ("auto", "long"):
            config.option.tbstyle = "short"

    def mask(self, text: str) -> str:
        """Return ``text`` with every secret masked."""
        return self._config.stash.get(REDACTOR, Redactor())(text)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Mask a test's report, after all others have had their part in it."""
        report = yield
        mask_report(report, self.mask)
        report.user_properties = [(k, masked(v, self.mask)) for k, v in report.user_properties]
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self,
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Mask why a file could not be read."""
        report = yield
        mask_report(report, self.mask)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: Any) -> None:
        """Mask a warning, which is shown again when all is over."""
        warning = warning_message.message
        warning.args = masked(warning.args, self.mask)

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: Any) -> None:
        """Mask an error of pytest or a plugin."""
        masked(excrepr, self.mask)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Mask the junit file, which is written by now."""
        path = self._config.getoption("xmlpath", None)
        if path and Path(path).exists():
            mask_xml(Path(path), self.mask)


def mask_report(report: pytest.TestReport | pytest.CollectReport, mask: Mask) -> None:
    """Mask what a report says of a failure, and the output that it holds."""
    report.longrepr = masked(report.longrepr, mask)
    report.sections = masked(report.sections, mask)


def masked(value: Any, mask: Mask) -> Any:
    """Return ``value`` with its texts masked, at any depth; a traceback is changed in place."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list) and value and all(isinstance(entry, str) for entry in value):
        # Lines of one text: a secret may go over several.
        return mask("\n".join(value)).split("\n")
    if isinstance(value, (list, tuple)):
        return type(value)(masked(entry, mask) for entry in value)
    if hasattr(value, "toterminal"):
        for name, entry in vars(value).items():
            setattr(value, name, masked(entry, mask))
    return value


def mask_xml(path: Path, mask: Mask) -> None:
    """Mask an XML file's texts and attributes."""
    tree = ElementTree.parse(path)  # noqa: S314 - pytest has just written it
    for element in tree.iter():
        element.text = element.text and mask(element.text)
        for name, text in element.items():
            element.set(name, mask(text))
    tree.write(path, encoding="utf-8", xml_declaration=True)


def pytest_configure(config: pytest.Config) -> None:
    """Mask from now on; both plugins may be asked for."""
    if not config.pluginmanager.has_plugin(NAME):
        config.pluginmanager.register(Masker(config), NAME)
