"""One SQLite file: FTS5 for words, float32 blobs for meaning, searched exactly with numpy, fused by reciprocal rank.

A file is written once, under the name of its recipe and corpus, and then only read: a refresh copies the last one,
changes what changed in one transaction and renames the copy into place. A reader or a crash therefore sees the old
index or the new one, and two processes that build the same index do not disturb each other.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..chunks import Recipe, cut
from ..digest import digest_of, file_digest
from ..documents import Corpus, Document
from ..errors import InputError
from ..knowledge import Indexed, Mode
from ..plugins import find
from ..types import Passage

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1
"""Raised when readers, cutting or the tables change: older files are then built anew."""
RRF_K = 60
"""The constant of reciprocal-rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""
DEPTH = 50
"""How many passages each ranking gives to the fusion, at least."""
TERMS_AT_MOST = 64
CHARACTERS_AT_MOST = 20_000
"""Of a query: what is beyond is not searched for."""
FREQUENCIES_AT_MOST = 100_000
HEADING_WEIGHT = 1.5
BATCH = 256
KEPT_FILES = 2

_TABLES = """
CREATE TABLE about(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE documents(name TEXT PRIMARY KEY, version TEXT NOT NULL, restricted INTEGER NOT NULL);
CREATE TABLE access(number INTEGER PRIMARY KEY, labels TEXT NOT NULL UNIQUE);
CREATE TABLE passages(row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, document TEXT NOT NULL, heading TEXT NOT NULL,
  text TEXT NOT NULL, access INTEGER NOT NULL);
CREATE INDEX passages_document ON passages(document);
CREATE TABLE vectors(row INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(heading, text, content='passages', content_rowid='row',
  tokenize="porter unicode61 remove_diacritics 2");
INSERT INTO access VALUES(0, '[]');
"""
_OPEN = """
SELECT passages.id, found.cost FROM passages JOIN
  (SELECT rowid AS row, bm25(words, ?, 1.0) AS cost FROM words WHERE words MATCH ? ORDER BY cost LIMIT ?) AS found
  USING(row)
"""
_GUARDED = """
SELECT passages.id, bm25(words, ?, 1.0) AS cost FROM words JOIN passages ON passages.row = words.rowid
  WHERE words MATCH ? AND passages.access IN ({}) ORDER BY cost LIMIT ?
"""
"""The reader's labels are part of the search: a passage that may not be shown never takes the place of another."""


@dataclass(frozen=True)
class Sqlite:
    """Builds and opens index files."""

    def build(self, corpus: Corpus, recipe: Recipe, folder: Path) -> Indexed:
        """The index of this corpus: the file that is there, or a refreshed copy of the last one of this recipe."""
        start = time.perf_counter()
        series = f"index-{_key(corpus, recipe, folder)}"
        cache = folder / ".suffice" / "artifacts"
        files = _sound_files(cache, series)
        current = next((f for f in files if f.name.startswith(f"{series}-{corpus.digest[:16]}-")), None)
        if current is not None:
            return _indexed(current, corpus, Changes(), start)
        cache.mkdir(parents=True, exist_ok=True)
        with _scratch(cache, files[0] if files else None) as scratch:
            changes = _update(scratch, corpus, recipe, folder)
            path = _settle(scratch, cache / f"{series}-{corpus.digest[:16]}")
        for old in [*[f for f in files if f != path][KEPT_FILES - 1 :], *_abandoned(cache)]:
            old.unlink(missing_ok=True)
        return _indexed(path, corpus, changes, start)

    def open(self, path: Path, folder: Path) -> SqliteIndex:
        """An index file, ready to be searched from any thread."""
        return SqliteIndex(path, folder)


@dataclass(frozen=True, slots=True)
class Changes:
    """Which documents differ between an index and a corpus."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class SqliteIndex:
    """One index file, open for reading: a pool of connections, and the vectors in memory once they are needed."""

    path: Path
    folder: Path
    """The task folder, beside which a task's own embedder is looked up."""
    connections: int = 4
    _frequencies: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    _pool: queue.SimpleQueue[sqlite3.Connection] = field(default_factory=queue.SimpleQueue, repr=False, compare=False)

    def __post_init__(self) -> None:
        for _ in range(self.connections):
            self._pool.put(_reading(self.path))

    def search(self, query: str, *, k: int, mode: Mode = "hybrid", labels: Sequence[str] = ()) -> tuple[Passage, ...]:
        """The `k` best passages, best first; only those that a reader with these labels may see are ever ranked."""
        if k < 1:
            raise InputError(f"k must be 1 or more, not {k}")
        allowed, depth = self._allowed(frozenset(labels)), max(DEPTH, 4 * k)
        rankings = []
        if mode != "vector":
            rankings.append(self._by_words(query, depth, allowed))
        if mode != "lexical":
            rankings.append(self._by_meaning(query, depth, allowed))
        return self._passages((fused(rankings) if len(rankings) > 1 else rankings[0])[:k])

    def _by_words(self, query: str, depth: int, allowed: tuple[int, ...]) -> list[Ranked]:
        match = expression(self._telling(terms(query)))
        if not match:
            return []
        if len(allowed) == len(self._labels):
            rows = self._rows(_OPEN, (HEADING_WEIGHT, match, depth))
        else:
            rows = self._rows(_GUARDED.format(_marks(allowed)), (HEADING_WEIGHT, match, *allowed, depth))
        return sorted(((str(name), -float(cost)) for name, cost in rows), key=_best_first)

    def _by_meaning(self, query: str, depth: int, allowed: tuple[int, ...]) -> list[Ranked]:
        import numpy as np

        ids, access, matrix = self._vectors
        rows = np.flatnonzero(np.isin(access, allowed))
        if not len(rows) or not query.strip():
            return []
        asked = _meaning(query[:CHARACTERS_AT_MOST], self._embedder, self.folder)
        few = len(rows) < len(ids) / 10
        scores = matrix[rows] @ asked if few else (matrix @ asked)[rows]
        best = np.argpartition(-scores, min(depth, len(rows)) - 1)[:depth]
        return sorted(((ids[rows[i]], float(scores[i])) for i in best), key=_best_first)

    def _telling(self, asked: Sequence[str]) -> Sequence[str]:
        """Without the words that most passages have: FTS5 gives those no weight, and they take most of the time."""
        half = self._size / 2
        return [term for term in asked if self._frequency(term) <= half] or asked

    def _frequency(self, term: str) -> int:
        """How many passages have a word. The index never changes, so counting once is enough."""
        if term not in self._frequencies:
            if len(self._frequencies) >= FREQUENCIES_AT_MOST:
                self._frequencies.clear()
            counted = self._rows("SELECT count(*) FROM words WHERE words MATCH ?", (expression([term]),))
            self._frequencies[term] = int(counted[0][0])
        return self._frequencies[term]

    @cached_property
    def _size(self) -> int:
        return int(self._rows("SELECT count(*) FROM passages")[0][0])

    @property
    def _embedder(self) -> str:
        if name := self._about["embedder"]:
            return name
        raise InputError("this index has no vectors", hint="index with an embedder, or search in lexical mode")

    def _passages(self, ranked: Sequence[Ranked]) -> tuple[Passage, ...]:
        names = [name for name, _ in ranked]
        sql = f"SELECT id, document, heading, text, access FROM passages WHERE id IN ({_marks(names)})"
        found = {row[0]: row for row in self._rows(sql, names)}
        return tuple(
            Passage(name, found[name][1], found[name][3], found[name][2], score, self._labels[found[name][4]])
            for name, score in ranked
        )

    def _allowed(self, labels: frozenset[str]) -> tuple[int, ...]:
        return tuple(n for n, needed in self._labels.items() if not needed or labels & set(needed))

    @cached_property
    def _about(self) -> Mapping[str, str]:
        return dict(self._rows("SELECT key, value FROM about"))

    @cached_property
    def _labels(self) -> Mapping[int, tuple[str, ...]]:
        return {n: tuple(json.loads(labels)) for n, labels in self._rows("SELECT number, labels FROM access")}

    @cached_property
    def _vectors(self) -> tuple[list[str], Any, Any]:
        """Ids, access numbers and the matrix, a row each."""
        import numpy as np

        rows = self._rows("SELECT id, access, vector FROM vectors JOIN passages USING(row) ORDER BY row")
        matrix = np.frombuffer(b"".join(v for _, _, v in rows), dtype=np.float32).reshape(len(rows), -1)
        return [name for name, _, _ in rows], np.array([a for _, a, _ in rows], dtype=np.int32), matrix

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        connection = self._pool.get()
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            self._pool.put(connection)


Ranked = tuple[str, float]
"""A passage's id and its score in one ranking."""


def terms(query: str) -> list[str]:
    """The distinct words of a stranger's query: nothing else of it reaches the database."""
    return list(islice(dict.fromkeys(re.findall(r"\w+", query[:CHARACTERS_AT_MOST].casefold())), TERMS_AT_MOST))


def expression(words: Sequence[str]) -> str:
    """The FTS5 expression for any of these words, each quoted, so that none is an operator."""
    return " OR ".join(f'"{word}"' for word in words)


def fused(rankings: Sequence[Sequence[Ranked]]) -> list[Ranked]:
    """Reciprocal-rank fusion: a passage scores 1 / (60 + rank) in each ranking that has it."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, (name, _) in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0.0) + 1 / (RRF_K + rank)
    return sorted(scores.items(), key=_best_first)


@lru_cache(4096)
def _meaning(query: str, embedder: str, folder: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A query's vector. Not kept in the task folder: a server's queries have no end."""
    vector: np.ndarray[Any, np.dtype[np.float32]] = find("embedders", embedder, beside=folder)()([query])[0]
    return vector


def _best_first(ranked: Ranked) -> tuple[float, str]:
    return -ranked[1], ranked[0]


def _key(corpus: Corpus, recipe: Recipe, folder: Path) -> str:
    embedder = find("embedders", recipe.embedder, beside=folder)().digest if recipe.embedder else ""
    return digest_of([FORMAT, recipe, embedder, corpus.root.name])[:16]


def _sound_files(folder: Path, series: str) -> list[Path]:
    """The index files of a series whose bytes are what their name promises, newest first; others are deleted."""
    files = sorted(folder.glob(f"{series}-*.db"), key=lambda f: f.stat().st_mtime_ns, reverse=True)
    return [f for f in files if _sound(f)]


def _sound(path: Path) -> bool:
    if file_digest(path)[:16] == path.stem.rpartition("-")[2]:
        return True
    path.unlink(missing_ok=True)
    return False


@contextmanager
def _scratch(folder: Path, last: Path | None) -> Iterator[Path]:
    """A private copy of the last index, or a new one; gone afterwards unless it was renamed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".index-", suffix=".db")
    os.close(handle)
    path = Path(name)
    try:
        if last is not None:
            shutil.copyfile(last, path)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _abandoned(cache: Path) -> list[Path]:
    """Private copies whose process was killed a day ago or more."""
    return [f for f in cache.glob(".index-*.db") if time.time() - f.stat().st_mtime > 86_400]


def _settle(scratch: Path, stem: Path) -> Path:
    """Flush a finished file and give it its name, which ends in the SHA-256 of its bytes."""
    with scratch.open("rb+") as file:
        os.fsync(file.fileno())
    path = stem.with_name(f"{stem.name}-{file_digest(scratch)[:16]}.db")
    scratch.replace(path)
    return path


def _update(path: Path, corpus: Corpus, recipe: Recipe, folder: Path) -> Changes:
    """Make the file the index of this corpus, touching only the documents that differ, in one transaction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;")
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.executescript(_TABLES)
        connection.execute("BEGIN")
        changes = _changes(connection, corpus)
        for name in (*changes.removed, *changes.changed):
            _remove(connection, name)
        for documents in _batches(corpus, (*changes.added, *changes.changed)):
            _add(connection, documents, recipe, folder)
        about = {"embedder": recipe.embedder or "", "corpus": corpus.digest}
        connection.executemany("INSERT OR REPLACE INTO about VALUES(?, ?)", about.items())
        if not connection.execute("SELECT count(*) FROM passages").fetchone()[0]:
            raise InputError("the documents hold no text", file=str(corpus.root))
        connection.execute("COMMIT")
    return changes


def _changes(connection: sqlite3.Connection, corpus: Corpus) -> Changes:
    had: dict[str, str] = dict(connection.execute("SELECT name, version FROM documents"))
    return Changes(
        added=tuple(name for name in corpus.manifest if name not in had),
        changed=tuple(n for n, version in corpus.manifest.items() if n in had and had[n] != version),
        removed=tuple(name for name in had if name not in corpus.manifest),
    )


def _batches(corpus: Corpus, names: Sequence[str]) -> Iterator[list[Document]]:
    """Documents, some read at the same time: those that are parsed in a child process leave a core free here."""
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for at in range(0, len(names), BATCH):
            yield list(pool.map(corpus.read, names[at : at + BATCH]))


def _remove(connection: sqlite3.Connection, name: str) -> None:
    of_it = "FROM passages WHERE document=?"
    connection.execute(
        f"INSERT INTO words(words, rowid, heading, text) SELECT 'delete', row, heading, text {of_it}", (name,)
    )
    connection.execute(f"DELETE FROM vectors WHERE row IN (SELECT row {of_it})", (name,))
    connection.execute(f"DELETE {of_it}", (name,))
    connection.execute("DELETE FROM documents WHERE name=?", (name,))


def _add(connection: sqlite3.Connection, documents: Sequence[Document], recipe: Recipe, folder: Path) -> None:
    first = connection.execute("SELECT coalesce(max(row), 0) + 1 FROM passages").fetchone()[0]
    passages = [p for document in documents for p in cut(document, recipe.words, recipe.overlap)]
    rows = [
        (row, p.id, p.document, p.heading, p.text, _access(connection, p.labels))
        for row, p in enumerate(passages, first)
    ]
    connection.executemany(
        "INSERT INTO documents VALUES(?, ?, ?)", [(d.name, d.version, int(bool(d.labels))) for d in documents]
    )
    connection.executemany("INSERT INTO passages VALUES(?, ?, ?, ?, ?, ?)", rows)
    connection.executemany(
        "INSERT INTO words(rowid, heading, text) VALUES(?, ?, ?)", [(r[0], r[3], r[4]) for r in rows]
    )
    if recipe.embedder and passages:
        from ..vectors import vectors

        made = vectors([worded(p) for p in passages], embedder=recipe.embedder, folder=folder)
        connection.executemany(
            "INSERT INTO vectors VALUES(?, ?)", ((row, v.tobytes()) for row, v in enumerate(made, first))
        )


def worded(passage: Passage) -> str:
    """What is embedded of a passage: its heading says what its text is about."""
    return f"{passage.heading}\n{passage.text}" if passage.heading else passage.text


def _access(connection: sqlite3.Connection, labels: Sequence[str]) -> int:
    """The number that stands for a set of labels; 0 is everybody."""
    written = json.dumps(sorted(labels))
    connection.execute("INSERT OR IGNORE INTO access(labels) VALUES(?)", (written,))
    return int(connection.execute("SELECT number FROM access WHERE labels=?", (written,)).fetchone()[0])


def _indexed(path: Path, corpus: Corpus, changes: Changes, start: float) -> Indexed:
    with closing(_reading(path)) as connection:
        passages = connection.execute("SELECT count(*) FROM passages").fetchone()[0]
        restricted = connection.execute("SELECT coalesce(sum(restricted), 0) FROM documents").fetchone()[0]
    counts = (len(changes.added), len(changes.changed), len(changes.removed))
    return Indexed(*counts, passages, time.perf_counter() - start, path, restricted, len(corpus.skipped))


def _reading(path: Path) -> sqlite3.Connection:
    address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
