"""Batches hold every row once an epoch, little padding, and what rows share; their order is the seed's."""

from __future__ import annotations

import random

import pytest

from suffice.trainers._batches import Unit, batch_of, in_order, steps
from suffice.trainers._text import Row


def some(count: int, *, alike: int = 5) -> list[Unit]:
    drawn = random.Random(1)
    found = []
    for n in range(count):
        own = [drawn.randrange(50, 90) for _ in range(drawn.randrange(4, 40))]
        tokens = (*range(alike), *own)
        found.append((Row(str(n), tokens, len(tokens) - 2),))
    return found


def test_an_epoch_holds_every_row_once() -> None:
    for epoch in range(3):
        found = steps(some(200), epoch, seed=0, size=500, most=256)
        ids = sorted(int(row.id) for step in found for batch in step for row in batch.rows)
        assert ids == list(range(200))


def test_the_order_is_the_seeds_and_the_epochs() -> None:
    def order(epoch: int, seed: int) -> list[str]:
        found = steps(some(200), epoch, seed=seed, size=500, most=256)
        return [row.id for step in found for batch in step for row in batch.rows]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(1, 0) != order(1, 1)


def test_batches_are_full_and_steps_about_as_large_as_asked() -> None:
    found = steps(some(400), 0, seed=0, size=1000, most=256)
    batches = [batch for step in found for batch in step]
    assert all(b.prefix + len(b.rows) * b.length <= 256 for b in batches)
    padded = sum(len(b.rows) * b.length for b in batches)
    real = sum(len(row.tokens) - b.prefix for b in batches for row in b.rows)
    assert real / padded > 0.9
    assert all(700 < sum(b.tokens for b in step) < 1300 for step in found[:-1])


def test_a_row_longer_than_a_batch_is_one_alone() -> None:
    long = (Row("long", tuple(range(300)), 290),)
    assert [len(b.rows) for b in in_order([*some(3), long], most=64)][-1] == 1


def test_a_pair_stays_together() -> None:
    units = [(Row(f"{n}a", (1, 2, 3, n), 2), Row(f"{n}b", (1, 2, *range(n)), 2)) for n in range(3, 30)]
    for step in steps(units, 0, seed=0, size=100, most=50):
        for batch in step:
            ids = [row.id for row in batch.rows]
            assert [i[:-1] for i in ids[::2]] == [i[:-1] for i in ids[1::2]]


@pytest.mark.parametrize(
    ("rows", "prefix"),
    [
        (((1, 2, 3, 4), (1, 2, 5, 6)), 2),
        (((1, 2, 3, 4), (1, 2, 3, 4)), 2),
        (((1, 2, 3, 4), (5, 2, 3, 4)), 0),
        (((1, 2, 3, 4),), 0),
    ],
    ids=["differ early", "equal up to the reply", "differ at once", "one alone"],
)
def test_what_all_rows_begin_with_ends_before_any_reply(rows: tuple[tuple[int, ...], ...], prefix: int) -> None:
    """Each keeps a token of its prompt, which predicts the first of the reply."""
    assert batch_of(tuple(Row(str(n), tokens, 3) for n, tokens in enumerate(rows))).prefix == prefix
