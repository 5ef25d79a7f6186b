"""Distillation: a student within 0.02 of the stack that taught it, at how much less compute a request?

    python benchmarks/distilled.py [--dev 6000] [--test 2000] [--epochs 2] [--risk 0.02] [--further 0] [--folder DIR]

Reads SUFFICE_DATA/clinc150 (default ../shared/data), out-of-scope requests included; needs the extra `train`. The
teacher is the best stack of prompt, nearest examples and structure over the embedded model, chosen on dev. It answers
dev's pool; what its scorer rejects is left out; the student learns the rest and answers where it is sure, at the
threshold that dev gives for the risk. Both are then asked the same test items, and as many of `--further` ones, which
come after these and which no run has looked at. Compute is measured apart: 120 test items, past the reply cache, one at
a time, both in turn. Prints the curve of deferral, quality with limits, the gate's word at a margin of 0.02, and
tokens, model seconds and CPU seconds a request of both.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuned import clinc150

from suffice.asking import sampling_for
from suffice.choose import choose
from suffice.data import Dataset
from suffice.gate import gate
from suffice.ledger import Ledger
from suffice.load import load
from suffice.model import resolve
from suffice.places import placed
from suffice.plan import LADDER, layer_of
from suffice.record import Run
from suffice.run import Progress, run
from suffice.stack import Stack
from suffice.stats.interval import mean_interval
from suffice.task import Task
from suffice.train import Hands, distil, gates_for
from suffice.types import Answer

MARGIN = 0.02
TIMED = 120


def taught(task: Task, ledger: Ledger) -> Stack:
    """The best stack that asks the model: the first prompt, then examples and structure as dev prefers them."""
    stack = Stack(resolve(task.model, folder=task.folder), (), sampling_for(task, task.parts.dev))
    for rung in (r for r in LADDER if r.name in ("prompt", "few_shot", "structure")):
        layer = layer_of(rung, task)
        tried = [placed(stack, v.fit(stack, task.parts.pool)) for v in layer.variants(task.parts.pool)] if layer else []
        found = choose(tried, task.parts.select, lambda s, e, _: run(s, e, ledger=ledger), rung.title)
        print(f"  teacher, {rung.title}: {found.run.quality:.3f} on {len(found.run.records)} dev items", flush=True)
        stack = found.stack
    return stack


def quality(of: Run) -> str:
    values = [r.value or 0.0 for r in of.records]
    found = mean_interval(values, None, alpha=0.05, seed=0)
    return f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]"


def judged(stacks: Sequence[Stack], items: Dataset, ledger: Ledger, what: str) -> None:
    """Teacher and student with limits on the same items, and whether the student is proven to lose less than MARGIN."""
    runs = [run(stack, items, ledger=ledger) for stack in stacks]
    print(f"on {len(items)} {what} items: teacher {quality(runs[0])}, with its student {quality(runs[1])}")
    (core, *_) = gate(*runs, margin=MARGIN).parts
    print(
        f"  {core.decision}: {core.reason}; difference {core.lift:+.4f} above {core.low:+.4f}, below {core.high:+.4f}"
    )
    handed = sum(bool(s.notes.get("handed_over")) for r in runs[1].records if r.answer for s in r.answer.trace)
    print(f"  the student answered {1 - handed / len(runs[1].records):.1%} by itself", flush=True)


def timed(stacks: Sequence[Stack], task: Task) -> list[tuple[list[float], list[float], list[int]]]:
    """Every item asked by every stack: wall seconds, CPU seconds and tokens a request.

    They take turns, each at another item: what one has just read, the engine would not read again for the next.
    """
    spent: list[tuple[list[float], list[float], list[int]]] = [([], [], []) for _ in stacks]
    items = task.parts.test[:TIMED]
    for at in range(len(items)):
        for number, (stack, (wall, cpu, tokens)) in enumerate(zip(stacks, spent, strict=True)):
            example = items[(at + number * len(items) // len(stacks)) % len(items)]
            start, used = time.perf_counter(), time.process_time()
            answer: Answer = stack(example.request)
            wall.append(time.perf_counter() - start)
            cpu.append(time.process_time() - used)
            tokens.append(answer.usage.input_tokens + answer.usage.output_tokens)
    return spent


def watch() -> Any:
    """Each stage once, with the seconds so far."""
    start, seen = time.perf_counter(), [""]

    def told(stage: str, _: Progress | None) -> None:
        if stage.split(":")[0] != seen[0]:
            print(f"    {time.perf_counter() - start:6.0f} s  {stage}", flush=True)
            seen[0] = stage.split(":")[0]

    return told


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--dev", type=int, default=6_000)
    told.add_argument("--test", type=int, default=2_000)
    told.add_argument("--epochs", type=int, default=2)
    told.add_argument("--risk", type=float, default=0.02)
    told.add_argument("--further", type=int, default=0)
    told.add_argument("--folder", type=Path)
    options = told.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="suffice-distilled-"))
    if not (folder / "suffice.yaml").exists():
        clinc150(folder, options)
    task = load(folder)
    recipe = {**task.training.recipe, "epochs": options.epochs}
    task = replace(task, training=replace(task.training, recipe=recipe))
    oos = sum(e.expected == "oos" for e in task.parts.test)
    print(f"clinc150: {len(task.parts.dev)} dev, {len(task.parts.test)} test, {oos} of these out of scope")
    start = time.perf_counter()
    with Ledger.open(folder / ".suffice" / "ledger.db") as ledger:
        teacher = taught(task, ledger)
        for gate_ in gates_for(task, "distillation", found=None, teacher="the stack beneath"):
            print(f"  gate {gate_.name}: {'holds' if gate_.passed else 'fails'}: {gate_.measured}")
        made = distil(task, teacher, teacher, Hands(ledger, watch=watch()), risk=options.risk)
        if made is None:
            print("even the student's surest answers lose more than the risk")
            return
        for step in made.told["steps"]:
            mark = "  <- chosen" if step["threshold"] == made.told["threshold"] else ""
            shown = f"{step['answered']:4.0%} answered, {step['quality']:.3f} together, {step['tokens']:.0f} tokens"
            print(f"  deferral: from {step['threshold']:.3f}: {shown}{mark}")
        judged((teacher, made.stack), task.parts.test, ledger, "test")
        if options.further:
            asked = argparse.Namespace(dev=options.dev, test=options.further, skip=options.test)
            further = load(clinc150(folder / "further", asked)).parts.test
            judged((teacher, made.stack), further, ledger, "further test")
    spent = timed((teacher, made.stack), task)
    for name, at in (("wall seconds", 0), ("CPU seconds", 1), ("tokens", 2)):
        old, new = (statistics.fmean(s[at]) for s in spent)
        halves = " -> ".join(f"{statistics.median(s[at]):.4g}" for s in spent)
        print(f"  {name}: {old:.4g} -> {new:.4g} a request: {old / new:.1f} times less (medians {halves})")
    print(f"{time.perf_counter() - start:.0f} s; {folder}")


if __name__ == "__main__":
    main()
