"""`suffice due`, `history`, `decision` and `ledger` as people and pipelines use them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from providers import OpenAI, serving
from worlds import world

from suffice.cli.frame import run
from suffice.climb import climb
from suffice.ledger import Ledger
from suffice.undertake import undertake

Command = Callable[..., subprocess.CompletedProcess[str]]
VERDICTS = Path(__file__).parent.parent / "verdicts"
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
WEEKLY = {
    "what": "re-index",
    "why": "it moves",
    "every_days": 7,
    "when": "",
    "owner": "Ada",
    "command": "suffice index",
}
WAITING = {
    **WEEKLY,
    "what": "measure again",
    "every_days": None,
    "when": "the model changes",
    "command": "suffice climb",
}


@pytest.fixture
def suffice(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run a command line in this process, where starting costs nothing; keywords are added to the environment."""

    def started(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        command, before = [*map(str, arguments)], dict(os.environ)
        os.environ.update(environment)
        try:
            code = run(command)
        finally:
            os.environ.clear()
            os.environ.update(before)
        return subprocess.CompletedProcess(command, code, *capfd.readouterr())

    return started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task folder whose ledger has a verdict of 2026-11-28 with two duties; its model ends on 2027-01-14."""
    body: dict[str, Any] = json.loads((VERDICTS / "met.json").read_text("utf-8"))
    body |= {"duties": [{**WEEKLY, "kind": "re-index"}, WAITING], "created": NOON.isoformat()}
    body["task"] = {**body["task"], "model": "openai/gpt-4o-2024-08-06"}
    body["stack"] = {**body["stack"], "layers": [{"use": "prompt"}]}
    (tmp_path / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    (tmp_path / "suffice.yaml").write_text(
        f"name: {body['task']['name']}\ngoal: x\nexamples: e.jsonl\n", encoding="utf-8"
    )
    with Ledger.open(tmp_path / ".suffice" / "ledger.db") as ledger:
        undertake(ledger, body, NOON)
    return tmp_path


def asked(suffice: Command, *arguments: str | Path, code: int = 0, **env: str) -> Any:
    done = suffice(*arguments, "--json", **env)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_nothing_overdue_is_0_and_something_is_1(suffice: Command, folder: Path) -> None:
    found = asked(suffice, "due", folder, "--today", "2026-12-05")
    assert [(d["what"], d["due"], d["standing"]) for d in found["duties"]] == [
        ("re-index", "2026-12-05", "due"),
        ("move from openai/gpt-4o-2024-08-06 to another base before it ends", "2027-01-13", "dated"),
        ("measure again", None, "waiting"),
    ]
    first = found["duties"][0]
    assert (first["owner"], first["command"], first["kind"]) == ("Ada", "suffice index", "re-index")
    assert first["evidence"]["verdict"] and first["evidence"]["records"] and found["overdue"] == 0
    assert asked(suffice, "due", folder, "--today", "2026-12-06", code=1)["overdue"] == 1
    assert asked(suffice, "due", folder, "--today", "2027-01-14", code=1)["overdue"] == 2
    near = asked(suffice, "due", folder, "--today", "2026-12-01", "--within", "5")
    assert [d["what"] for d in near["duties"]] == ["re-index"]


def test_what_is_done_comes_round_again_and_what_happened_is_due(suffice: Command, folder: Path) -> None:
    weekly, _, waiting = (d["id"] for d in asked(suffice, "due", folder, "--today", "2026-12-01")["duties"])
    told = asked(
        suffice, "due", folder, "--done", weekly[:5], "--by", "Ada", "--note", "4 files", "--today", "2026-12-10"
    )
    assert told["changed"]["done"] == {"on": "2026-12-10", "by": "Ada", "evidence": {"note": "4 files"}}
    asked(suffice, "due", folder, "--happened", waiting, "--note", "gpt-6", "--today", "2026-12-11")
    found = {d["what"]: d for d in asked(suffice, "due", folder, "--today", "2026-12-11")["duties"]}
    assert (found["re-index"]["due"], found["re-index"]["id"]) == ("2026-12-17", told["changed"]["next"])
    assert found["measure again"]["due"] == "2026-12-11"
    again = suffice("due", folder, "--done", weekly, "--by", "Bob", "--today", "2026-12-11")
    assert again.returncode == 2 and "was done already, on 2026-12-10 by Ada" in again.stderr
    for wrong, said in (
        (("--done", waiting), "somebody must have done it"),
        (("--done", waiting, "--happened", waiting, "--by", "Ada"), "one thing at a time"),
        (("--today", "tomorrow"), "`tomorrow` is no day"),
    ):
        done = suffice("due", folder, *wrong)
        assert done.returncode == 2 and said in done.stderr and not done.stdout
    nothing = asked(suffice, "due", folder / "elsewhere", code=2)
    assert "no ledger there yet" in nothing["error"]["message"] and "suffice climb" in nothing["error"]["hint"]


def test_the_calendar_is_one_that_calendars_read_and_import_twice(suffice: Command, folder: Path) -> None:
    from icalendar import Calendar

    ids: list[list[str]] = []
    held: dict[str, Any] = {}
    for day in ("2026-12-01", "2026-12-02"):
        done = suffice(
            "due", folder, "--today", day, "--ical", folder / "duties.ics", "--markdown", folder / "duties.md"
        )
        assert done.returncode == 0
        calendar = Calendar.from_ical((folder / "duties.ics").read_bytes())
        held |= {str(e["UID"]): e for e in calendar.walk("VEVENT")}  # what a calendar does that imports it
        ids.append(sorted(held))
    assert ids[0] == ids[1] and len(held) == 2
    first = asked(suffice, "due", folder, "--today", "2026-12-02")["duties"][0]
    event = held[f"{first['id']}@suffice"]
    assert event["DTSTART"].dt == date(2026, 12, 5) and event["DTEND"].dt == date(2026, 12, 6)
    assert (folder / "duties.md").read_text("utf-8").count("\n| ") == 4
    suffice("due", folder, "--done", first["id"], "--by", "Ada", "--today", "2026-12-03")
    suffice("due", folder, "--today", "2026-12-03", "--ical", folder / "duties.ics")
    events: dict[str, Any] = {
        str(e["UID"]): e for e in Calendar.from_ical((folder / "duties.ics").read_bytes()).walk("VEVENT")
    }
    assert len(events) == 3 and events[f"{first['id']}@suffice"]["STATUS"] == "CANCELLED"
    assert int(events[f"{first['id']}@suffice"]["SEQUENCE"]) > int(event["SEQUENCE"])


def test_a_decision_is_written_down_in_the_ledger_and_as_a_record(suffice: Command, folder: Path) -> None:
    because = "it suffices <b>and</b> | costs nothing " + "long " * 100
    told = asked(suffice, "decision", folder, "--by", "Ada", "--choose", "kept", "--because", because)
    text = Path(told["record"]).read_text("utf-8")
    assert Path(told["record"]).parent == folder / "decisions" and "<b>" not in text
    for part in (
        "## Context",
        "## Options measured",
        "## Decision",
        "## Evidence",
        "## Duties",
        "## What would change it",
    ):
        assert part in text
    verdict = json.loads((folder / "verdict.json").read_text("utf-8"))
    assert verdict["records"]["sha256"] in text and told["decision"]["hash"] in text and text.count("long long") >= 49
    assert all(step["rung"].split("_")[0] in text for step in verdict["steps"]) and "2026-12-05" in text
    found = asked(suffice, "history", folder)
    assert [v["digest"] for v in found["verdicts"]] == [told["decision"]["verdict"]]
    assert [(d["by"], d["chosen"]) for d in found["decisions"]] == [("Ada", "kept")]
    shown = suffice("history", folder)
    assert "kept by Ada, because it suffices" in shown.stdout
    second = asked(suffice, "decision", folder, "--by", "Ada", "--choose", "kept", "--because", "so")
    assert second["record"] != told["record"]


def test_a_digest_outside_the_task_folder_says_where_it_looked(
    suffice: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = suffice("decision", "ab12cd34", "--by", "Ada", "--choose", "kept", "--because", "x", "--json")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 2 and "no ledger here" in error["message"] and error["file"].endswith("ledger.db")
    assert "task folder" in error["hint"] and "--ledger" in error["hint"]


def test_what_is_rejected_obliges_to_nothing_until_it_is_kept_after_all(suffice: Command, folder: Path) -> None:
    digest = asked(suffice, "history", folder)["verdicts"][0]["digest"]
    ledger = ("--ledger", folder / ".suffice" / "ledger.db", "--out", folder / "adr.md")
    asked(suffice, "decision", digest[:8], *ledger, "--by", "Ada", "--choose", "rejected", "--because", "too dear")
    assert asked(suffice, "due", folder)["duties"] == [] and "rejected" in (folder / "adr.md").read_text("utf-8")
    asked(suffice, "decision", digest[:8], *ledger, "--by", "Ada", "--choose", "kept", "--because", "after all")
    assert len(asked(suffice, "due", folder, "--today", "2026-12-01")["duties"]) == 3
    for wrong, said in ((("--choose", "loved"), "nothing is decided by"), (("--choose", "kept"), "`--by` is empty")):
        by = "" if "--by" in said else "Ada"
        done = suffice("decision", folder, *wrong, "--by", by, "--because", "x")
        assert done.returncode == 2 and said in done.stderr


def test_a_verdict_from_elsewhere_is_taken_in_by_deciding_on_it(suffice: Command, tmp_path: Path) -> None:
    body = json.loads((VERDICTS / "trained.json").read_text("utf-8"))
    body["task"]["target"]["usd_per_1k"] = 5
    (tmp_path / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    told = asked(suffice, "decision", tmp_path, "--by", "Ada", "--choose", "deferred", "--because", "wait")
    assert asked(suffice, "history", tmp_path)["verdicts"][0]["digest"] == told["decision"]["verdict"]
    assert (
        "had not seen" in told["decision"]["evidence"]["taken_in"]
        and "had not seen" in Path(told["record"]).read_text()
    )
    again = asked(suffice, "decision", tmp_path, "--by", "Ada", "--choose", "kept", "--because", "now")
    assert "taken_in" not in again["decision"]["evidence"]
    (tmp_path / "verdict.json").write_text('{"task": 1}', encoding="utf-8")
    wrong = asked(suffice, "decision", tmp_path, "--by", "A", "--choose", "kept", "--because", "x", code=2)
    assert wrong["error"]["message"].startswith("this is no verdict")


def test_a_ledger_says_what_it_holds_and_goes_back_for_an_older_version(suffice: Command, folder: Path) -> None:
    held = asked(suffice, "ledger", folder)
    assert (held["schema"], held["verdicts"], held["duties"]) == (2, 1, 3)
    assert asked(suffice, "ledger", folder, "--schema", "1")["schema"] == 1
    assert asked(suffice, "ledger", folder, "--schema", "2")["before"] == 1
    assert asked(suffice, "ledger", folder) == held
    assert asked(suffice, "ledger", folder, "--schema", "9", code=2)["error"]["message"] == "there is no schema 9"


def test_the_environment_names_a_ledger_for_every_command(suffice: Command, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "suffice.yaml").write_text("name: nobody's\ngoal: x\nexamples: e.jsonl\n", encoding="utf-8")
    place = str(folder / ".suffice" / "ledger.db")
    assert asked(suffice, "history", other, SUFFICE_LEDGER=place)["verdicts"] == []
    assert len(asked(suffice, "history", "--ledger", place)["verdicts"]) == 1


def test_a_server_says_until_when_its_models_answer(suffice: Command, folder: Path) -> None:
    with serving(OpenAI()) as server:
        body = json.loads((folder / "verdict.json").read_text("utf-8"))
        body["task"] = {**body["task"], "model": f"{server.url}/v1#gpt-4.1-mini-2025-04-14"}
        with Ledger.open(folder / ".suffice" / "ledger.db") as ledger:
            undertake(ledger, {**body, "stack_digest": "cd" * 32}, NOON)
        found = asked(suffice, "due", folder, "--today", "2026-12-01", "--look")
    ends = next(d for d in found["duties"] if d["kind"] == "retirement")
    assert (ends["due"], ends["evidence"]["source"]) == ("2027-01-13", "the server's own list of models")


def test_a_verdict_that_the_ledger_does_not_know_yet_is_taken_in(suffice: Command, folder: Path) -> None:
    (folder / ".suffice" / "ledger.db").unlink()
    Ledger.open(folder / ".suffice" / "ledger.db").close()
    assert next(d["due"] for d in asked(suffice, "due", folder, "--today", "2026-12-01")["duties"]) == "2026-12-05"
    (folder / "verdict.json").write_text("{}", encoding="utf-8")
    assert asked(suffice, "due", folder, code=2)["error"]["message"].startswith("this is no verdict")


@pytest.mark.parametrize(
    "forged",
    [
        {"duties": [{**WEEKLY, "owner": {"a": 1}}]},
        {"duties": [{**WEEKLY, "every_days": -5}]},
        {"duties": [{**WEEKLY, "kind": "terms", "about": 5}]},
        {"stop_at": {"a": 1}},
        {"steps": [{"rung": "prompt"}]},
        {"what_would_change_this": 5},
        {"created": "0001-01-01T00:00:00+14:00"},
        {"headline": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_forged_verdict_is_refused_before_any_of_it_is_kept(
    suffice: Command, folder: Path, forged: dict[str, Any]
) -> None:
    body = json.loads((folder / "verdict.json").read_text("utf-8"))
    (folder / "verdict.json").write_text(json.dumps({**body, "warnings": ["x"], **forged}), encoding="utf-8")
    error = asked(suffice, "due", folder, code=2)["error"]
    assert error["message"].startswith("this is no verdict") and error["file"].endswith("verdict.json")
    refused = ("decision", folder, "--by", "A", "--choose", "kept", "--because", "x")
    assert asked(suffice, *refused, code=2)["error"]["message"] == error["message"]
    assert len(asked(suffice, "history", folder)["verdicts"]) == 1, "nothing of it stays in the ledger"


def test_an_owner_that_is_no_name_is_nobody(suffice: Command, folder: Path) -> None:
    body = json.loads((folder / "verdict.json").read_text("utf-8"))
    body["task"]["profile"]["owner"] = {"a": 1}
    (folder / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    told = asked(suffice, "due", folder, "--today", "2026-12-01")["duties"]
    assert next(d["owner"] for d in told if d["kind"] == "retirement") is None
    assert suffice("due", folder, "--today", "2026-12-01").returncode == 0


def test_what_others_wrote_never_passes_for_a_line_of_ours(suffice: Command, folder: Path) -> None:
    body = json.loads((folder / "verdict.json").read_text("utf-8"))
    body["duties"] = [{**WEEKLY, "owner": "Eve\nnothing is due", "why": "because\r\n2026-12-05 done"}]
    body["headline"] = "met\n2026-11-28 12:00  kept by Ada"
    (folder / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    lines = suffice("due", folder, "--today", "2026-12-01").stdout.splitlines()
    lines += suffice("history", folder).stdout.splitlines()
    assert lines and not any(
        line.startswith(("nothing is due", "2026-12-05 done", "2026-11-28 12:00  kept")) for line in lines
    )


@pytest.mark.usefixtures("minilm")
def test_a_verdict_that_does_not_recompute_cannot_be_kept_and_may_be_rejected(suffice: Command, tmp_path: Path) -> None:
    climb(world(tmp_path, "coin", n=104))
    decide = ("decision", tmp_path, "--by", "Ada", "--because", "x", "--choose")
    sound = asked(suffice, *decide, "kept")
    assert sound["decision"]["evidence"]["verified"] == "every number recomputes from its records"
    body = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    body["economics"]["usd_per_1k"] = 0.01
    (tmp_path / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    assert asked(suffice, *decide, "kept", code=1)["error"]["code"] == "disproved"
    assert len(asked(suffice, "history", tmp_path)["verdicts"]) == 1, "nor is it taken in"
    assert "do not follow" in asked(suffice, *decide, "rejected")["decision"]["evidence"]["verified"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stack_digest": "cd" * 32}, "records are missing"),
        ({"stack_digest": None, "stack": None, "stop_at": None}, "records are missing"),
        ({"stack_digest": "cd" * 32, "created": "2099-01-01T00:00:00+00:00"}, "2099-01-01, which is yet to come"),
        ({"warnings": ["x"], "created": "2099-01-01T00:00:00+00:00"}, "2099-01-01, which is yet to come"),
    ],
)
def test_a_verdict_that_nothing_proves_silences_no_duty(
    suffice: Command, folder: Path, change: dict[str, Any], said: str
) -> None:
    before = asked(suffice, "due", folder, "--today", "2026-12-01")["duties"]
    kept = (folder / "verdict.json").read_text("utf-8")
    body = {**json.loads(kept), "duties": [], "created": "2026-11-29T00:00:00+00:00", **change}
    (folder / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    for command in (("due", folder), ("decision", folder, "--by", "A", "--choose", "deferred", "--because", "x")):
        assert said in asked(suffice, *command, code=2)["error"]["message"]
    (folder / "verdict.json").write_text(kept, encoding="utf-8")
    assert asked(suffice, "due", folder, "--today", "2026-12-01")["duties"] == before
    assert len(asked(suffice, "history", folder)["verdicts"]) == 1, "nothing of it stays in the ledger"


def test_a_verdict_that_nothing_proves_takes_no_model_out_of_watch(suffice: Command, folder: Path) -> None:
    body = json.loads((folder / "verdict.json").read_text("utf-8"))
    body["task"]["model"] = "embedded"
    (folder / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    error = asked(suffice, "due", folder, code=2)["error"]
    assert "records are missing" in error["message"] and "only what verifies" in error["hint"]


@pytest.mark.usefixtures("minilm")
def test_a_verdict_from_elsewhere_that_verifies_ends_the_duties_of_another_stack(
    suffice: Command, tmp_path: Path
) -> None:
    task = world(tmp_path, "coin", n=104)
    climb(task)
    body = json.loads((tmp_path / "verdict.json").read_text("utf-8"))
    shutil.rmtree(tmp_path / ".suffice")
    old = {**body, "stack_digest": "cd" * 32, "duties": [{**WEEKLY, "kind": "re-index"}]}
    with Ledger.open(tmp_path / ".suffice" / "ledger.db") as ledger:
        undertake(ledger, old, datetime(2026, 11, 1, tzinfo=UTC))
    records = (tmp_path / "records.jsonl").read_bytes()
    (tmp_path / "records.jsonl").write_bytes(records + b"\n")
    assert asked(suffice, "due", tmp_path, "--today", "2026-11-02", code=1)["error"]["code"] == "disproved"
    (tmp_path / "records.jsonl").write_bytes(records)
    found = asked(suffice, "due", tmp_path)["duties"]
    assert {d["stack"] for d in found} == {body["stack_digest"]} and "re-index" not in {d["what"] for d in found}


def test_an_older_verdict_does_not_take_the_place_of_a_newer_one(suffice: Command, folder: Path) -> None:
    before = asked(suffice, "due", folder, "--today", "2026-12-01")["duties"]
    body = json.loads((folder / "verdict.json").read_text("utf-8"))
    body |= {"created": "2026-11-01T00:00:00+00:00", "stack_digest": "cd" * 32, "warnings": ["an older climb"]}
    (folder / "verdict.json").write_text(json.dumps(body), encoding="utf-8")
    assert asked(suffice, "due", folder, "--today", "2026-12-01")["duties"] == before
    assert len(asked(suffice, "history", folder)["verdicts"]) == 2


def test_a_verdict_that_came_without_its_ledger_obliges_all_the_same(suffice: Command, folder: Path) -> None:
    shutil.rmtree(folder / ".suffice")
    assert next(d["due"] for d in asked(suffice, "due", folder, "--today", "2026-12-01")["duties"]) == "2026-12-05"
    (folder / "verdict.json").unlink()
    shutil.rmtree(folder / ".suffice")
    assert asked(suffice, "due", folder, code=2)["error"]["message"] == "no ledger there yet"


def test_own_prices_and_days_count_where_the_folder_is_this_one(suffice: Command, folder: Path) -> None:
    (folder / "retirements.yaml").write_text(
        'us: [{for: "gpt-4o*", on: "2027-05-01", source: a letter}]\n', encoding="utf-8"
    )
    here = Path.cwd()
    try:
        os.chdir(folder)
        days = [d["due"] for d in asked(suffice, "due", "--today", "2026-12-01")["duties"]]
    finally:
        os.chdir(here)
    assert days[:2] == ["2026-12-05", "2027-04-30"]
