"""The name that a shown name gives: always one that Kubernetes takes, and the same each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.objects.common import translated_user
from dashboard.validation import (
    RULES,
    derive_name,
    fault_of_folder,
    fault_of_key,
    fault_of_name,
    fault_of_path,
    milli,
)

TYPED = st.text(max_size=300) | st.text("aB1 -_.é", max_size=80)
KINDS = st.sampled_from(sorted(RULES))


@given(TYPED, KINDS)
def test_name_is_always_one_that_kubernetes_takes(display, kind):
    name = derive_name(display, RULES[kind])
    assert fault_of_name(name, RULES[kind]) is None
    assert derive_name(display, RULES[kind]) == name


@given(st.from_regex(r"[a-z]([a-z0-9]|-(?!-)){0,20}[a-z0-9]", fullmatch=True), KINDS)
def test_a_name_is_its_own(name, kind):
    rule = RULES[kind]
    if "--" not in name:
        assert derive_name(name, rule) == rule.before + name


@pytest.mark.parametrize(
    ("display", "kind", "name"),
    [
        ("My first bench", "workbench", "my-first-bench"),
        ("  Trimmed  ", "storage", "trimmed"),
        ("s3-creds", "connection", "aws-connection-s3-creds"),
        ("Größe & Co.", "storage", "gre-co"),
        ("a - b", "storage", "a-b"),
        ("2024", "workbench", "wb-2024"),
        ("1st", "workbench", "wb-1st"),
        ("2024", "storage", "2024"),
        ("x" * 40, "workbench", "x" * 30),
        ("x" * 29 + " y", "workbench", "x" * 29),
        ("model-mesh", "token", "model-mesh"),
    ],
)
def test_examples(display, kind, name):
    assert derive_name(display, RULES[kind]) == name


@pytest.mark.parametrize("display", ["", "???", "é", "- -"])
def test_nothing_left_gives_a_name_all_the_same(display):
    assert derive_name(display, RULES["storage"]).startswith("gen-")
    assert derive_name(display, RULES["workbench"]).startswith("wb-")


def test_name_and_project_fit_into_a_host():
    rule = RULES["workbench"]
    assert fault_of_name("a" * 30, rule, "n" * 32) is None
    assert "at most 29" in fault_of_name("a" * 30, rule, "n" * 33)


@given(st.text(max_size=200))
def test_user_is_a_label(user):
    label = translated_user(user)
    assert len(label) <= 63
    assert label == "" or (label[0].isalnum() and label[-1].isalnum())
    assert all(letter.isascii() and (letter.isalnum() or letter in "-_.") for letter in label)


@pytest.mark.parametrize("path", ["onnx/model-v2.onnx", "/onnx/m", "a", "a/b/", "A_b-c.d/1"])
def test_paths_that_are_taken(path):
    assert fault_of_path(path) is None


@given(st.text(max_size=40))
def test_a_path_is_taken_or_told(path):
    fault = fault_of_path(path)
    assert fault is None or fault.endswith(".")
    if fault is None:
        assert path.strip("/")
        assert "//" not in path


@given(st.text(max_size=30))
def test_a_key_that_is_taken_is_a_variable(key):
    if fault_of_key(key) is None:
        assert key.isascii()
        assert not key[0].isdigit()
        assert "=" not in key


@given(st.text(max_size=30))
def test_a_folder_that_is_taken_stays_in_the_workbench(folder):
    if fault_of_folder(folder) is None:
        assert ".." not in folder
        assert folder.strip("/").islower()


@pytest.mark.parametrize(
    ("text", "found"), [("2", 2000), ("500m", 500), ("0.5", 500), ("1.25", 1250)]
)
def test_cpus(text, found):
    assert milli(text) == found


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "0.0001", "1 2", "inf", "nan", "²"])
def test_what_is_no_number_of_cpus(text):
    with pytest.raises(ValueError, match="no number of CPUs"):
        milli(text)
