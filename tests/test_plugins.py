"""Plugins are found by name, and are data and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffice.errors import InputError, UnknownPlugin
from suffice.layers.few_shot import FewShot
from suffice.layers.rules import Rules
from suffice.plugins import SHELVES, build, find, name_of, names, spec_of
from suffice.types import Shot

MINE = """
from dataclasses import dataclass, field
from pathlib import Path
from suffice import Layer

@dataclass(frozen=True)
class Shout(Layer):
    'Shouts.'
    loud: int = 1
    folder: Path = field(default=Path(), repr=False, compare=False)
    def __call__(self, request, ask):
        return ask(request)
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("shelf", SHELVES)
def test_a_files_name_is_the_plugins_name(shelf: str) -> None:
    for name in names(shelf):
        plugin = find(shelf, name)
        assert plugin.__module__ == f"suffice.{shelf}.{name}" and name_of(plugin) == name
    assert not any(name.startswith("_") for name in names(shelf))


def test_a_near_miss_is_answered_with_the_name_meant() -> None:
    with pytest.raises(UnknownPlugin, match="no layer called `few_shots`") as wrong:
        find("layers", "few_shots")
    assert "did you mean `few_shot`?" in wrong.value.hint and "retrieval" in wrong.value.hint


def test_a_file_beside_the_task_is_a_plugin(mine: Path) -> None:
    shout = find("layers", "mine.py:Shout", beside=mine)
    assert spec_of(shout(3)) == {"use": "mine.py:Shout", "loud": 3}
    assert build("layers", {"use": "mine.py:Shout", "loud": 3}, beside=mine) == shout(3)
    assert find("layers", "mine.py:Shout", beside=mine) is shout


def test_an_edited_file_is_another_plugin(mine: Path) -> None:
    before = find("layers", "mine.py:Shout", beside=mine)
    (mine / "mine.py").write_text(MINE.replace("loud: int = 1", "loud: int = 2"), encoding="utf-8")
    assert (before().loud, find("layers", "mine.py:Shout", beside=mine)().loud) == (1, 2)


def test_an_importable_module_is_a_plugin() -> None:
    assert find("layers", "suffice.layers.rules:Rules") is Rules


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.py:Shout", "no such file"),
        ("mine.py:Whisper", "has no `Whisper`"),
        ("no.such.module:X", "no installed module"),
    ],
)
def test_what_is_not_there_is_said(mine: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        find("layers", name, beside=mine)


@pytest.mark.parametrize(("code", "line"), [("x = 1\nboom()\n", 2), ("def f(:\n", 1)])
def test_a_file_that_fails_is_named_with_its_line_each_time(tmp_path: Path, code: str, line: int) -> None:
    (tmp_path / "bad.py").write_text(code, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(InputError) as wrong:
            find("layers", "bad.py:X", beside=tmp_path)
        assert wrong.value.line == line and str(wrong.value.file).endswith("bad.py")


def test_a_spec_holds_what_differs_from_the_defaults_and_builds_the_same() -> None:
    layer = FewShot(mode="static", k=2, shots=(Shot("a", "b"),), folder=Path("somewhere"))
    assert set(spec_of(layer)) == {"use", "mode", "k", "shots"}
    assert build("layers", spec_of(layer)) == layer
    assert spec_of(Rules()) == {"use": "rules"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"use": "few_shot", "k": "many"}, "k: "),
        ({"use": "few_shot", "mode": "psychic"}, "mode: "),
        ({"use": "few_shot", "colour": "red"}, "has no `colour`"),
        ({"use": "few_shot", "folder": "/etc"}, "has no `folder`"),
        ({"k": 3}, "use"),
        ("few_shot", "use"),
        ({"use": 3}, "use"),
    ],
)
def test_a_spec_that_fits_no_plugin_is_one_clear_error(spec: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        build("layers", spec)  # type: ignore[arg-type]


def test_a_hostile_spec_calls_no_function(tmp_path: Path) -> None:
    for use, given in (("subprocess:getoutput", {"cmd": f"touch {tmp_path}/ran"}), ("subprocess:Popen", {"args": []})):
        with pytest.raises(InputError, match="a plugin is a dataclass"):
            build("scorers", {"use": use, **given})
    assert not (tmp_path / "ran").exists()
