"""What the SQLite index holds, finds, keeps and refuses to show."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.chunks import Recipe
from suffice.documents import Corpus
from suffice.errors import InputError
from suffice.indexes.sqlite import Sqlite, SqliteIndex, expression, fused, terms
from suffice.knowledge import Indexed

LEXICAL = Recipe(words=40, embedder=None)
PAGES = {
    "hotels.md": "# Hotels\nA night in a hotel costs at most 120 euros.",
    "leave.md": "# Leave\nEverybody has 25 days of leave a year.",
    "trains.md": "# Trains\nTravel second class by train.",
}


def write(folder: Path, pages: Mapping[str, str]) -> Corpus:
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Corpus(folder)


def build(tmp_path: Path, pages: Mapping[str, str] = PAGES) -> SqliteIndex:
    corpus = write(tmp_path / "docs", pages)
    return opened(Sqlite().build(corpus, LEXICAL, tmp_path), tmp_path)


def opened(done: Indexed, folder: Path) -> SqliteIndex:
    return Sqlite().open(done.path, folder)


def found(index: SqliteIndex, query: str, **how: object) -> list[str]:
    return [p.document for p in index.search(query, k=3, mode="lexical", **how)]  # type: ignore[arg-type]


def test_the_passage_with_the_words_comes_first(tmp_path: Path) -> None:
    index = build(tmp_path)
    assert found(index, "How many days of leave do I have?")[0] == "leave.md"
    assert found(index, "hotel")[0] == "hotels.md", "stems match"


def test_a_refresh_touches_only_what_changed(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "docs" / "trains.md").unlink()
    corpus = write(tmp_path / "docs", {"leave.md": "# Leave\nThirty holidays.", "pets.md": "Dogs are welcome."})
    done = Sqlite().build(corpus, LEXICAL, tmp_path)
    assert (done.added, done.changed, done.removed, done.passages) == (1, 1, 1, 3)
    index = opened(done, tmp_path)
    assert sorted(found(index, "holidays dogs")) == ["leave.md", "pets.md"]
    assert found(index, "train") == [] and found(index, "25") == []


def test_nothing_new_means_nothing_done(tmp_path: Path) -> None:
    build(tmp_path)
    before = sorted((f.name, f.stat().st_mtime_ns) for f in (tmp_path / ".suffice" / "artifacts").iterdir())
    done = Sqlite().build(Corpus(tmp_path / "docs"), LEXICAL, tmp_path)
    assert (done.added, done.changed, done.removed) == (0, 0, 0)
    assert before == sorted((f.name, f.stat().st_mtime_ns) for f in (tmp_path / ".suffice" / "artifacts").iterdir())


@pytest.mark.parametrize("seed", range(5))
def test_a_refreshed_index_answers_like_a_fresh_one(tmp_path: Path, seed: int) -> None:
    draw, words = random.Random(seed), ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    for step in range(4):
        pages = {f"{n}.md": " ".join(draw.choices(words, k=60)) for n in draw.sample(range(12), 5)}
        for gone in draw.sample(range(12), 3) if step else ():
            (tmp_path / "docs" / f"{gone}.md").unlink(missing_ok=True)
        kept = Sqlite().build(write(tmp_path / "docs", pages), LEXICAL, tmp_path)
    fresh = Sqlite().build(Corpus(tmp_path / "docs"), LEXICAL, tmp_path / "other")
    for query in words:
        one, other = (opened(d, tmp_path).search(query, k=9, mode="lexical") for d in (kept, fresh))
        assert one == other


def test_a_damaged_file_is_built_anew(tmp_path: Path) -> None:
    path = build(tmp_path).path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = Sqlite().build(Corpus(tmp_path / "docs"), LEXICAL, tmp_path)
    assert done.added == 3
    assert found(opened(done, tmp_path), "leave")[0] == "leave.md"


def test_an_unreadable_document_leaves_nothing_half_written(tmp_path: Path) -> None:
    write(tmp_path / "docs", PAGES)
    (tmp_path / "docs" / "z.txt").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match=r"not UTF"):
        Sqlite().build(Corpus(tmp_path / "docs"), LEXICAL, tmp_path)
    assert list((tmp_path / ".suffice" / "artifacts").iterdir()) == []


def test_documents_without_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hold no text"):
        build(tmp_path, {"a.md": " \n"})


HOSTILE = [
    '"',
    "a OR",
    "NEAR(a b)",
    "leave*",
    "col:leave",
    "\x00leave",
    "' --",
    "(((",
    "\ud800leave",
    "{a} : b",
    "^a",
    "",
]


@pytest.mark.parametrize("query", [*HOSTILE, "leave " * 20_000, " ".join(str(n) for n in range(20_000))])
def test_a_hostile_query_is_only_words(tmp_path: Path, query: str) -> None:
    assert len(found(build(tmp_path), query)) <= 3


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_every_text_is_a_valid_expression(tmp_path_factory: pytest.TempPathFactory, query: str) -> None:
    index = _shared(tmp_path_factory)
    assert len(found(index, query)) <= 3
    assert expression(terms(query)).count('"') == 2 * len(terms(query))


_INDEX: list[SqliteIndex] = []


def _shared(factory: pytest.TempPathFactory) -> SqliteIndex:
    return _INDEX[0] if _INDEX else (_INDEX.append(build(factory.mktemp("shared"))) or _INDEX[0])


def test_rank_fusion_adds_reciprocal_ranks() -> None:
    ranked = dict(fused([[("a", 9.0), ("b", 8.0)], [("b", 0.9), ("c", 0.8)]]))
    assert ranked == pytest.approx({"b": 1 / 62 + 1 / 61, "a": 1 / 61, "c": 1 / 62})
    assert next(iter(ranked)) == "b"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcd")), min_size=1, max_size=8), st.sets(st.sampled_from("abcd")))
def test_a_reader_is_never_shown_a_document_it_has_no_label_for(
    tmp_path_factory: pytest.TempPathFactory, needed: list[set[str]], reader: set[str]
) -> None:
    mine = [f"{n}.md" for n, labels in enumerate(needed) if not labels or labels & reader]
    head = [f"---\nlabels: [{', '.join(sorted(labels))}]\n---\n" if labels else "" for labels in needed]
    index = build(tmp_path_factory.mktemp("acl"), {f"{n}.md": f"{h}leave" for n, h in enumerate(head)})
    shown = [p.document for p in index.search("leave", k=9, mode="lexical", labels=sorted(reader))]
    assert sorted(shown) == mine, "all that is allowed, and only that"


def test_many_threads_search_one_index(tmp_path: Path) -> None:
    index = build(tmp_path)
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: found(index, "days of leave")[0], range(500)))
    assert answers == ["leave.md"] * 500


def test_processes_that_index_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    write(tmp_path / "docs", {f"{n}.md": f"page {n} about leave" for n in range(200)})
    code = (
        "import sys; from pathlib import Path; from suffice.indexes.sqlite import *; folder = Path(sys.argv[1]);"
        "print(Sqlite().build(Corpus(folder / 'docs'), Recipe(words=40, embedder=None), folder).passages)"
    )
    several = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in several] == ["200"] * 3
    assert Sqlite().build(Corpus(tmp_path / "docs"), LEXICAL, tmp_path).added == 0


@pytest.mark.slow
def test_a_build_that_is_killed_leaves_the_old_index_or_the_new(tmp_path: Path) -> None:
    build(tmp_path)
    write(tmp_path / "docs", {f"{n}.md": f"page {n} about leave " * 200 for n in range(100)})
    code = (
        "import sys; from pathlib import Path; from suffice.indexes.sqlite import *; folder = Path(sys.argv[1]);"
        "Sqlite().build(Corpus(folder / 'docs'), Recipe(words=40, embedder=None), folder)"
    )
    for wait in (0.1, 0.2, 0.3, 0.4, 0.6):
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
        time.sleep(wait)
        child.kill()
        child.wait()
        for path in (tmp_path / ".suffice" / "artifacts").glob("index-*.db"):
            assert Sqlite().open(path, tmp_path).search("leave", k=1, mode="lexical")
    assert Sqlite().build(Corpus(tmp_path / "docs"), LEXICAL, tmp_path).passages > 500
