"""Write the generated tables of the documentation again; with --check only say which of them are stale."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from suffice.plugins import find, names

ROOT = Path(__file__).parent.parent
SCHEMAS = ROOT / "suffice" / "schemas"


def main() -> int:
    stale = [place for place, text in tables().items() if not _put(*place, text, write="--check" not in sys.argv)]
    for page, name in stale:
        sys.stdout.write(f"{page}: the table `{name}` is stale; `make docs` writes it again\n")
    return 1 if stale and "--check" in sys.argv else 0


def tables() -> Mapping[tuple[str, str], str]:
    """The generated text by page and name."""
    verdict, task = (json.loads((SCHEMAS / f"{n}.schema.json").read_text("utf-8")) for n in ("verdict", "suffice"))
    return {
        ("docs/verdict.md", "fields"): fields_table(verdict),
        ("docs/task-folder.md", "keys"): keys_table(task),
        ("docs/task-folder.md", "scorers"): scorers_table(),
        ("docs/cli.md", "commands"): commands_table(),
        ("docs/platforms.md", "platforms"): platforms_table(),
        ("docs/price.md", "figures"): figures_table(),
        ("README.md", "house"): house_map(),
    }


def _put(page: str, name: str, text: str, *, write: bool) -> bool:
    """Whether the page holds the text already."""
    path, mark = ROOT / page, f"<!-- {name} -->\n"
    before, _, rest = path.read_text("utf-8").partition(mark)
    now, end, after = rest.partition(f"<!-- /{name} -->")
    if write and now != text:
        path.write_text(before + mark + text + end + after, encoding="utf-8")
    return now == text


def typed(field: dict[str, Any], parts: dict[str, Any]) -> str:
    """The type of a schema's field in a word or two."""
    kinds = field.get("anyOf") or field.get("oneOf") or [field]
    said = [k["$ref"].rsplit("/", 1)[1] if "$ref" in k else _plain(k, parts) for k in kinds]
    return " or ".join(dict.fromkeys(s for one in said for s in one.split(" or ")))


def _plain(field: dict[str, Any], parts: dict[str, Any]) -> str:
    if field.get("type") == "array":
        return f"list of {typed(field['items'], parts)}"
    if "const" in field or "enum" in field:
        return " or ".join("null" if v is None else f"`{v}`" for v in field.get("enum", [field.get("const")]))
    kind = field.get("type", "any JSON")
    return (
        " or ".join(kind if isinstance(kind, list) else [kind])
        .replace("string", "text")
        .replace("boolean", "true or false")
    )


def fields_table(schema: dict[str, Any]) -> str:
    """Every part of the verdict's schema as a table."""
    found = ["\n## The verdict\n\n" + _rows(schema, schema["$defs"])]
    for name, part in schema["$defs"].items():
        found.append(f"\n## {name}\n\n{part['description']}\n\n" + _rows(part, schema["$defs"]))
    return "".join(found) + "\n"


def _rows(part: dict[str, Any], parts: dict[str, Any]) -> str:
    rows = [f"| `{n}` | {typed(f, parts)} | {f['description']} |\n" for n, f in part["properties"].items()]
    return "| Field | Type | Is |\n|---|---|---|\n" + "".join(rows)


def keys_table(schema: dict[str, Any]) -> str:
    """The keys of suffice.yaml, those of a group with its name in front."""
    rows = ["| Key | Default | Is |\n|---|---|---|\n"]
    for name, field in schema["properties"].items():
        part = schema["$defs"].get(field.get("$ref", "").rsplit("/", 1)[-1], {})
        inner = part.get("properties", {}).items() if name in PARTS else [("", field)]
        rows += [_key(f"{name}.{n}" if n else name, f) for n, f in inner]
    return "".join(rows)


def _key(name: str, field: dict[str, Any]) -> str:
    default = field.get("default")
    shown = "none" if default in (None, "", {}) else f"`{json.dumps(default)}`".replace('"', "")
    return f"| `{name}` | {shown} | {field['description']} |\n"


def scorers_table() -> str:
    rows = [f"| `{n}` | {(find('scorers', n).__doc__ or '').strip().splitlines()[0]} |\n" for n in names("scorers")]
    return "| Scorer | Gives |\n|---|---|\n" + "".join(rows)


def platforms_table() -> str:
    """What platforms say of themselves, a table each, with sources."""
    from suffice.terms import ASPECTS, terms_of

    told = []
    for name in names("platforms"):
        terms = terms_of(name)
        rows = [(aspect.replace("_", " "), terms.aspect(aspect)) for aspect in ASPECTS]
        lines = [f"| {label} | {said.text} | {_read(said)} |\n" for label, said in rows]
        lines += [f"| price: {_size(p)} | {_span(p)} | {_read(p)} |\n" for p in terms.prices] or [
            "| price | not found | |\n"
        ]
        lines += [f"| end: {e.what} | {e.day}: {e.whom or f'`{e.models}`'} | {_read(e)} |\n" for e in terms.ends]
        limits = {f: getattr(terms.limits, f) for f in ("fewest", "most", "file_mb", "row_tokens", "name_length")}
        known = ", ".join(f"{f.replace('_', ' ')} {v:,}" for f, v in limits.items() if v is not None)
        lines.append(f"| limits | {known or 'not found'} | {_read(terms.limits)} |\n")
        told.append(f"\n### {terms.title} (`{name}`)\n\n| | | |\n|---|---|---|\n" + "".join(lines))
    return "".join(told)


def _read(said: Any) -> str:
    hand = ", second hand" if getattr(said, "second_hand", False) else ""
    sources = [
        f"[{n}]({s})" if s.startswith("http") else s for n, s in ((_host(s), s) for s in said.source.split("; "))
    ]
    return f"{'; '.join(sources)} {said.read}{hand}" if said.source else ""


def _host(source: str) -> str:
    return source.split("/")[2].removeprefix("www.") if source.startswith("http") else source


def _size(price: Any) -> str:
    return f"`{price.models}`" if price.models != "*" else f"up to {price.up_to_b:g} B" if price.up_to_b else "any"


def _span(price: Any) -> str:
    return f"${price.low:g}" if price.low == price.high else f"${price.low:g} to ${price.high:g}"


def figures_table() -> str:
    """Every figure of the price book, with who says so."""
    from suffice.pricebook import book

    rows = []
    for f in book().figures.values():
        span = f"{f.low:,g}" if f.low == f.high else f"{f.low:,g} to {f.high:,g}"
        source = f"[{_host(f.source)}]({f.source})" if f.source.startswith("http") else f.source
        rows.append(f"| `{f.name}` | {span} | {f.unit} | {f.what} | {source} {f.dated} |\n")
    return "| Figure | Value | Unit | Is | Says |\n|---|---|---|---|---|\n" + "".join(rows)


def commands_table() -> str:
    """Every command with its arguments and options."""
    from suffice.cli.app import command

    return "".join(_command(name, one) for name, one in _flat(command().commands))


def _flat(commands: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Commands by name, those of a group behind its name."""
    for name, one in commands.items():
        yield from _flat(one.commands, f"{before}{name} ") if hasattr(one, "commands") else [(f"{before}{name}", one)]


def _command(name: str, one: Any) -> str:
    given = [p for p in one.params if p.name != "help"]
    rows = "".join(f"| {_option(p)} | {_said(p)} |\n" for p in given)
    return f"\n## suffice {name}\n\n{one.help}\n\n| Given | Means |\n|---|---|\n{rows}"


def _option(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{str(parameter.name).upper()}`" + ("" if parameter.required else " (optional)")
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _said(parameter: Any) -> str:
    default = parameter.default
    told = isinstance(default, int | float | str) and not isinstance(default, bool) and default not in (0, "")
    shown = f" Default: {default}." if told else ""
    return f"{parameter.help or ''}{shown}".replace("|", "\\|")


ROWS = ("ground", "nouns", "stores", "verbs", "doors")
SHELVES = (
    *("layers", "models", "scorers", "probes", "readers", "embedders", "indexes", "importers"),
    *("trainers", "exporters", "platforms"),
)
PARTS = ("target", "profile", "judge", "training")
"""Keys of suffice.yaml that are groups of keys."""


def house_map() -> str:
    """Every file by its row, with the sentence it begins with; of a shelf, its files' names."""
    lines = ["```text"]
    for row, rooms in zip(ROWS, _rows_of_the_house(), strict=True):
        lines += ["", row, *(line for room in rooms for line in _room(room))]
    lines += ["", "shelves: one file is one plugin", *(f"  {s + '/':<19}{_on_shelf(s)}" for s in SHELVES), "```"]
    return "\n".join(lines).replace("```text\n\n", "```text\n") + "\n"


def _rows_of_the_house() -> list[list[str]]:
    """The rows that `tests/test_house.py` enforces."""
    tree = ast.parse((ROOT / "tests" / "test_house.py").read_text("utf-8"))
    told = next(n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "ROWS")
    return [rooms.split() for rooms in ast.literal_eval(told)]


def _room(name: str) -> list[str]:
    file, package = ROOT / "suffice" / f"{name}.py", ROOT / "suffice" / name / "__init__.py"
    if name.startswith("__") or not (file.is_file() or package.is_file()):
        return []
    said = (ast.get_docstring(ast.parse((file if file.is_file() else package).read_text("utf-8"))) or "").split("\n\n")
    return [f"  {name + ('.py' if file.is_file() else '/'):<19}{' '.join(said[0].split())}"]


def _on_shelf(shelf: str) -> str:
    return " ".join(names(shelf))


if __name__ == "__main__":
    sys.exit(main())
