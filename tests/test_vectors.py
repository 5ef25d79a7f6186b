"""Vectors are computed once per text and kept; whatever happens to the cache, the answer is right."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from suffice import vectors as room
from suffice.vectors import FEW, MANY, vectors

COUNTING = '''
import numpy as np
from pathlib import Path
class Counting:
    """Two numbers a text, and a line in a log for every text that was embedded."""
    digest, dimension = "counting-{version}", 2
    def __call__(self, texts):
        with (Path(__file__).parent / "log").open("a") as log:
            log.writelines(t + "\\n" for t in texts)
        return np.array([[len(t), 1.0] for t in texts], np.float32)
'''
TEXTS = [f"text {n}" for n in range(40)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "own.py").write_text(COUNTING.replace("{version}", "1"))
    (tmp_path / "log").write_text("")
    yield tmp_path
    forget()


def forget() -> None:
    """As another process would start: with what is on disk alone."""
    room._STORES.clear()


def ask(folder: Path, texts: list[str]) -> list[float]:
    return [float(row[0]) for row in vectors(texts, embedder="own.py:Counting", folder=folder)]


def embedded(folder: Path) -> list[str]:
    return (folder / "log").read_text().split("\n")[:-1]


def files(folder: Path) -> list[Path]:
    return sorted((folder / ".suffice" / "artifacts").glob("vectors-*/*.npz"))


def test_a_text_is_embedded_once_for_all_processes(folder: Path) -> None:
    assert ask(folder, [*TEXTS, "text 3", "text 3"]) == [len(t) for t in [*TEXTS, "text 3", "text 3"]]
    forget()
    assert ask(folder, TEXTS[::-1]) == [len(t) for t in TEXTS[::-1]]
    assert sorted(embedded(folder)) == sorted(TEXTS)


def test_only_unseen_texts_are_embedded(folder: Path) -> None:
    ask(folder, TEXTS)
    ask(folder, ["new", *TEXTS, "newer"])
    assert embedded(folder)[len(TEXTS) :] == ["new", "newer"]


def test_a_few_texts_are_remembered_but_not_worth_a_file(folder: Path) -> None:
    ask(folder, TEXTS[: FEW - 1])
    ask(folder, TEXTS[: FEW - 1])
    assert (files(folder), len(embedded(folder))) == ([], FEW - 1)


def test_no_texts_give_no_rows(folder: Path) -> None:
    assert vectors([], embedder="own.py:Counting", folder=folder).shape == (0, 2)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 rubbish", b"\x80\x04N."])
def test_a_damaged_cache_is_rebuilt(folder: Path, damage: bytes) -> None:
    ask(folder, TEXTS)
    files(folder)[0].write_bytes(damage)
    forget()
    assert ask(folder, TEXTS) == [len(t) for t in TEXTS]
    forget()
    ask(folder, TEXTS)
    assert len(embedded(folder)) == 2 * len(TEXTS)


def test_one_flipped_bit_or_a_pickle_in_the_cache_is_damage(folder: Path) -> None:
    ask(folder, TEXTS)
    (file,) = files(folder)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    forget()
    assert ask(folder, TEXTS) == [len(t) for t in TEXTS]
    np.savez(files(folder)[0], keys=np.array([{}], object), vectors=np.array([{}], object))
    forget()
    assert ask(folder, TEXTS) == [len(t) for t in TEXTS]


def test_many_small_files_become_one_and_nothing_is_forgotten(folder: Path) -> None:
    batches = [[f"{n}-{i}" * (n + 1) for i in range(FEW)] for n in range(MANY + 2)]
    for batch in batches:
        ask(folder, batch)
    assert len(files(folder)) <= 2
    forget()
    for batch in batches:
        assert ask(folder, batch) == [len(t) for t in batch]
    assert len(embedded(folder)) == sum(map(len, batches))


def test_another_embedder_has_a_cache_of_its_own(folder: Path) -> None:
    ask(folder, TEXTS)
    (folder / "own.py").write_text(COUNTING.replace("{version}", "2"))
    ask(folder, TEXTS)
    assert len(embedded(folder)) == 2 * len(TEXTS)
    assert len(files(folder)) == 2


def test_two_processes_can_fill_the_same_cache(folder: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom suffice.vectors import vectors\n"
        "own = [f'{sys.argv[2]}-{n}' for n in range(400)]\n"
        "for k in range(0, 400, 20): vectors(own[k:k + 20], embedder='own.py:Counting', folder=Path(sys.argv[1]))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(folder), name]) for name in "ab"]
    assert [process.wait(60) for process in both] == [0, 0]
    before = len(embedded(folder))
    assert ask(folder, [f"{name}-{n}" for name in "ab" for n in range(400)])
    assert len(embedded(folder)) - before <= 2 * FEW * MANY
