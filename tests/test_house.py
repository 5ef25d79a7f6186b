"""The rules of the house: who may import whom, what `import suffice` costs, and where keys are read."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "suffice"
ROWS = (
    "types errors digest strict version exchange stats left",
    "plugins score data duplicates split task layer model stack record artifacts documents leakage plaintext yamlfile "
    "yamlnodes formula contract lenient taskfile template rows outputs labels infer vectors weights chunks citations "
    "anatomy places knowledge probe evidence importer elements logfile secrets opinions words frozen moving suspects "
    "matrix personal teachers retirements demonstrations trainer toolwords turnmarks pairs training lean adapter "
    "exporter http terms platform queueing minimum",
    "database migrations stored writer ledger history price pricebook budget breaker calls",
    "load logs new index search overhead adherence recall signals run compare again "
    "consumption cost sizing bills breakeven frontier ablation ablate draw sway judged curate "
    "datasheet readiness decide jobs export port "
    "people pairwise summary gate plan attribution estimates dear diagnose looks asking measures effect adjudicate "
    "variance leave_out audit regressions worth provable afterwards economics response verdict ways quote worked tally "
    "choose forms migration swapped swap "
    "freeze tuning descend taught train reuse confirm declare obligations steward undertake climb "
    "preview coherent probed gated schooling whole verify latency forecast openloop loadtest watch",
    "report serve web cli testing __init__ __main__",
)
ROW = {name: number for number, names in enumerate(ROWS) for name in names.split()}
SHELVES = {
    *("layers", "models", "scorers", "probes", "readers", "embedders", "indexes"),
    *("rerankers", "trainers", "platforms", "importers", "exporters"),
}
HEAVY = {
    *("torch", "transformers", "sklearn", "scipy", "pandas", "xllamacpp", "onnx", "onnxruntime"),
    *("pypdf", "openai", "anthropic", "pyarrow", "gguf"),
    *("peft", "trl", "datasets", "accelerate", "sentence_transformers", "safetensors"),
}
ALLOWED = {"stats": {"scipy"}, "rows.py": {"pyarrow"}}
"""scipy late in stats, pyarrow late in the one file that reads .parquet; all other heavy libraries live on shelves."""
LONGEST = 500

FILES = sorted(HOUSE.rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def room(path: Path) -> str:
    parts = path.relative_to(HOUSE).parts
    return parts[0].removesuffix(".py")


@cache
def statements(path: Path) -> tuple[ast.AST, ...]:
    """Everything in a file but what only type checkers see."""
    return tuple(_statements(ast.parse(path.read_text("utf-8"))))


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        waiting += node.orelse if typing_only else list(ast.iter_child_nodes(node))


def ours(path: Path) -> set[str]:
    """The rooms of ours that a file imports, wherever in the file."""
    found: set[str] = set()
    depth = len(path.relative_to(HOUSE).parts)
    for node in statements(path):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("suffice."):
            found.add(str(node.module).split(".")[1])
    return found


def theirs(path: Path) -> set[str]:
    """The libraries that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in statements(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).split(".")[0])
    return found


@pytest.mark.parametrize("path", [p for p in FILES if room(p) not in SHELVES], ids=name)
def test_imports_only_go_down_the_rows(path: Path) -> None:
    here = room(path)
    assert here in ROW, f"{name(path)} has no row: give it one in ROWS"
    for other in ours(path) - {here}:
        shelf_door = here in ("cli", "testing", "__init__") or other not in SHELVES
        assert shelf_door, f"{name(path)} imports the shelf {other}; use plugins.find"
        assert other in SHELVES | ROW.keys(), f"{other} has no row: give it one in ROWS"
        assert other in SHELVES or ROW[other] <= ROW[here], f"{name(path)} looks up at {other}"


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in SHELVES], ids=name)
def test_shelves_know_ground_and_nouns_only(path: Path) -> None:
    for other in ours(path):
        assert ROW.get(other, 9) <= 1, f"{name(path)} imports {other}, which is neither ground nor noun"
    depth = len(path.relative_to(HOUSE).parts)
    for node in statements(path):
        if isinstance(node, ast.ImportFrom) and 0 < node.level < depth and node.module:
            assert node.module.startswith("_"), f"{name(path)} imports its neighbour {node.module}; use plugins.find"


def test_no_two_files_import_each_other() -> None:
    graph = {p.stem: ours(p) - {p.stem} for p in HOUSE.glob("*.py")}
    graph = {here: {o for o in others if o in graph} for here, others in graph.items()}
    while leaves := [here for here, others in graph.items() if not others]:
        graph = {here: others - set(leaves) for here, others in graph.items() if here not in leaves}
    assert not graph, f"a ring of imports: {graph}"


def test_ground_imports_nothing_of_ours_but_ground() -> None:
    for path in FILES:
        if ROW.get(room(path)) == 0:
            assert all(ROW[other] == 0 for other in ours(path)), name(path)


@pytest.mark.parametrize("path", [p for p in FILES if room(p) not in SHELVES], ids=name)
def test_heavy_libraries_live_on_shelves(path: Path) -> None:
    allowed = ALLOWED.get(room(path), set()) | ALLOWED.get(path.name, set())
    assert not theirs(path) & HEAVY - allowed, f"{name(path)} imports {theirs(path) & HEAVY - allowed}"


@pytest.mark.parametrize("path", [p for p in FILES if room(p) in ("report", "web")], ids=name)
def test_pages_render_and_never_compute(path: Path) -> None:
    assert not theirs(path) & {"numpy", "scipy", "statistics", "random"}
    assert "stats" not in ours(path)


@pytest.mark.parametrize("path", [p for p in FILES if room(p) not in ("models", "platforms")], ids=name)
def test_keys_are_read_where_models_are_called(path: Path) -> None:
    for node in statements(path):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        assert not text.endswith(("_API_KEY", "_TOKEN")) or " " in text, f"{name(path)} knows the key {text}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_says_first_what_it_is_and_ends_in_time(path: Path) -> None:
    text = path.read_text("utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    assert first, f"{name(path)} does not say what it is"
    assert len(text.splitlines()) <= LONGEST, f"{name(path)} is long: is a noun missing?"


@pytest.mark.parametrize("module", ["suffice", "suffice.load", "suffice.cli"])
def test_importing_loads_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & (HEAVY | {"numpy", "sqlalchemy", "pydantic", "rich", "jsonschema_rs"})


@pytest.mark.parametrize(("arguments", "most"), [(["-c", "import suffice"], 280), (["-m", "suffice", "--help"], 560)])
def test_starting_loads_little(arguments: list[str], most: int) -> None:
    """Modules, which a busy machine does not change, in place of seconds: `benchmarks/starting.py` has those."""
    told = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True)
    loaded = sum(line.startswith("import time:") for line in told.stderr.splitlines()) - 1
    assert 100 < loaded < most, f"{' '.join(arguments)} loads {loaded} modules"
