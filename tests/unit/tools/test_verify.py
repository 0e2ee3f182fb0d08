"""The checks cover what is there: a package that nobody lists is a failure, not a gap."""

from __future__ import annotations

from pathlib import Path

from lab_checks import verify

PROJECT = Path(__file__).resolve().parents[3]


def test_every_package_is_typed_against_some_environment() -> None:
    assert verify.untyped(PROJECT, verify.TYPED) == []


def test_a_package_that_nobody_lists_is_told(tmp_path: Path) -> None:
    for name in ("listed", "forgotten"):
        (tmp_path / "src" / name).mkdir(parents=True)
        (tmp_path / "src" / name / "__init__.py").touch()
    [missing, gone] = verify.untyped(tmp_path, {"test": ("listed", "former")})
    assert "src/forgotten is not typed" in missing
    assert "src/former is not there" in gone
