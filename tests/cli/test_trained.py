"""`suffice train` and `suffice distil` from the outside: a stack, a refusal, or a job at a platform."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import providers as fake
import pytest
from pupils import HERE
from rich.console import Console
from worlds import GOAL, code, example

from suffice.cli.trained import _show_proof
from suffice.load import load

Command = Callable[..., subprocess.CompletedProcess[str]]
FORCED = ("--force", "prompting exhausted")


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def trained(suffice: Command) -> Command:
    """Start `suffice` where the pupils find the worlds they come from."""
    return lambda *arguments, **more: suffice(*arguments, PYTHONPATH=str(Path(HERE).parent), **more)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task whose model is right with a long prompt, and can be trained."""
    rows = [example(n) for n in range(1300)]
    told = [{"id": e.id, "input": e.input, "expected": e.expected} for e in rows]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told), encoding="utf-8")
    (tmp_path / "prompt.md").write_text(f"{GOAL} Answer with the two words of the code and with nothing else at all.")
    task = {
        "goal": GOAL,
        "model": f"{HERE}:wordy",
        "prompt": "prompt.md",
        "target": {"quality": 0.9},
        "profile": {"owner": "Ada", "requests_per_day": 20_000, "stable_months": 12},
        "training": {"trainer": f"{HERE}:Pupil"},
    }
    (tmp_path / "suffice.yaml").write_text(json.dumps(task), encoding="utf-8")
    return tmp_path


def test_train_makes_a_stack_and_says_how_it_grew(trained: Command, folder: Path) -> None:
    told = body(trained("train", folder, *FORCED, "--json"))
    assert (folder / "tuned.yaml").is_file() and told["layers"] == ["adapter", "prompt"]
    assert told["dev"]["after"] > 0.9 and [at["rows"] for at in told["told"]["measured"]][-1] > 400
    (folder / "tuned.yaml").unlink()
    shown = trained("train", folder, *FORCED, "--no-curve", "--set", "seed=3", COLUMNS="120", NO_COLOR="1")
    assert shown.returncode == 0, shown.stderr
    assert "on dev, " in shown.stdout and "tokens a request" in shown.stdout and "suffice compare" in shown.stdout
    assert (folder / "tuned.yaml").is_file() and "seed: 3" in (folder / "tuned.yaml").read_text()


def test_train_refuses_with_what_is_missing(trained: Command, folder: Path) -> None:
    refused = body(trained("train", folder, "--json"), 1)
    assert refused["missing"] == ["prompting exhausted"] and not (folder / "tuned.yaml").exists()
    shown = trained("train", folder, COLUMNS="120", NO_COLOR="1")
    assert shown.returncode == 1 and "Not ready for lora: prompting exhausted" in shown.stdout
    wrong = trained("train", folder, *FORCED, "--set", "epoch=3")
    assert wrong.returncode == 2 and "epoch" in wrong.stderr


def test_a_gate_that_was_forced_stands_with_its_number_beside_the_stack(trained: Command, folder: Path) -> None:
    told = body(trained("train", folder, *FORCED, "--no-curve", "--json"))
    card = json.loads((folder / "tuned.card.json").read_text("utf-8"))
    assert [gate["name"] for gate in told["forced"]] == ["prompting exhausted"] and card["forced"] == told["forced"]
    assert card["forced"][0]["measured"].startswith("0 serious prompts") and card["forced"][0]["needed"]
    assert {g["name"] for g in told["assumed"]} == {g["name"] for g in card["assumed"]} and told["assumed"]
    assert (card["stack"], card["made_by"], card["teachers"]) == (told["digest"], "suffice train", {})
    assert (folder / ".suffice" / "stacks" / f"{told['digest']}.card.json").is_file()
    shown = trained("train", folder, *FORCED, "--no-curve", COLUMNS="120", NO_COLOR="1")
    assert "! prompting exhausted: forced; 0 serious prompts" in shown.stdout
    assert f"? {told['assumed'][0]['name']}: " in shown.stdout


def test_a_model_that_wrote_replies_is_named_with_its_terms(trained: Command, folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text("utf-8").splitlines()]
    text = "".join(json.dumps({**row, "teacher": "gpt-4o"}) + "\n" for row in rows)
    (folder / "examples.jsonl").write_text(text, encoding="utf-8")
    told = body(trained("train", folder, *FORCED, "--no-curve", "--json"))
    assert told["teachers"]["gpt-4o"].startswith("OpenAI: ")


def test_train_learns_from_pairs_which_reply_is_preferred(trained: Command, folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "examples.jsonl").read_text("utf-8").splitlines()]
    pairs = [
        {
            "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": row["input"]}],
            "chosen": [{"role": "assistant", "content": row["expected"]}],
            "rejected": [{"role": "assistant", "content": f"unknown {code(n)}"}],
        }
        for n, row in enumerate(rows)
    ]
    pool = load(folder).parts.pool
    secret = next(n for n, row in enumerate(rows) if row["id"] in pool.by_id)
    pairs[secret]["rejected"][0]["content"] = "AKIAIOSFODNN7QRSTUVW"
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs), encoding="utf-8")
    ours = ("--data", folder / "pairs.jsonl", "--set", "kind=preference")
    told = body(trained("train", folder, *FORCED, *ours, "--json"))
    assert told["layers"] == ["adapter", "prompt"] and told["dev"]["after"] > 0.9
    assert told["left_out"] == len(pairs) - len(pool) + 1


@pytest.mark.parametrize(
    ("trainer", "hint"), [("full", "lora or qlora"), ("embedding", "lora or qlora"), ("preference", "pairs.jsonl")]
)
def test_what_no_stack_could_ask_is_not_trained(trained: Command, folder: Path, trainer: str, hint: str) -> None:
    done = trained("train", folder, *FORCED, "--trainer", trainer)
    assert done.returncode == 2 and f"`{trainer}` cannot train a stack" in done.stderr and hint in done.stderr
    assert not (folder / ".suffice" / "training").exists() and "Traceback" not in done.stderr


def test_distil_makes_a_student_that_asks_what_is_beneath(trained: Command, folder: Path) -> None:
    told = body(trained("distil", folder, "--json"))
    assert told["layers"] == ["student", "prompt"] and told["told"]["threshold"] is not None
    assert told["tokens"]["after"] < told["tokens"]["before"]
    assert told["proven"] is told["told"]["proven"] is True
    card = json.loads((folder / "student.card.json").read_text("utf-8"))
    assert (card["made_by"], [*card["teachers"]]) == ("suffice distil", ["wordy"])
    shown = trained("distil", folder, COLUMNS="120", NO_COLOR="1").stdout
    assert "items of dev: it loses less than 0.02" in shown and "taught by wordy: not known" in shown
    assert trained("distil", folder, "--teacher", "strong").returncode == 2


OWN = """
from dataclasses import dataclass
from suffice.layer import Layer
from suffice.types import Answer
from worlds import truth

@dataclass(frozen=True)
class Knows(Layer):
    def __call__(self, request, ask):
        return Answer(truth(request))
"""


def test_a_model_that_was_never_asked_is_no_teacher(trained: Command, folder: Path) -> None:
    (folder / "own.py").write_text(OWN)
    (folder / "teacher.yaml").write_text(json.dumps({"model": f"{HERE}:wordy", "layers": [{"use": "own.py:Knows"}]}))
    told = body(trained("distil", folder, "--teacher", folder / "teacher.yaml", "--json"))
    card = json.loads((folder / "student.card.json").read_text("utf-8"))
    assert told["teachers"] == card["teachers"] == {} and card["teacher_stack"] != told["digest"]


def test_a_threshold_that_is_not_proven_is_called_so() -> None:
    screen = Console(record=True, width=200, file=io.StringIO())
    _show_proof({"proven": False, "items": 40, "risk": 0.02}, screen)
    assert "not proven: 40 items of dev are too few to show that it loses less than 0.02" in screen.export_text()


def test_train_on_a_platform_leaves_a_stack_that_asks_there(trained: Command, folder: Path) -> None:
    with fake.serving(fake.Together(script=["running", "completed"])) as server:
        (folder / "platforms.yaml").write_text(f"together: {{use: {{base_url: {server.url}/v1}}}}\n")
        told = body(trained("train", folder, *FORCED, "--on", "together", "--model", "m-8b", "--json"))
        assert told["job"]["stage"] == "done" and told["stack"] == str(folder / "tuned.yaml")
        again = body(trained("train", folder, *FORCED, "--on", "together", "--model", "m-8b", "--json"))
        assert again["job"]["id"] == told["job"]["id"]
        assert told["job"]["model"] in (folder / "tuned.yaml").read_text()
        chosen = ("--epochs", "3", "--set", "rank=8", "--set", "learning_rate=1e-4")
        other = body(trained("train", folder, *FORCED, "--on", "together", "--model", "m-8b", *chosen, "--json"))
    assert told["rows"] > 400 and (told["personal"], told["forced"][0]["name"]) == (0, "prompting exhausted")
    assert json.loads((folder / "tuned.card.json").read_text("utf-8"))["trainer"] == "together"
    ran = {"model": "m-8b", "epochs": 3, "learning_rate": 0.0001, "rank": 8}
    assert json.loads((folder / "tuned.card.json").read_text("utf-8"))["recipe"] == ran
    assert ran.items() <= other["job"]["order"].items() and other["job"]["id"] != told["job"]["id"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model", "m-8b"), "`--model` is for a platform: it needs `--on PLATFORM`"),
        (("--epochs", "3"), "`--epochs` is for a platform: it needs `--on PLATFORM`"),
        (("--on", "together", "--trainer", "qlora"), "`--trainer` is for training here"),
        (("--on", "together", "--max-calls", "3"), "`--max-calls` caps no job"),
        (("--on", "together", "--model", "m", "--set", "alpha=3"), "a platform's job has no `alpha`"),
        (("--on", "together", "--model", "m", "--set", "rank=wide"), "rank: "),
        (("--on", "together", "--model", "m", "--set", "model=n"), "write it as `--model`"),
        (("--on", "together", "--epochs", "3", "--set", "epochs=4"), "write it as `--epochs`"),
        (("--on", "together", "--model", "m", "--set", "rank=0"), "a rank of 0"),
        (("--on", "together", "--model", "m", "--set", "learning_rate=0"), "a learning rate of 0"),
        (("--on", "together", "--model", "m", "--set", "learning_rate=nan"), "learning_rate: nan is no number"),
        (("--set", "epochs=[3"), "has no value that can be read"),
    ],
)
def test_an_option_that_would_not_be_heeded_is_refused(
    trained: Command, folder: Path, options: tuple[str, ...], said: str
) -> None:
    done = trained("train", folder, *FORCED, *options, COLUMNS="200")
    assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stderr
    assert not (folder / "tuned.yaml").exists() and not [*folder.glob(".suffice/jobs/*.json")]
