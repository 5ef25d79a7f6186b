"""How fast an index of many passages is built and searched: `python benchmarks/search.py [PASSAGES]`.

Words are drawn by Zipf's law, vectors are random: this measures speed, never quality. Milliseconds are processor time
of one thread, so that a busy machine does not change them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from suffice.chunks import Recipe
from suffice.documents import Corpus
from suffice.indexes.sqlite import Sqlite
from suffice.knowledge import MODES

PER_DOCUMENT, WORDS, VOCABULARY = 50, 90, 40_000
SHARES = np.cumsum(1 / (np.arange(VOCABULARY) + 2.7)) / np.sum(1 / (np.arange(VOCABULARY) + 2.7))
EMBEDDER = """
import zlib
import numpy as np
class Random:
    digest, dimension = "random", 384
    def __call__(self, texts):
        seeds = [zlib.crc32(t.encode()) for t in texts]
        rows = np.stack([np.random.default_rng(s).standard_normal(384, dtype=np.float32) for s in seeds])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
"""


def main(passages: int) -> None:
    """Print a table of what it took."""
    with tempfile.TemporaryDirectory() as place:
        folder, draw = Path(place), np.random.default_rng(0)
        (folder / "random.py").write_text(EMBEDDER)
        write(folder / "docs", passages, draw)
        recipe = Recipe(words=100, embedder="random.py:Random")
        done, seconds = timed(lambda: Sqlite().build(Corpus(folder / "docs"), recipe, folder))
        print(f"build {done.passages} passages: {seconds:.1f} s, {done.path.stat().st_size / 2**20:.0f} MB")
        (folder / "docs" / "0.md").write_text(text(draw, WORDS))
        done, seconds = timed(lambda: Sqlite().build(Corpus(folder / "docs"), recipe, folder))
        print(f"refresh after one change: {seconds:.2f} s")
        done, seconds = timed(lambda: Sqlite().build(Corpus(folder / "docs"), recipe, folder))
        print(f"verify and open again: {seconds:.2f} s")
        index = Sqlite().open(done.path, folder)
        for mode in MODES:
            index.search("warm up", k=5, mode=mode)
            asked = [text(draw, 10) for _ in range(100)]
            _, seconds = timed(lambda: [index.search(q, k=5, mode=mode) for q in asked])  # noqa: B023
            print(f"{mode}: {seconds * 10:.1f} ms a query")


def write(folder: Path, passages: int, draw: np.random.Generator) -> None:
    """Documents of fifty short sections."""
    folder.mkdir()
    for number in range(passages // PER_DOCUMENT):
        sections = [f"# {text(draw, 3)}\n{text(draw, WORDS)}\n" for _ in range(PER_DOCUMENT)]
        (folder / f"{number}.md").write_text("\n".join(sections))


def text(draw: np.random.Generator, words: int) -> str:
    """So many words, common ones most often (Zipf and Mandelbrot: about as skewed as English)."""
    return " ".join(f"w{rank}" for rank in np.searchsorted(SHARES, draw.random(words)))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """A result and the processor seconds it took."""
    start = time.process_time()
    return work(), time.process_time() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
