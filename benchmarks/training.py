"""Training a LoRA beside a plain TRL run of the same recipe: python benchmarks/training.py [--kill] [--seeds 3]

Reads SUFFICE_DATA/banking77 (default ../shared/data) and trains the embedded model. Every line is one fresh process,
the two sides take turns. TRL runs its SFTTrainer over PEFT in 32 bits, each batch padded to its longest row, without
gradient checkpointing. Real tokens are prompts and replies of the rows learned from, counted alike for both; `worked
out` are those that went through the model here, where rows share the beginning of their prompt, padding included. The
loss is of 200 held-out rows, read by transformers and PEFT in 32 bits from the files that both sides leave.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from suffice.demonstrations import Demonstration
from suffice.models._transformers import to_transformers
from suffice.trainer import Base, Stage, listening
from suffice.trainers.lora import Lora
from suffice.types import Message
from suffice.weights import cache_dir, fetch

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
SYSTEM = "Name the intent of the customer's question."
ROWS_A_STEP = 64
RECIPE = Lora(learning_rate=1e-3, epochs=1, patience=99)


def rows(count: int, held: int = 200) -> tuple[list[Demonstration], list[Demonstration]]:
    """Rows to learn from and rows held out, in one fixed random order."""
    found = {}
    for name in ("train", "test"):
        with (DATA / "banking77" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            read = [(f"{name}-{n}", row["text"], row["category"]) for n, row in enumerate(csv.DictReader(file))]
        random.Random(0).shuffle(read)
        found[name] = [
            Demonstration(at, (Message("system", SYSTEM), Message("user", text)), Message("assistant", label))
            for at, text, label in read
        ]
    return found["train"][:count], found["test"][:held]


def base() -> Base:
    """The embedded model's weights, as transformers loads them."""
    gguf = fetch("smollm2")
    return Base("smollm2", "0" * 64, to_transformers(gguf, cache_dir() / "benchmarks" / "smollm2"))


# One side, in a process of its own


def judged(count: int, seed: int, folder: Path, threads: int) -> dict[str, Any]:
    """Train as `ours`, with rows held out, whose evaluations leave checkpoints."""
    import torch

    torch.set_num_threads(threads)
    shown, held = rows(count, 40)
    replace(RECIPE, seed=seed).train(shown, held, base(), folder)
    return {}


def ours(count: int, seed: int, folder: Path, threads: int) -> dict[str, Any]:
    import torch

    from suffice.trainers._batches import steps
    from suffice.trainers._text import Chat

    torch.set_num_threads(threads)
    shown, _ = rows(count)
    lengths = Chat(base().folder).rows(shown, longest=2048)
    size = round(sum(len(row.tokens) for row in lengths) / len(lengths) * ROWS_A_STEP)
    recipe = replace(RECIPE, seed=seed, tokens_per_step=size)
    done = recipe.train(shown, (), base(), folder)
    cut = [b for step in steps([(r,) for r in lengths], 0, seed=seed, size=size, most=1024) for b in step]
    own = done.card["metrics"]
    worked = sum(b.prefix + len(b.rows) * b.length for b in cut)
    return {"tokens": own["tokens"], "cpu": own["cpu_seconds"], "wall": own["seconds"], "worked": worked}


def trl(count: int, seed: int, folder: Path, threads: int) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    from suffice.trainers._text import Chat

    torch.set_num_threads(threads)
    shown, _ = rows(count)
    tokenizer = AutoTokenizer.from_pretrained(base().folder)
    model = AutoModelForCausalLM.from_pretrained(base().folder, dtype=torch.float32)
    told = [
        {
            "prompt": [{"role": m.role, "content": m.content} for m in row.messages],
            "completion": [{"role": "assistant", "content": row.reply.content}],
        }
        for row in shown
    ]
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(folder),
            per_device_train_batch_size=16,
            gradient_accumulation_steps=ROWS_A_STEP // 16,
            learning_rate=RECIPE.learning_rate,
            warmup_steps=max(1, round(RECIPE.warmup * count / ROWS_A_STEP)),
            lr_scheduler_type="linear",
            weight_decay=0.0,
            max_grad_norm=1.0,
            num_train_epochs=1,
            seed=seed,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            packing=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(told),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=RECIPE.rank, lora_alpha=RECIPE.alpha, target_modules=list(RECIPE.targets), task_type="CAUSAL_LM"
        ),
    )
    tokens = sum(len(row.tokens) for row in Chat(base().folder).rows(shown, longest=2048))
    wall, cpu = time.perf_counter(), time.process_time()
    trainer.train()
    used = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    trainer.save_model(str(folder))
    return {"tokens": tokens, "worked": tokens, **used}


def held_loss(folder: Path) -> float:
    """The mean loss of a held-out reply's token, by transformers and PEFT in 32 bits."""
    import torch
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    from suffice.trainers._batches import in_order
    from suffice.trainers._plain import Plain
    from suffice.trainers._text import Chat

    model = AutoModelForCausalLM.from_pretrained(base().folder, dtype=torch.float32)
    shape = LoraConfig(
        r=RECIPE.rank, lora_alpha=RECIPE.alpha, target_modules=list(RECIPE.targets), task_type="CAUSAL_LM"
    )
    tuned = get_peft_model(model, shape)
    file = next(folder / n for n in ("adapter.safetensors", "adapter_model.safetensors") if (folder / n).is_file())
    set_peft_model_state_dict(tuned, load_file(file))
    learner = Plain(tuned, {}, "float32")
    read = [
        learner.judge(b)
        for b in in_order([(r,) for r in Chat(base().folder).rows(rows(1)[1], longest=2048)], most=1024)
    ]
    return float(torch.cat([r.nll for r in read]).mean())


SIDES = {"ours": ours, "trl": trl}
ALL = {**SIDES, "judged": judged}


def side(name: str, count: int, seed: int, threads: int) -> dict[str, Any]:
    """A side in a fresh process, and the held loss of what it left in another."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--side", name, "--rows", str(count), "--seed", str(seed)]
        told = _json([*command, "--threads", str(threads), "--folder", folder])
        return {**told, **_json([sys.executable, __file__, "--side", "loss", "--folder", folder])}


def _json(command: list[str]) -> dict[str, Any]:
    quiet = {"TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **quiet})
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# What is printed


def compare(count: int, repeats: int, threads: int) -> None:
    """Both sides in turn, each repeat with a seed of its own."""
    print(f"{count} rows, steps of {ROWS_A_STEP}, {threads} thread(s), rank {RECIPE.rank}, rate {RECIPE.learning_rate}")
    ratios = []
    for seed in range(repeats):
        found = {name: side(name, count, seed, threads) for name in SIDES}
        for name, told in found.items():
            print(
                f"  {name:5} {told['tokens'] / told['cpu']:6.0f} real tokens a CPU second"
                f" ({told['worked'] / told['cpu']:.0f} worked out), {told['tokens'] / told['wall']:6.0f} a second,"
                f" held loss {told['loss']:.3f}, peak {told['peak_mb']:.0f} MB",
                flush=True,
            )
        ratios.append(found["trl"]["cpu"] / found["ours"]["cpu"])
        print(f"  ratio {ratios[-1]:.2f}", flush=True)
    print(f"real tokens a CPU second, ours to TRL: {statistics.median(ratios):.2f} ({_spread(ratios)})")


def _spread(found: list[float]) -> str:
    return f"{min(found):.2f} to {max(found):.2f}, n = {len(found)}"


def kill(count: int) -> None:
    """Train unbroken; then again, killed twice; compare the bytes."""
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Path(folder, "whole"), Path(folder, "broken")
        command = [sys.executable, __file__, "--side", "judged", "--rows", str(count), "--threads", "1", "--folder"]
        subprocess.run([*command, str(whole)], check=True, stdout=subprocess.DEVNULL)
        last = broken / "last.safetensors"
        for _ in range(2):
            child = subprocess.Popen([*command, str(broken)], stdout=subprocess.DEVNULL)
            before = last.stat().st_mtime_ns if last.exists() else 0
            while not last.exists() or last.stat().st_mtime_ns == before:
                time.sleep(0.2)
            time.sleep(1)
            child.send_signal(signal.SIGKILL)
            print(f"killed: {child.wait()}", flush=True)
        subprocess.run([*command, str(broken)], check=True, stdout=subprocess.DEVNULL)
        same = (whole / "adapter.safetensors").read_bytes() == (broken / "adapter.safetensors").read_bytes()
        times = json.loads((broken / "card.json").read_bytes())["metrics"]["resumed"]
        print(f"{count} rows, went on {times} times; the same bytes as unbroken: {same}")


def seeds(count: int, several: int) -> None:
    """The same recipe with several seeds: how much of a result is luck."""
    shown, held = rows(count)
    found = []
    for seed in range(several):
        with tempfile.TemporaryDirectory() as folder, listening(_told):
            own = replace(RECIPE, seed=seed, epochs=2).train(shown, held, base(), Path(folder)).card["metrics"]
        told = f"held loss {own['held_loss']:.3f}, right {own['held_right']:.3f}, {own['cpu_seconds']:.0f} CPU seconds"
        print(f"  seed {seed}: {told}", flush=True)
        found.append(own["held_right"])
    print(f"{count} rows: right {statistics.mean(found):.3f}, standard deviation {statistics.stdev(found):.3f}")


def _told(stage: Stage) -> None:
    if sys.stderr.isatty():
        print(f"\r{stage.step}/{stage.steps} loss {stage.point.loss:.3f}", end="", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--seeds", type=int, default=0)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not (DATA / "banking77").is_dir():
        sys.exit(f"no banking77 at {DATA}: set SUFFICE_DATA")
    if asked.side == "loss":
        print(json.dumps({"loss": held_loss(asked.folder)}))
    elif asked.side:
        told = ALL[asked.side](asked.rows, asked.seed, asked.folder, asked.threads)
        print(json.dumps({**told, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    elif asked.kill:
        kill(asked.rows)
    elif asked.seeds:
        seeds(asked.rows, asked.seeds)
    else:
        compare(asked.rows, asked.repeats, asked.threads)


if __name__ == "__main__":
    main()
