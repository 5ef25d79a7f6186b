"""XQuAD English: is retrieval kept, with a proven lift over the prompt alone? And what does the diagnosis say when the
passages are withheld, or the index is broken?

    python benchmarks/xquad.py [--questions 240] [--folder DIR]

Reads SUFFICE_DATA/xquad_en (default ../shared/data); asks the embedded model; prints the verdict's steps.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from suffice import Answer, Layer, Request, Stack
from suffice.climb import climb
from suffice.diagnose import diagnose
from suffice.documents import Corpus
from suffice.ledger import Ledger
from suffice.load import load
from suffice.record import Finding
from suffice.run import run
from suffice.types import Ask, Passage

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
TASK = """\
name: xquad
goal: Answer the question with a few words copied from the passage.
model: embedded
examples: examples.jsonl
documents: passages/
output: text
score: contains
target: {quality: 0.85}
"""


def write(folder: Path, questions: int, *, withheld: bool = False, seed: int = 0) -> None:
    """A task folder: pooled paragraphs as documents, one question of each; withheld, the documents are those of every
    other article and the questions those of the rest."""
    articles = json.loads((DATA / "xquad_en" / "xquad.en.json").read_text(encoding="utf-8"))["data"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "passages").mkdir(exist_ok=True)
    rows = []
    for a, article in enumerate(articles):
        for p, paragraph in enumerate(article["paragraphs"]):
            name = f"a{a:02}p{p}.txt"
            if not withheld or a % 2:
                (folder / "passages" / name).write_text(paragraph["context"], encoding="utf-8")
            for qa in paragraph["qas"] if not withheld or not a % 2 else ():
                answers = sorted({x["text"] for x in qa["answers"]})
                context = {"document": name, "text": paragraph["context"]}
                rows.append(
                    {"id": qa["id"], "input": qa["question"], "expected": answers, "context": context, "group": name}
                )
    random.Random(seed).shuffle(rows)
    chosen, groups = [], set()
    for row in rows:  # one question a paragraph first, so that questions are nearly independent
        if row["group"] not in groups or len(groups) == 240:
            chosen.append(row)
            groups.add(row["group"])
    chosen = [{k: v for k, v in row.items() if k != "group"} for row in chosen[: min(questions, 240)]]
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in chosen), encoding="utf-8")
    (folder / "suffice.yaml").write_text(TASK, encoding="utf-8")


def show(folder: Path) -> None:
    start, spent = time.perf_counter(), time.process_time()
    verdict = climb(load(folder))
    body = verdict.body
    print(body["headline"])
    for step in body["steps"]:
        quality = step["quality"]["estimate"] if step["quality"] else None
        shown = "" if quality is None else f"{quality:.3f}"
        print(f"  {step['title']:16} {step['status']:10} {shown:6} {step['reason']}")
    causes([Finding(**f) for f in body["diagnosis"]])
    print(f"  {time.perf_counter() - start:.0f} s, {time.process_time() - spent:.0f} CPU s")


def causes(findings: Sequence[Finding]) -> None:
    for f in findings:
        print(f"  {f.cause:14} {f.share:.2f}  fixed {f.fixed} of {f.failures}, sham {f.sham_fixed}")


@dataclass(frozen=True)
class Broken(Layer):
    """What a broken index does: passages of other documents, whatever was asked."""

    corpus: Corpus

    def __call__(self, request: Request, ask: Ask) -> Answer:
        if request.passages:  # the gold-context probe's own
            return ask(request)
        names = list(self.corpus.manifest)
        name = names[sum(request.input.encode()) % len(names)]
        wrong = Passage(f"{name}#1", name, self.corpus.read(name).text)
        return ask(replace(request, passages=(wrong,)))


def break_index(folder: Path) -> None:
    """The kept stack on dev items, its index returning the wrong passages; what does the diagnosis say?"""
    task = load(folder)
    stack = Stack.load(folder / "stack.yaml")
    if task.documents is None:
        return
    with Ledger.open(folder / ".suffice" / "ledger.db") as ledger:
        failing = run(stack.push(Broken(Corpus(task.documents))), task.parts.select, ledger=ledger)
        causes(diagnose(failing, task=task, pool=task.parts.pool).findings)


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--questions", type=int, default=240)
    told.add_argument("--folder", type=Path)
    options = told.parse_args()
    top = options.folder or Path(tempfile.mkdtemp(prefix="suffice-xquad-"))
    print("with the passages as documents")
    write(top / "with", options.questions)
    show(top / "with")
    print("the same stack with a broken index, on dev")
    break_index(top / "with")
    print("with the passages withheld")
    write(top / "withheld", options.questions, withheld=True)
    show(top / "withheld")


if __name__ == "__main__":
    main()
