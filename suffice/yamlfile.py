"""A YAML file, read safely: plain values, and the line that each of them stands on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InputError
from .strict import read_text
from .types import Json

if TYPE_CHECKING:
    import yaml

LARGEST = 1024 * 1024

Place = tuple[str | int, ...]
"""Where a value is: the keys and positions that lead to it."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]{0,17})")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,2})?")
_WORDS: Mapping[str, Json] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True)
class YamlFile:
    """What a file says, and where it says it."""

    path: Path
    value: Json
    lines: Mapping[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int | None:
        """The line of a value, or of the nearest thing around it that has one."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)

    def wrong(self, place: Place, message: str, hint: str = "") -> InputError:
        """An error about one value of this file."""
        return InputError(message, file=str(self.path), line=self.line(place), hint=hint)


def read_yaml(path: Path, what: str = "YAML file") -> YamlFile:
    """The file's values. `yes`, `on` and dates stay text; aliases, tags and repeated keys are errors."""
    import yaml

    from .yamlnodes import node_of

    text = read_text(path, what)
    if len(text) > LARGEST:
        raise InputError(f"the {what} is larger than {LARGEST // 1024} KB", file=str(path))
    file = YamlFile(path, None)
    try:
        node = node_of(text)
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        said = " ".join(part for part in (wrong.context, wrong.problem) if part)
        raise InputError(f"not YAML: {said}", file=str(path), line=mark.line + 1 if mark else None) from wrong
    except yaml.YAMLError as wrong:
        raise InputError(f"not YAML: {' '.join(str(wrong).split())}", file=str(path)) from wrong
    lines: dict[Place, int] = {}
    return YamlFile(path, None if node is None else _value(node, (), file, lines), lines)


def _value(node: yaml.Node, place: Place, file: YamlFile, lines: dict[Place, int]) -> Json:
    import yaml

    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rsplit(":", 1)[1] not in ("str", "seq", "map"):
        raise InputError(
            f"the tag {node.tag} is not allowed", file=str(file.path), line=line, hint="write plain values"
        )
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, at), file, lines) for at, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, file, lines)
    text = str(node.value)
    if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
        raise InputError(
            "a text holds a character that is none (NUL, or half of a pair)", file=str(file.path), line=line
        )
    return _scalar(text) if isinstance(node, yaml.ScalarNode) and node.style is None else text


def _mapping(node: yaml.MappingNode, place: Place, file: YamlFile, lines: dict[Place, int]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for key_node, item in node.value:
        key, line = key_node.value, key_node.start_mark.line + 1
        if not isinstance(key, str) or not key.isprintable():
            raise InputError("a key must be a word", file=str(file.path), line=line)
        if key in made:
            first = lines[(*place, key)]
            raise InputError(f"`{key}` stands there twice (first on line {first})", file=str(file.path), line=line)
        lines[(*place, key)] = line
        made[key] = _value(item, (*place, key), file, lines)
    return made


def _scalar(text: str) -> Json:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""))
    return float(text) if _DECIMAL.fullmatch(text) else text
