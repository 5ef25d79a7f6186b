"""Curation: what deserves training, and the reason of everything that does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from suffice.curate import Candidate, Curated, Sources, balance, clean, curate, deserving
from suffice.curate.steps import contamination, outliers, personal, repetitions
from suffice.data import Dataset, Example, Output
from suffice.datasheet import datasheet, markdown, warnings
from suffice.demonstrations import (
    Choice,
    Demonstration,
    Provenance,
    examples_of,
    read,
    read_choices,
    write,
    write_choices,
)
from suffice.errors import InputError
from suffice.load import load
from suffice.plugins import find
from suffice.task import Task
from suffice.types import Json, Message, Tool, ToolCall

LABELS = ("refund", "shipping")
TEXT = Output()


def case(id_: str, text: Json, expected: Json = "refund", origin: str = "examples") -> Candidate:
    return Candidate(Example(id_, text, expected), Provenance(origin))  # type: ignore[arg-type]  # one of Origin


def ids(candidates: Sequence[Candidate]) -> list[str]:
    return [c.id for c in candidates]


# Step by step


def test_of_rows_that_read_the_same_one_is_kept_and_the_others_name_it() -> None:
    done = repetitions([case("a", "Where is my parcel now"), case("b", "where is MY parcel now!"), case("c", "Else?")])
    assert ids(done.kept) == ["a", "c"]
    assert [(d.candidate.id, d.step, d.beside) for d in done.dropped] == [("b", "duplicate", ("a",))]


def test_a_letter_wrong_makes_a_duplicate_only_where_the_reply_is_the_same() -> None:
    same = repetitions([case("a", "I would like to rent a small car"), case("b", "I would like to tent a small car")])
    assert ids(same.kept) == ["a"]
    apart = repetitions(
        [case("a", "when was the car sent to me"), case("b", "when was the car rent to me", "shipping")]
    )
    assert ids(apart.kept) == ["a", "b"]


def test_equal_inputs_with_other_replies_are_set_aside_until_people_decide() -> None:
    rows = [
        case("a", "Where is my parcel"),
        case("b", "where is my parcel", "shipping"),
        case("c", "Where is my parcel"),
    ]
    done = repetitions(rows)
    assert done.kept == () and {d.step for d in done.dropped} == {"conflict"}
    assert done.dropped[0].reason == "it reads like `b`, whose reply is `shipping`"
    decided = repetitions([*rows, case("r", "Where is my parcel", "shipping", "review")])
    assert ids(decided.kept) == ["r"]
    assert {d.candidate.id: d.step for d in decided.dropped} == {"a": "conflict", "b": "duplicate", "c": "conflict"}


@pytest.mark.parametrize("origin", ["log", "teacher"])
def test_people_are_believed_against_a_model(origin: str) -> None:
    done = repetitions([case("m", "Where is my parcel", "refund", origin), case("p", "Where is my parcel", "shipping")])
    assert ids(done.kept) == ["p"] and done.dropped[0].reason == ("people say `shipping` to `p`, which reads the same")


def test_free_replies_are_one_where_the_scorer_says_so() -> None:
    rows = [case("a", "How long is it", "two days"), case("b", "how long is it", "It takes two days")]
    assert ids(repetitions(rows, find("scorers", "exact")()).kept) == []
    several = [case("a", "How long is it", ["two days", "2 days"]), case("b", "how long is it", "2 days")]
    assert ids(repetitions(several, find("scorers", "exact")()).kept) == ["a"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Which tram goes to the old harbour on Sundays?", "repeats the test item `t`"),
        ("which TRAM goes to the old harbour on sundays", "repeats the test item `t`"),
        ("Which tran goes to the old harbour on Sundays?", "is one letter from the test item `t`"),
        ("Which tram goes now to the old harbour on Sundays?", "nearly repeats the test item `t`"),
        ("So: which tram goes to the old harbour on Sundays? My aunt from Lyon asked me.", "quotes the test item `t`"),
        (["Hi", "Which tram goes to the old harbour on Sundays?"], "repeats the test item `t`"),
    ],
)  # fmt: skip
def test_what_holds_a_test_item_is_named_and_left_out(text: Json, reason: str) -> None:
    judging = [Example("t", "Which tram goes to the old harbour on Sundays?", "5")]
    if isinstance(text, list):
        text = [{"role": "user", "content": said} for said in text]
    done = contamination([case("x", text), case("y", "Which tram goes to the zoo?")], judging)
    assert ids(done.kept) == ["y"] and [(d.reason, d.beside) for d in done.dropped] == [(reason, ("t",))]


def test_a_reply_that_quotes_a_test_question_is_left_out_too() -> None:
    judging = [Example("t", "Which tram goes to the old harbour on Sundays?", "5")]
    told = case("x", "What do people ask?", "They ask: which tram goes to the old harbour on Sundays? And more.")
    assert contamination([told], judging).kept == ()


def test_personal_data_is_masked_in_input_and_reply_or_the_row_refused() -> None:
    rows = [case("a", {"mail": "from ada@example.com"}, {"to": "ada@example.com"}), case("b", "nothing here")]
    schema = Output("schema", schema={"type": "object", "properties": {"to": {"type": "string"}}})
    masked = personal(rows[:1], schema, "mask")
    assert masked.kept[0].example.input == {"mail": "from [email]"}
    assert masked.kept[0].example.expected == {"to": "[email]"} and masked.found == {"email": 2}
    refused = personal(rows, TEXT, "refuse")
    assert ids(refused.kept) == ["b"] and refused.dropped[0].reason == "holds 2 email"
    assert "ada@" not in repr(refused.dropped)
    assert personal(rows, TEXT, "keep").kept == tuple(rows)


def test_a_secret_is_never_kept_and_a_reply_that_cannot_be_masked_is_left_out() -> None:
    secret = case("a", "the key is sk-abcdefghijklmnopqrstuvwx1")
    assert personal([secret], TEXT, "keep").kept[0].example.input == "the key is [api key]"
    strict = Output("schema", schema={"type": "object", "properties": {"to": {"type": "string", "format": "email"}}})
    done = personal([case("a", "write", {"to": "ada@example.com"})], strict, "mask")
    assert done.kept == () and done.dropped[0].reason == "its reply cannot be masked: it holds email"


def test_lengths_shapes_and_signs_far_from_all_others_are_outliers() -> None:
    usual = [
        case(f"u{n}", f"Where is parcel number {n} " + "today " * (n % 4), f"It is at stop {n}.") for n in range(60)
    ]
    odd = [
        case("long", "Where is my parcel? " * 200, "It is here."),
        case("signs", "=+*#|<>{}[]~^ @@ %%", "It is here."),
        case("shape", "Where is it today", '{"stop": 3}'),
        case("broken", "caf\N{REPLACEMENT CHARACTER} today", "It is here."),
        case("reply", "Where is it now", "It is at the stop. " * 200),
    ]
    done = outliers([*usual, *odd], TEXT)
    assert {d.candidate.id for d in done.dropped} == {"long", "signs", "shape", "broken", "reply"}
    assert outliers(odd, TEXT).dropped == (outliers([odd[3]], TEXT).dropped)
    assert outliers(usual, TEXT).dropped == ()
    replies = ["8:45", "R-22", "yes"] * 20
    short = [case(c.id, c.example.input, reply) for c, reply in zip(usual, replies, strict=True)]
    assert outliers(short, TEXT).dropped == ()


# All of it


def labelled(folder: Path, rows: Sequence[Mapping[str, Json]], **more: Json) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    body = {"goal": "Say what it is about.", "examples": "examples.jsonl", "output": {"labels": list(LABELS)}, **more}
    (folder / "suffice.yaml").write_text(json.dumps(body), encoding="utf-8")
    return folder


WORDS = (
    *("amber", "birch", "cedar", "delta", "eagle", "fjord", "grove"),
    *("heron", "ivory", "jade", "koala", "lemon", "maple", "nylon"),
)


def asked(n: int) -> str:
    about = "please send back the money for the" if n % 2 else "on which day will you bring the"
    return f"{about} {WORDS[n % 14]} {WORDS[(n // 14) % 14]} {WORDS[(n // 196) % 14]} chair"


def rows_of(count: int, split: str = "dev", start: int = 0) -> list[dict[str, Json]]:
    return [
        {"id": f"q{n}", "input": asked(n), "expected": LABELS[n % 2 == 0], "split": split}
        for n in range(start, start + count)
    ]


def lines(path: Path, rows: Sequence[Mapping[str, Json]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def logged(text: str, reply: str, **more: Json) -> dict[str, Json]:
    told = [{"role": "system", "content": "You sort mail."}, {"role": "user", "content": text}]
    answer = {"message": {"role": "assistant", "content": reply}, "finish_reason": more.pop("finish", "stop")}
    return {
        "request": {"model": "gpt-4o", "messages": told},
        "response": {"model": "gpt-4o", "choices": [answer]},
        **more,
    }


@pytest.fixture
def curated(tmp_path: Path) -> Curated:
    rows = rows_of(40)
    rows[3]["licence"] = "CC0-1.0"
    folder = labelled(tmp_path, [*rows, *rows_of(10, "test", 40)])
    logs = [
        logged(asked(60), "refund"),
        logged(asked(0), "refund"),  # people say otherwise
        logged(asked(41), "refund"),  # a test item
        logged(asked(62), "no idea"),
        logged(asked(64), "refu", finish="length"),
    ]
    reviews = [
        {"id": "q4", "output": "refund", "score": 0, "by": "ada"},
        {"id": "q6", "output": "shipping", "score": 1, "by": "ada"},
        {"input": asked(70), "output": "shipping", "score": 1, "escalated": True},
        {"input": asked(72), "output": "refund", "expected": "shipping", "score": 0},
        {"id": "q41", "output": "refund", "score": 1},
        {"id": "q8", "output": "refund", "score": None},
    ]
    teacher = [{"input": asked(80), "output": "shipping"}, {"id": "q2", "output": "refund"}]
    sources = Sources(
        logs=(lines(tmp_path / "log.jsonl", logs),),
        reviews=(lines(tmp_path / "reviews.jsonl", reviews),),
        teachers=(lines(tmp_path / "teacher.jsonl", teacher),),
        teacher="anthropic/claude-x",
    )
    return curate(load(folder), sources)


def test_every_source_gives_rows_that_say_where_they_come_from(curated: Curated) -> None:
    told = {r.id: r.provenance for r in curated.rows}
    origins = [p.origin for p in told.values()]
    assert {o: origins.count(o) for o in dict.fromkeys(origins)} == {
        "review": 2, "escalation": 1, "examples": 39, "log": 1, "teacher": 1,
    }  # fmt: skip
    log = told["log:log.jsonl:1"]
    assert log.source == "log.jsonl:1" and log.teacher == "gpt-4o" and log.terms.startswith("OpenAI: no models")
    taught = next(p for p in told.values() if p.origin == "teacher")
    assert taught.teacher == "anthropic/claude-x" and "support.claude.com" in taught.terms
    assert told["q3"].licence == "CC0-1.0" and told["q3"].source == "examples.jsonl:4" and told["q3"].teacher == ""
    assert told["q6:review"].source == "reviews.jsonl:2" and "q6" not in told


def test_nothing_of_test_is_taken_and_nothing_is_lost(curated: Curated) -> None:
    assert not {"q41", "q40"} & {r.id for r in curated.rows}
    left = {d.candidate.id: (d.step, d.reason) for d in curated.dropped}
    assert left["log:log.jsonl:3"] == ("contamination", "repeats the test item `q41`")
    assert left["log:log.jsonl:2"][0] == "conflict" and left["log:log.jsonl:4"][0] == "contract"
    assert left["q6"] == ("duplicate", "reads like `q6:review`")
    assert len(curated.rows) + len(curated.dropped) == len(curated.gathered.candidates)
    assert curated.gathered.unusable == {
        "log: the reply was cut off": 1,
        "review: turned down by ada": 1,
        "review: of no dev example, and without its own input": 1,
        "review: not yet filled in": 1,
        "teacher: the reply is not right by the task's scorer": 1,
    }


def test_the_prompt_of_a_log_is_no_part_of_its_rows(curated: Curated) -> None:
    (row,) = (r for r in curated.rows if r.id == "log:log.jsonl:1")
    assert row.messages == (Message("user", asked(60)),) and row.reply == Message("assistant", "refund")
    assert dict(curated.gathered.prompts) == {"You sort mail.": 4}


def test_a_reply_that_was_turned_down_stands_beside_the_one_that_holds(curated: Curated) -> None:
    assert {(p.chosen.content, p.rejected.content) for p in curated.pairs} == {("shipping", "refund")}
    assert sorted(p.messages[0].content for p in curated.pairs) == sorted([asked(4), asked(72)])


def test_steps_add_up_and_the_same_sources_give_the_same_set(curated: Curated, tmp_path: Path) -> None:
    for one, after in zip(curated.steps, curated.steps[1:], strict=False):
        assert one.after == after.before
    assert curated.steps[-1].after == len(curated.rows)
    again = curate(curated.task, Sources())
    assert again.rows == curate(curated.task, Sources()).rows and len(again.rows) == 40


def test_a_filled_sheet_corrects_dev(tmp_path: Path) -> None:
    from suffice.adjudicate import listed, write_sheet

    rows = rows_of(60)
    rows[7]["expected"] = "shipping"
    task = load(labelled(tmp_path, rows))
    sheet = tmp_path / "sheet.jsonl"
    write_sheet(listed(task), sheet, random=len(task.parts.dev))
    filled = [json.loads(line) for line in sheet.read_text("utf-8").splitlines()]
    lines(sheet, [{**row, "right": LABELS[int(row["id"][1:]) % 2 == 0]} for row in filled])
    found = {r.id: r for r in curate(task, Sources(reviews=(sheet,))).rows}
    assert found["q7"].reply.content == "refund" and found["q7"].provenance.origin == "review"
    assert found["q8"].provenance.origin == "examples"


def test_labels_that_look_wrong_are_told_and_left_out_only_when_asked(tmp_path: Path) -> None:
    rows = rows_of(200)
    rows[50]["expected"] = "refund"
    task = load(labelled(tmp_path, rows))
    kept = curate(task)
    assert [s.id for s in kept.suspects] == ["q50"] and len(kept.rows) == 200
    dropped = curate(task, doubted="drop")
    assert [d.candidate.id for d in dropped.dropped] == ["q50"] and len(dropped.rows) == 199


def test_classes_are_counted_and_rare_ones_named(tmp_path: Path) -> None:
    task = load(labelled(tmp_path, [*rows_of(40), *rows_of(10, "test", 40)]))
    some = [Candidate(e) for e in task.parts.dev if e.expected == "refund"]
    found = balance(some, task)
    assert found is not None and found.counts == {"refund": 20, "shipping": 0} and found.rare == ("shipping",)
    assert balance(some, Task("t", "g", Dataset(()), output=TEXT)) is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"output": "refund"}, "a row is an object with the `id` of a dev example, or with its own `input`"),
        ({"id": "q1", "ouput": "refund"}, "unknown key `ouput`"),
        ({"id": "q1", "output": "refund", "score": 7}, "`score` is a number from 0 to 1"),
    ],
)
def test_a_wrong_row_of_replies_is_named_by_its_line(row: Mapping[str, Json], message: str, tmp_path: Path) -> None:
    task = load(labelled(tmp_path, rows_of(20)))
    with pytest.raises(InputError, match=message.replace("`", ".")) as wrong:
        curate(
            task, Sources(reviews=(lines(tmp_path / "r.jsonl", [{"id": "q2", "output": "refund", "score": 1}, row]),))
        )
    assert wrong.value.line == 2


def test_nothing_to_curate_is_said(tmp_path: Path) -> None:
    task = load(labelled(tmp_path, rows_of(12, "test")))
    with pytest.raises(InputError, match="nothing to curate"):
        curate(task)


def test_what_deserves_training_of_dev_is_a_dataset_like_it(tmp_path: Path) -> None:
    rows = rows_of(40)
    rows[9]["input"] += ", password: hunter2hunter2"
    task = load(labelled(tmp_path, [*rows, {**rows[3], "id": "again"}, {**rows[4], "id": "not", "expected": "refund"}]))
    found = deserving(task.parts.dev, task)
    left = {e.id for e in task.parts.dev} - {e.id for e in found}
    assert {"q4", "q9", "not"} < left and len(left & {"q3", "again"}) == 1
    assert len(found) == 38 and found.output == task.output and found.scorer == task.dataset.scorer
    assert all(task.parts.dev.by_id[e.id] == e for e in found)


def test_a_task_of_calls_keeps_calls_and_counts_tools() -> None:
    tools = (Tool("look", parameters={"type": "object", "properties": {"for": {"type": "string"}}}), Tool("stop"))
    output = Output("tools", tools=tools)
    task = Task("t", "g", Dataset((), output), output=output)
    calls = [{"name": "look", "arguments": {"for": "tea"}}]
    rows = [case("a", "Look for tea please", calls), case("b", "Jump", [{"name": "jump", "arguments": {}}])]
    found = clean(rows, task)
    assert ids(found.kept) == ["a"] and "no tool called `jump`" in found.dropped[0].reason
    counted = balance(found.kept, task)
    assert counted is not None and counted.counts == {"look": 1, "stop": 0}


def test_calls_of_tools_that_a_row_brings_are_held_to_these_and_learned_with_them(tmp_path: Path) -> None:
    named = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    (tmp_path / "tools.json").write_text(json.dumps([{"name": "none", "parameters": {"type": "object"}}]), "utf-8")
    words = [
        "alpha",
        "bravo",
        "charlie",
        "delta",
        "echo",
        "foxtrot",
        "golf",
        "hotel",
        "india",
        "juliet",
        "kilo",
        "lima",
    ]
    rows = [
        {
            "id": f"r{at}",
            "input": {"question": f"Find {word} please", "tools": [{"name": f"find_{word}", "parameters": named}]},
            "expected": [{"name": f"find_{word}", "arguments": {"title": word}}],
            "split": "dev" if at < 7 else "test",
        }
        for at, word in enumerate(words)
    ]
    (tmp_path / "examples.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    body = {"model": "embedded", "goal": "Call it.", "examples": "examples.jsonl", "output": {"tools": "tools.json"}}
    (tmp_path / "suffice.yaml").write_text(json.dumps({**body, "score": "tool_call"}), "utf-8")
    task = load(tmp_path)
    made = curate(task)
    assert len(made.rows) == len(deserving(task.parts.dev, task)) == 7
    assert {row.tools[0].name for row in made.rows} == {f"find_{word}" for word in words[:7]}
    strange = Example(
        "x",
        {"question": "Find it", "tools": [{"name": "find", "parameters": named}]},
        [{"name": "none", "arguments": {}}],
    )
    assert "no tool called `none`" in clean([Candidate(strange)], task).dropped[0].reason
    assert balance(made.cleaned.kept, task) is None, "a tool for each row is no class"


# The datasheet


def test_the_sheet_says_what_is_in_it_from_where_and_what_is_not_known(curated: Curated) -> None:
    sheet = datasheet(curated)
    assert json.loads(json.dumps(sheet)) == sheet
    assert sheet["composition"]["rows"] == len(curated.rows)
    assert sheet["collection"]["licences"] == {"unknown": len(curated.rows) - 1, "CC0-1.0": 1}
    assert {t["teacher"]: t["restricted"] for t in sheet["collection"]["teachers"]} == {
        "gpt-4o": True, "anthropic/claude-x": True,
    }  # fmt: skip
    assert sheet["held_apart"]["repeated_and_left_out"] == {"log:log.jsonl:3": ["q41"]}
    assert sum(s["before"] - s["after"] for s in sheet["cleaning"]["steps"]) == len(curated.dropped)
    said = " ".join(warnings(sheet))
    assert "have no known licence" in said and "written by gpt-4o" in said and "contradict others" in said
    page = markdown(sheet)
    assert page.startswith("# Datasheet") and all(f"## {h}" in page for h in ("Composition", "Collection", "Cleaning"))


# The neutral file


def test_rows_that_were_written_are_read_as_they_were(curated: Curated, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    call = ToolCall("look", {"for": "tea"}, "call_0")
    tool = Tool("look", "Looks.", {"type": "object"})
    more = Demonstration(
        "x", (Message("user", "é"),), Message("assistant", "", (call,)), (tool,), Provenance("teacher")
    )
    path.write_bytes(write([*curated.rows, more]))
    assert read(path) == (*curated.rows, more)
    pair = Choice("p", (Message("user", "a"),), Message("assistant", "b"), Message("assistant", "c"))
    path.write_bytes(write_choices([pair]))
    assert read_choices(path) == (pair,)


def test_rows_become_examples_again() -> None:
    one = Demonstration(
        "a", (Message("user", "hi"),), Message("assistant", '{"n": 1}'), provenance=Provenance(group="g")
    )
    several = Demonstration("b", (Message("system", "s"), Message("user", "hi")), Message("assistant", "x"))
    (found,) = examples_of([one], Output("schema", schema={}))
    assert (found.input, found.expected, found.group) == ("hi", {"n": 1}, "g")
    assert examples_of([several])[0].input == [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]


ASKED, SAID = '{"role": "user", "content": "a"}', '{"role": "assistant", "content": "b"}'
CALLING = '{"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[]", "a row must be an object"),
        ("{", "not JSON"),
        ('{"messages": []}', "`messages` must be a list of messages"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "must end with the assistant's reply"),
        ('{"messages": [{"role": "king", "content": "a"}]}', "message 1 needs a `role`"),
        ('{"messages": [{"role": "user", "content": 3}]}', "message 1: `content` must be text"),
        (f'{{"messages": [{ASKED}, {CALLING}]}}', "must be a JSON object"),
        (f'{{"messages": [{ASKED}, {SAID}], "weight": 1}}', "unknown key `weight`"),
        (f'{{"messages": [{ASKED}, {SAID}], "suffice": {{"origin": "x"}}}}', "`origin` must be one of"),
    ],
)  # fmt: skip
def test_a_wrong_training_row_is_named_by_its_line(line: str, message: str, tmp_path: Path) -> None:
    good = f'{{"messages": [{ASKED}, {SAID}]}}\n'
    (tmp_path / "rows.jsonl").write_text(good + line + "\n", encoding="utf-8")
    with pytest.raises(InputError) as wrong:
        read(tmp_path / "rows.jsonl")
    assert message in wrong.value.message and wrong.value.line == 2
