"""`suffice export`, `port`, `platforms` and `jobs` as people start them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import providers as fake
import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
EXAMPLES = [
    {
        "id": f"e{n}",
        "input": ("money back please %d", "where is parcel %d")[n % 2] % n,
        "expected": ("refund", "shipping")[n % 2],
    }
    for n in range(120)
]
MODEL = """
from suffice.models.scripted import Scripted
def right():
    return Scripted(lambda r: "refund" if "money" in r.input else "shipping", name="right")
def wrong():
    return Scripted(otherwise="refund", name="wrong")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(e) + "\n" for e in EXAMPLES))
    (tmp_path / "mine.py").write_text(MODEL)
    (tmp_path / "suffice.yaml").write_text(
        "name: desk\ngoal: Route the message.\nmodel: mine.py:right\nexamples: examples.jsonl\n"
        "output: {labels: [refund, shipping]}\nscore: label\n"
    )
    return tmp_path


def body(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_data_is_written_for_a_platform(suffice: Command, folder: Path) -> None:
    told = body(suffice("export", folder, "--for", "together", "--model", "Qwen/Qwen3-8B", "--json"))
    assert told["files"] == [str(folder / "export" / "together" / "train.jsonl")]
    assert told["rows"] > 30
    assert told["estimate"]["usd_high"] > 0
    shown = suffice("export", folder, "--for", "together")
    assert "train.jsonl" in shown.stdout


def test_personal_data_is_told_and_can_be_refused(suffice: Command, folder: Path) -> None:
    told = [{**e, "input": f"{e['input']} {'me@shop.example' if n % 4 == 0 else ''}"} for n, e in enumerate(EXAMPLES)]
    (folder / "examples.jsonl").write_text("".join(json.dumps(e) + "\n" for e in told))
    found = body(suffice("export", folder, "--json"))
    assert 0 < found["personal"] < found["rows"]
    shown = suffice("export", folder, COLUMNS="200").stdout
    assert f"{found['personal']} rows hold personal data" in shown
    fewer = body(suffice("export", folder, "--personal", "refuse", "--json"))
    assert (fewer["personal"], fewer["rows"]) == (0, found["rows"] - found["personal"])
    assert "rows were left out" in suffice("export", folder, "--personal", "refuse", COLUMNS="200").stdout


def test_refused_data_leaves_with_one_and_the_lines(suffice: Command, folder: Path) -> None:
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": " "}]}
    (folder / "rows.jsonl").write_text(json.dumps(row) + "\n")
    done = suffice("export", folder, "--for", "fireworks", "--data", folder / "rows.jsonl")
    assert done.returncode == 1
    assert "would refuse" in done.stdout
    assert "line 1" in done.stdout
    assert "1 rows; Fireworks AI takes 3 or more" in done.stdout


def test_platforms_are_compared_with_sources_and_ends(suffice: Command, tmp_path: Path) -> None:
    told = body(suffice("platforms", tmp_path, "--json", "--model", "gpt-4.1-mini-2025-04-14"))["platforms"]
    assert [p["name"] for p in told] == ["bedrock", "fireworks", "openai", "tinker", "together", "vertex"]
    said = [s for p in told for s in p["said"].values() if s["text"] != "not found"]
    assert all(s["source"] and s["read"] for s in said)
    openai = next(p for p in told if p["name"] == "openai")
    assert any("2027-01-06" in e["what"] for e in openai["ends"])
    assert all(p["probe"] is None for p in told)
    shown = suffice("platforms", tmp_path).stdout
    assert "Together AI" in shown
    assert "not found" in shown


def test_only_a_probe_asks_anybody(suffice: Command, tmp_path: Path) -> None:
    with fake.serving(fake.Together(script=["completed"])) as server:
        (tmp_path / "platforms.yaml").write_text(f"together: {{use: {{base_url: {server.url}/v1}}}}\n")
        body(suffice("platforms", tmp_path, "--json"))
        assert server.heard == []
        told = body(suffice("platforms", tmp_path, "--probe", "together", "--json"))["platforms"]
    assert next(p for p in told if p["name"] == "together")["probe"]["open"] is True
    assert suffice("platforms", "--probe", "nobody").returncode == 2
    for command in ("platforms", "jobs"):
        assert "no such folder" in suffice(command, tmp_path / "nowhere").stderr


def test_nobody_at_home_is_an_answer_not_an_error(suffice: Command, tmp_path: Path) -> None:
    (tmp_path / "platforms.yaml").write_text("together: {use: {base_url: 'http://127.0.0.1:1/v1'}}\n")
    told = body(suffice("platforms", tmp_path, "--probe", "together", "--json"))["platforms"]
    assert "cannot be reached" in next(p for p in told if p["name"] == "together")["probe"]["reason"]


def test_a_job_is_listed_and_gone_on_with(suffice: Command, folder: Path) -> None:
    with fake.serving(fake.Together(script=["running", "completed"])) as server:
        (folder / "platforms.yaml").write_text(f"together: {{use: {{base_url: {server.url}/v1}}}}\n")
        code = f"""
from pathlib import Path
from suffice.demonstrations import read
from suffice.jobs import platform_of, train_on
from suffice.platform import Order
home = Path({str(folder)!r})
rows = read(home / "export" / "jsonl" / "train.jsonl")
train_on(platform_of("together", home), rows, Order("m-8b"), home, wait=False)
"""
        assert suffice("export", folder, "--for", "jsonl").returncode == 0
        subprocess.run([sys.executable, "-c", code], check=True)
        [listed] = body(suffice("jobs", folder, "--json"))["jobs"]
        assert (listed["stage"], listed["name"]) == ("started", "together")
        [done] = body(suffice("jobs", folder, "--resume", listed["id"], "--json"))["jobs"]
        assert done["stage"] == "done"
        (folder / "platforms.yaml").write_text(
            "together: {ends: [{what: model, day: '2026-01-01', models: 'm-8*', source: us, read: '2026-01-01'}]}\n"
        )
        [told] = body(suffice("jobs", folder, "--json"))["jobs"]
        assert told["ends"] == ["together shuts down models like m-8* since 2026-01-01"]
    shown = suffice("jobs", folder, COLUMNS="80").stdout.splitlines()
    assert shown[0] == done["id"] and done["model"] in shown[1], "an id stands alone on its line, to be copied"
    assert suffice("jobs", folder, "--resume", "nobody").returncode == 2


def test_a_job_whose_key_is_missing_was_not_started(suffice: Command, folder: Path) -> None:
    assert suffice("export", folder, "--for", "jsonl").returncode == 0
    code = f"""
from pathlib import Path
from suffice.demonstrations import read
from suffice.errors import ModelError
from suffice.jobs import platform_of, train_on
from suffice.platform import Order
home = Path({str(folder)!r})
rows = read(home / "export" / "jsonl" / "train.jsonl")
try:
    train_on(platform_of("together", home), rows, Order("m-8b"), home)
except ModelError as wrong:
    print(wrong)
"""
    bare = {name: value for name, value in os.environ.items() if name != "TOGETHER_API_KEY"}
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=bare).stdout
    assert told == "TOGETHER_API_KEY is not set\n"
    [job] = body(suffice("jobs", folder, "--json"))["jobs"]
    assert job["stage"] == "new" and job["rows"] > 0
    first, second, hint = suffice("jobs", folder, COLUMNS="80").stdout.splitlines()
    assert first == job["id"] and second.endswith("rows: not started; nothing so far")
    assert hint.endswith(f"suffice jobs --resume {job['id'][8:16]}")
    [over] = body(suffice("jobs", folder, "--cancel", job["id"][8:16], "--json"))["jobs"]
    assert over["stage"] == "cancelled"


def test_a_port_leaves_with_whether_it_holds(suffice: Command, folder: Path) -> None:
    told = body(suffice("port", folder, "--to", "mine.py:wrong", "--json"), 1)
    assert (told["holds"], told["gate"]["decision"]) == (False, "worse")
    kept = body(suffice("port", folder, "--to", "mine.py:right", "--out", folder / "new.yaml", "--json"))
    assert kept["holds"]
    assert (folder / "new.yaml").is_file()
    assert suffice("port", folder).returncode == 2
