"""Strict JSON and YAML: what strangers write is bounded, and read in one way only."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from suffice import InputError
from suffice.strict import Malformed, parse, read_json
from suffice.template import fill, unfilled
from suffice.yamlfile import read_yaml

JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**63), 2**63)
    | some.floats(allow_nan=False)
    | some.text('aé\n"\\', max_size=9),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text("abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)


def test_a_file_that_is_not_there_is_told_with_where_it_was_looked_for() -> None:
    with pytest.raises(InputError, match="no such JSON file") as wrong:
        read_json(Path("nowhere.json"))
    assert str(Path.cwd() / "nowhere.json") in wrong.value.hint


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_what_json_writes_is_read_back(value: object) -> None:
    import json

    if "inf" not in repr(value):
        assert parse(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ('{"a": NaN}', "NaN is not a number"),
        ("-Infinity", "not a number"),
        ("1e400", "too large"),
        ("9" * 500, "too long"),
        ('{"a": 1, "a": 1}', "`a` stands there twice"),
        ('["\\udc00"]', "surrogate"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_is_malformed(text: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parse(text)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse('"\\ud83d\\ude00"') == "😀"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "big.json").open("wb") as file:
        file.truncate(17 * 2**20)
    with pytest.raises(InputError, match="larger than 16 MB"):
        read_json(tmp_path / "big.json")


def test_yaml_says_what_people_mean(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "a: [yes, on, 2026-01-02, 1_000, 0x1f, '1', 1.5, .5, ~, true, 12:30]\nb:\n  c: |\n    two\n    lines\n"
    )
    file = read_yaml(path)
    assert file.value["a"] == ["yes", "on", "2026-01-02", 1000, "0x1f", "1", 1.5, 0.5, None, True, "12:30"]
    assert file.value["b"] == {"c": "two\nlines\n"}
    assert (file.line(("b", "c")), file.line(("a", 3)), file.line(("b", "none"))) == (3, 1, 2)


@settings(max_examples=200, deadline=None)
@given(some.text("ab:-[]{}&*!|>'\"#%@`\n\t ,?", max_size=40))
def test_any_text_is_values_or_one_error(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.yaml")
        path.write_text(text, encoding="utf-8")
        try:
            read_yaml(path)
        except InputError as wrong:
            assert wrong.file == str(path) and wrong.message


def test_a_template_is_filled_once_and_tells_what_it_lacks() -> None:
    assert fill("{{a}} {{ input }}", "{{a}}", {"a": "{{input}}"}) == "{{input}} {{a}}"
    assert list(unfilled("{{a}}\n{{ b }} {{input}}", ["a"])) == [("b", 2)]
