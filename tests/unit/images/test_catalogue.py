"""An image is built again when, and only when, something that it is made from changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab_images.catalogue import ImageError, Settings, all_keys, context_files, settings_from


def test_same_content_has_the_same_key(settings: Settings) -> None:
    assert all_keys(settings) == all_keys(settings)


def test_changed_source_changes_only_the_image_that_holds_it(
    settings: Settings, tree: Path
) -> None:
    before = all_keys(settings)
    (tree / "src/app/main.py").write_text("print(2)\n")
    after = all_keys(settings)
    assert after["app"] != before["app"]
    assert after["base"] == before["base"]


def test_changed_base_changes_what_is_built_from_it(settings: Settings, tree: Path) -> None:
    before = all_keys(settings)
    (tree / "images/base/Containerfile").write_text("FROM scratch\nENV A=1\n")
    after = all_keys(settings)
    assert after["base"] != before["base"]
    assert after["app"] != before["app"]


@pytest.mark.parametrize(
    "path",
    [
        "src/other/__init__.py",
        "src/app/__pycache__/main.cpython-311.pyc",
        "src/app/node_modules/x/index.js",
        "src/app/dist/page.js",
    ],
)
def test_other_files_change_nothing(settings: Settings, tree: Path, path: str) -> None:
    before = all_keys(settings)
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text("changed\n")
    assert all_keys(settings) == before


def test_executable_bit_counts(settings: Settings, tree: Path) -> None:
    before = all_keys(settings)["app"]
    (tree / "src/app/main.py").chmod(0o755)
    assert all_keys(settings)["app"] != before


def test_renamed_file_counts(settings: Settings, tree: Path) -> None:
    before = all_keys(settings)["app"]
    (tree / "src/app/main.py").rename(tree / "src/app/start.py")
    assert all_keys(settings)["app"] != before


def test_keys_found_earlier_in_a_run_hold(data: dict[str, Any], tree: Path) -> None:
    keys = all_keys(settings_from(data))
    (tree / "src/app/main.py").write_text("print(3)\n")
    assert all_keys(settings_from({**data, "keys": keys})) == keys


def test_another_tag_is_another_image_but_no_other_layers_below(data: dict[str, Any]) -> None:
    data["images"][0]["deliver"] = False
    one, two = (all_keys(settings_from({**data, "tag": tag})) for tag in ("1.0", "1.1"))
    assert one["app"] != two["app"]
    assert one["base"] == two["base"]


def test_missing_file_is_named(settings: Settings, tree: Path) -> None:
    (tree / "images/app/Containerfile").unlink()
    with pytest.raises(ImageError, match="images/app/Containerfile"):
        all_keys(settings)


def test_base_must_come_first(data: dict[str, Any]) -> None:
    data["images"].reverse()
    with pytest.raises(ImageError, match="app is built from base"):
        settings_from(data)


def test_unknown_image_is_refused_with_the_known_ones(settings: Settings) -> None:
    with pytest.raises(ImageError, match="base, app"):
        settings.with_ancestors(["ap"])


def test_an_image_brings_its_bases(settings: Settings) -> None:
    assert [image.name for image in settings.with_ancestors(["app"])] == ["base", "app"]


def test_a_given_base_image_replaces_the_root_file_system(data: dict[str, Any]) -> None:
    data["images"][0]["rootfs"] = "images/base/build.sh"
    settings = settings_from({**data, "base_image": "ubi9:1"})
    assert [(image.name, image.base) for image in settings.images] == [("app", "")]
    other = settings_from({**data, "base_image": "ubi9:2"})
    assert all_keys(settings)["app"] != all_keys(other)["app"]


def test_context_is_listed_in_a_fixed_order(tree: Path) -> None:
    files = context_files(tree, ("src/app", "images/app/Containerfile"))
    assert [str(path) for path in files] == [
        "images/app/Containerfile",
        "src/app/__init__.py",
        "src/app/main.py",
    ]


def test_the_role_lists_images_that_exist(
    catalogue: list[dict[str, Any]], repository: Path
) -> None:
    for image in catalogue:
        for entry in (image["containerfile"], *image["context"]):
            assert (repository / entry).exists(), f"{image['name']}: {entry} does not exist"
