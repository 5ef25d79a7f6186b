"""Split a dataset once, from a seed: `test` judges, `dev` teaches (`pool` to learn from, `select` to choose by)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .data import Dataset, Example, likeness
from .digest import canonical

TEST_SHARE = 0.5
TEST_AT_LEAST = 50
DEV_AT_LEAST = 10
SELECT_SHARE = 0.4
SELECT_AT_MOST = 80


@dataclass(frozen=True)
class Parts:
    """A dataset's parts. No cluster, and no text that reads the same, is in two of them."""

    pool: Dataset
    select: Dataset
    test: Dataset
    edge: Dataset
    """The edge partition's test items; `test` holds the core's."""
    moved: tuple[str, ...] = ()
    """Ids of test items that also appear in dev: they teach, and no longer judge."""

    @property
    def dev(self) -> Dataset:
        """Everything the climb may look at before the verdict."""
        return self.pool.only((*self.pool, *self.select), "dev")


def split(dataset: Dataset, seed: int = 0) -> Parts:
    """Honour `split` where given; otherwise draw clusters by a seeded order, stratified by expected answer.

    Unmarked core examples are drawn from only where no test item is marked; edge is all test unless marked.
    """
    clusters = _clusters(dataset)
    test = _test_ids(dataset, clusters, seed)
    moved = {e.id for c in clusters if any(e.id not in test for e in c) for e in c if e.id in test}
    test -= moved
    learning = [c for c in clusters if c[0].id not in test]
    size = min(SELECT_AT_MOST, round(SELECT_SHARE * sum(map(len, learning))))
    select = {e.id for c in _draw(learning, size, seed + 1) for e in c}
    judging = [e for e in dataset if e.id in test]
    return Parts(
        pool=dataset.only(seeded((e for c in learning for e in c if e.id not in select), seed), "pool"),
        select=dataset.only(seeded((e for c in learning for e in c if e.id in select), seed), "select"),
        test=dataset.only(seeded((e for e in judging if e.partition == "core"), seed), "test"),
        edge=dataset.only(seeded((e for e in judging if e.partition == "edge"), seed), "edge"),
        moved=tuple(sorted(moved)),
    )


def _test_ids(dataset: Dataset, clusters: Sequence[Sequence[Example]], seed: int) -> set[str]:
    marked = {e.id for e in dataset if e.split == "test"}
    loose = [list(c) for c in clusters if not any(e.split for e in c)]
    edge = {e.id for c in loose for e in c if any(e.partition == "edge" for e in c)}
    edge |= {e.id for e in dataset if e.partition == "edge" and not e.split}
    core = [c for c in loose if c[0].id not in edge]
    drawn = [] if marked else _draw(core, _test_size(sum(map(len, core))), seed)
    return marked | edge | {e.id for c in drawn for e in c}


def _test_size(core: int) -> int:
    """Half, raised to 50 where at least 10 remain for dev."""
    half = round(core * TEST_SHARE)
    return max(half, min(TEST_AT_LEAST, core - DEV_AT_LEAST))


def seeded(examples: Iterable[Example], seed: int) -> list[Example]:
    """The examples in an order that depends on the seed and their ids alone, never on the file's order."""
    return sorted(examples, key=lambda e: _rank(e.id, seed))


def _clusters(dataset: Dataset) -> list[list[Example]]:
    """Examples that share a group or read the same, joined (union-find), each cluster in the order of its ids."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for e in dataset:
        parent[root(e.cluster)] = root(f"text:{likeness(e.text)}") if likeness(e.text) else root(e.cluster)
    found: dict[str, list[Example]] = defaultdict(list)
    for e in sorted(dataset, key=lambda e: e.id):
        found[root(e.cluster)].append(e)
    return list(found.values())


def _draw(clusters: Sequence[list[Example]], size: int, seed: int) -> list[list[Example]]:
    """Whole clusters, about `size` examples, each stratum giving its share (by running total, to the nearer side).

    Where clusters do not add up to `size`, what must stay behind (10 for dev, if there are so many) stays.
    """
    strata: dict[bytes, list[list[Example]]] = defaultdict(list)
    for cluster in clusters:
        strata[_stratum(cluster[0])].append(cluster)
    order: Callable[[list[Example]], str] = lambda c: _rank(c[0].id, seed)  # noqa: E731
    total = sum(map(len, clusters))
    most = total - min(DEV_AT_LEAST, total - size)
    taken: list[list[Example]] = []
    seen = have = 0
    for key in sorted(strata, key=lambda k: (-len(strata[k]), k)):
        for cluster in sorted(strata[key], key=order):
            seen += len(cluster)
            closer = have + (len(cluster) + 1) / 2 <= round(size * seen / total)
            if closer and have + len(cluster) <= most:
                taken.append(cluster)
                have += len(cluster)
    return taken


def _stratum(example: Example) -> bytes:
    """Labels make strata; free answers are all one stratum."""
    return canonical(example.expected) if isinstance(example.expected, str) and len(example.expected) < 64 else b""


def _rank(key: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogatepass")).hexdigest()
