"""Every file on every shelf keeps its shelf's promises; a new one is checked unasked."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from suffice.plugins import SHELVES, find, names
from suffice.testing import check

EVERY = [(shelf, name) for shelf in SHELVES for name in names(shelf)]
NEED_WEIGHTS = {"embedded": "smollm2", "minilm": "minilm", "similarity": "minilm", "nearest_examples": "minilm"}
CLASSES = ("layers", "readers")
"""Shelves whose plugins are checked as they are found; the others are made first."""


@pytest.mark.parametrize(("shelf", "name"), EVERY, ids=[f"{shelf}/{name}" for shelf, name in EVERY])
def test_a_plugin_keeps_its_shelfs_promises(
    shelf: str, name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    needed = NEED_WEIGHTS.get(name, "minilm" if shelf == "layers" else None)
    if needed:
        request.getfixturevalue(needed)
    plugin = find(shelf, name)
    check(shelf, plugin if shelf in CLASSES else plugin(**_arguments(plugin, tmp_path)))


def _arguments(plugin: type, folder: Path) -> dict[str, str]:
    """What a plugin cannot be made without."""
    recorded = folder / "outputs.jsonl"
    recorded.write_text('{"id": "a", "output": "b"}\n', encoding="utf-8")
    weights = folder / "weights"
    weights.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (weights / name).write_text("{}", encoding="utf-8")
    known = {"name": "some-model", "file": str(recorded), "path": str(weights)}
    return {f.name: known[f.name] for f in fields(plugin) if f.default is MISSING and f.default_factory is MISSING}


BROKEN = """
from dataclasses import dataclass
from suffice import Layer, Score

@dataclass(frozen=True)
class Silent(Layer):
    'Says nothing at all.'
    def __call__(self, request, ask):
        ask(request)

@dataclass(frozen=True)
class Generous:
    'Gives more than there is.'
    def __call__(self, example, answer):
        return Score(2.0, "why not")
    def misfit(self, output):
        return None
"""


@pytest.mark.parametrize(("shelf", "name"), [("layers", "Silent"), ("scorers", "Generous")])
def test_the_kit_finds_what_is_broken(shelf: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(BROKEN, encoding="utf-8")
    plugin = find(shelf, f"{tmp_path}/mine.py:{name}")
    with pytest.raises(AssertionError, match=name if shelf == "layers" else "outside"):
        check(shelf, plugin if shelf in CLASSES else plugin())
