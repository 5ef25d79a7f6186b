"""Split a dataset once, from a seed: `test` judges, `dev` teaches (`pool` to learn from, `select` to choose by)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .data import Dataset, Example, likeness
from .digest import canonical
from .duplicates import duplicates

TEST_SHARE = 0.5
TEST_AT_LEAST = 50
DEV_AT_LEAST = 10
SELECT_SHARE = 0.4
SELECT_AT_MOST = 80


@dataclass(frozen=True)
class Parts:
    """A dataset's parts. No cluster, and no texts that read the same or nearly so, are in two of them."""

    pool: Dataset
    select: Dataset
    test: Dataset
    edge: Dataset
    """The edge partition's test items; `test` holds the core's."""
    moved: tuple[str, ...] = ()
    """Ids of test items that also appear in dev, or nearly so: they teach, and no longer judge."""
    near: tuple[tuple[str, str], ...] = ()
    """Of those, the ones that nearly repeat an example, each with the id of the one in dev."""
    alike: tuple[tuple[str, str], ...] = ()
    """Pairs of items that still judge and read the same or nearly so, though no group joins them."""

    @property
    def dev(self) -> Dataset:
        """Everything the climb may look at before the verdict."""
        return self.pool.only((*self.pool, *self.select), "dev")


def split(dataset: Dataset, seed: int = 0) -> Parts:
    """Honour `split` where given; otherwise draw clusters by a seeded order, stratified by expected answer.

    Unmarked core examples are drawn from only where no test item is marked; edge is all test unless marked.
    """
    pairs = duplicates(dataset)
    clusters = _clusters(dataset, pairs)
    test = _test_ids(dataset, clusters, seed)
    moved = {e.id for c in clusters if any(e.id not in test for e in c) for e in c if e.id in test}
    test -= moved
    learning = [c for c in clusters if c[0].id not in test]
    select = _chosen_by(learning, seed)
    judging = [e for e in dataset if e.id in test]
    core, edge = ([e for e in judging if e.partition == partition] for partition in ("core", "edge"))
    return Parts(
        pool=dataset.only(seeded((e for c in learning for e in c if e.id not in select), seed), "pool"),
        select=dataset.only(seeded((e for c in learning for e in c if e.id in select), seed), "select"),
        test=dataset.only(seeded(core, seed), "test"),
        edge=dataset.only(seeded(edge, seed), "edge"),
        moved=tuple(sorted(moved)),
        near=tuple(_near(clusters, pairs, moved, test)),
        alike=tuple(pair for part in (core, edge) for pair in _alike(part)),
    )


def apart(dev: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Dev drawn apart anew, to learn from and to choose by."""
    clusters = _clusters(dev, duplicates(dev))
    select = _chosen_by(clusters, seed)
    return (
        dev.only(seeded((e for c in clusters for e in c if e.id not in select), seed), "pool"),
        dev.only(seeded((e for c in clusters for e in c if e.id in select), seed), "select"),
    )


def _chosen_by(learning: Sequence[list[Example]], seed: int) -> set[str]:
    size = min(SELECT_AT_MOST, round(SELECT_SHARE * sum(map(len, learning))))
    return {e.id for c in _draw(learning, size, seed + 1) for e in c}


def _alike(judging: Sequence[Example]) -> Iterator[tuple[str, str]]:
    """Pairs that no group joins; core and edge are judged apart, so a pair across them is none."""
    groups = {e.id: e.cluster for e in judging}
    return ((a, b) for a, b in duplicates(judging) if groups[a] != groups[b])


def _near(
    clusters: Sequence[Sequence[Example]], pairs: Sequence[tuple[str, str]], moved: set[str], test: set[str]
) -> Iterator[tuple[str, str]]:
    """The moved that share neither a group nor their very words with dev, each with what it nearly repeats there."""
    beside: dict[str, set[str]] = defaultdict(set)
    for a, b in pairs:
        beside[a].add(b)
        beside[b].add(a)
    for cluster in clusters:
        dev = [e for e in cluster if e.id not in test and e.id not in moved]
        known = {key for e in dev for key in (e.cluster, likeness(e.text)) if key}
        for e in cluster:
            if e.id in moved and e.cluster not in known and likeness(e.text) not in known:
                yield e.id, min(beside[e.id] & {d.id for d in dev} or {d.id for d in dev})


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
    """The examples in an order that depends on the seed, their groups and ids alone; groups stay together."""
    return sorted(examples, key=lambda e: (_rank(e.id if e.group is None else e.group, seed), _rank(e.id, seed)))


def _clusters(dataset: Dataset, pairs: Iterable[tuple[str, str]]) -> list[list[Example]]:
    """Examples that share a group, read the same or make a pair, joined (union-find), in the order of their ids."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for e in dataset:
        parent[root(e.cluster)] = root(f"text:{likeness(e.text)}") if likeness(e.text) else root(e.cluster)
    for a, b in pairs:
        parent[root(dataset.by_id[a].cluster)] = root(dataset.by_id[b].cluster)
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
