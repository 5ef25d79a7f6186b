"""Swap with real weights: is the adapter dropped where a base has it built in, and kept where a base is weaker?

    python benchmarks/swap.py [--rows 800] [--test 500] [--margin 0.05] [--epochs 2] [--bases "all of it" ...]

Reads SUFFICE_DATA/snips_slots (default ../shared/data); needs the extra `train`. An adapter is trained on the embedded
model to name seven intents; then the tuned stack is held against three other bases, each a GGUF made here: the adapter
merged into the weights (8 bits), half of it merged (16 bits), and none of it (16 bits: the same model in another
quantization). Prints each verdict with its forms, calls and seconds, and verifies every swap.json. Exits 1 where the
first does not move to a prompt alone, or the last does not keep the tuned stack.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from suffice.asking import sampling_for
from suffice.digest import file_digest
from suffice.exporters.merged import Merged
from suffice.ledger import Ledger
from suffice.load import load
from suffice.model import resolve
from suffice.plugins import find
from suffice.stack import Stack
from suffice.swap import swap
from suffice.task import Task
from suffice.verify import verify

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
GOAL = "Name the intent of a request to a voice assistant."
PARTS = {"all of it": (1.0, "q8_0"), "half of it": (0.5, "f16"), "none of it": (0.0, "f16")}
"""How much of the adapter a base has built in, and in which form it is written."""
WANTED = {"all of it": "moved", "none of it": "kept"}


def task_in(folder: Path, rows: int, test: int, epochs: int) -> Task:
    """Seven intents; dev from the training rows, test from the others."""
    found: dict[str, list[dict[str, Any]]] = {"train": [], "validation": []}
    for line in (DATA / "snips_slots" / "snips.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found[row["split"]].append({"id": row["id"], "input": row["text"].strip(), "expected": row["intent"]})
    for part in found.values():
        random.Random(0).shuffle(part)
    told = [{**r, "split": "dev"} for r in found["train"][:rows]]
    told += [{**r, "split": "test"} for r in found["validation"][:test]]
    labels = sorted({r["expected"] for r in found["train"]})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in told), encoding="utf-8")
    body = {"model": "embedded", "goal": GOAL, "examples": "examples.jsonl", "output": {"labels": labels}}
    profile = {"owner": "benchmark", "requests_per_day": 50_000, "stable_months": 12}
    (folder / "suffice.yaml").write_text(json.dumps({**body, "profile": profile}), encoding="utf-8")
    task = load(folder)
    return replace(task, training=replace(task.training, recipe={**task.training.recipe, "epochs": epochs}))


def tuned(task: Task) -> Stack:
    """The bare goal over an adapter that learned from dev's pool."""
    model: Any = resolve(task.model, folder=task.folder)
    below = Stack(model, (find("layers", "prompt").for_task(task),), sampling_for(task, task.parts.dev))
    return below.push(find("layers", "adapter").for_task(task).fit(below, task.parts.pool))


def artifact(task: Task, digest: str) -> Path:
    """The file of an adapter."""
    return next(p for p in task.state.rglob("*.safetensors") if file_digest(p) == digest)


def scaled(adapter: Path, factor: float, to: Path) -> Path:
    """An adapter that changes the weights by so much of what it did."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    with safe_open(adapter, framework="numpy") as file:
        tensors = {k: file.get_tensor(k) * (factor if "lora_B" in k else 1) for k in file.keys()}  # noqa: SIM118
        card = file.metadata()
    save_file({k: v.astype("float32") for k, v in tensors.items()}, to, metadata=card)
    return to


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--rows", type=int, default=800)
    told.add_argument("--test", type=int, default=500)
    told.add_argument("--margin", type=float, default=0.05)
    told.add_argument("--epochs", type=int, default=2)
    told.add_argument("--bases", nargs="+", choices=list(PARTS), default=list(PARTS))
    told.add_argument("--folder", type=Path)
    options = told.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="suffice-swap-"))
    task = task_in(folder, options.rows, options.test, options.epochs)
    start = time.perf_counter()
    old = tuned(task)
    print(
        f"{len(task.parts.pool)} rows learned in {time.perf_counter() - start:.0f} s; {len(task.parts.test)} test items"
    )
    learned, wrong = artifact(task, str(old.spec["layers"][0]["adapter"])), 0
    for built_in in options.bases:
        factor, form = PARTS[built_in]
        made = scaled(learned, factor, folder / f"part-{factor:g}.safetensors")
        (base,) = Merged(form).export(made, old.model, folder / f"base-{factor:g}")  # type: ignore[arg-type]
        start = time.perf_counter()
        with Ledger.open(task.state / "ledger.db") as ledger:
            before = ledger.totals().attempts
            body = swap(task, old, f"gguf:{base}", ledger=ledger, margin=options.margin, again=False).body
            calls = ledger.totals().attempts - before
        checked = verify(task.folder / "swap.json")
        print(f"{built_in}: {body['decision']}: {body['headline'].replace(str(folder), '.')}")
        today = body["from"]["quality"]["estimate"]
        for one in body["forms"]:
            reached = f"{today:.3f} -> {one['quality']['estimate']:.3f}"
            print(f"    {one['title']:24} {one['status']:12} {reached}  {one['reason']}")
        spent = f"{calls} calls, {time.perf_counter() - start:.0f} s"
        print(f"    {spent}; {checked.numbers} numbers and {checked.scored} scores recomputed")
        wrong += body["decision"] != WANTED.get(built_in, body["decision"])
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
