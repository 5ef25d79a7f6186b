"""Each probe on a cause planted for it; two together where only both help; what they took, and what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from test_diagnose import FEW, gold, parcels
from worlds import code, example, number_of, passages_hold, told, world

from suffice.attribution import attribute
from suffice.data import Context, Dataset, Example, Output
from suffice.diagnose import DRAWN_AT_MOST, FAILURES_AT_MOST, diagnose
from suffice.evidence import Evidence, Reading
from suffice.layer import Layer
from suffice.layers.retrieval import Retrieval
from suffice.models.scripted import Scripted
from suffice.plugins import find
from suffice.record import Diagnosis
from suffice.run import run
from suffice.stack import Stack
from suffice.task import Task
from suffice.types import Answer, Ask, Passage, Request, Tool

Says = Callable[[Request], str]


def found(task: Task, says: Says, *layers: Layer, **more: object) -> Diagnosis:
    cut = len(task.dataset) - FEW
    stack = Stack(Scripted(says), layers)
    asked = {"task": task, "pool": task.dataset[cut:], **more}
    return diagnose(run(stack, task.dataset[:cut]), **asked)  # type: ignore[arg-type]


def causes(of: Diagnosis) -> dict[object, float]:
    return {(f.cause, *f.also): round(f.share, 2) for f in of.findings if f.share > 0}


@dataclass(frozen=True)
class Shortened(Layer):
    """Cuts what was found to its first words."""

    words: int = 3

    def __call__(self, request: Request, ask: Ask) -> Answer:
        cut = (replace(p, text=" ".join(p.text.split()[: self.words]), heading="") for p in request.passages)
        return ask(replace(request, passages=tuple(cut)))


@dataclass(frozen=True)
class Crowding(Layer):
    """Puts passages about nothing around what was found."""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        idle = [Passage(f"x{n}", "x.md", f"It rained {n} times in the valley of the kings.") for n in range(3)]
        return ask(replace(request, passages=(idle[0], *request.passages, *idle[1:])))


def searching(folder: Path, k: int = 1) -> Retrieval:
    return Retrieval("documents", mode="lexical", k=k, words=12, folder=folder)


def reads(request: Request) -> str:
    return code(number_of(request)) if passages_hold(request) else "no idea"


def test_a_passage_that_was_found_and_then_cut_is_context(tmp_path: Path) -> None:
    task = world(tmp_path, examples=parcels(60), documents=6)
    of = found(task, reads, searching(tmp_path, 4), Shortened())
    assert causes(of) == {("context",): 1.0} and of.findings[0].proved_by == "context"


def test_a_passage_among_too_many_is_context(tmp_path: Path) -> None:
    def easily_distracted(request: Request) -> str:
        return reads(request) if len(request.passages) == 1 else "so many!"

    task = world(tmp_path, examples=parcels(60), documents=6)
    assert causes(found(task, easily_distracted, searching(tmp_path), Crowding())) == {("context",): 1.0}


def test_a_part_of_the_input_that_holds_the_passage_and_more_is_context(tmp_path: Path) -> None:
    noise = " ".join(f"Nothing is known of parcel {n}." for n in range(400, 440))
    asked = tuple(
        replace(e, input={"question": e.input, "text": f"{noise} {e.context[0].text} {noise}"}) for e in parcels(60)
    )

    def says(request: Request) -> str:
        return code(number_of(request)) if len(request.input) < 400 and "The code word" in request.input else "lost"

    of = found(world(tmp_path, examples=asked), says)
    assert causes(of) == {("context",): 1.0}


def test_a_passage_that_the_index_holds_and_the_question_misses_is_retrieval(tmp_path: Path) -> None:
    asked = tuple(replace(e, input=f"Which secret belongs to lot {e.id}?") for e in parcels(60))
    of = found(world(tmp_path, examples=asked, documents=6), reads, searching(tmp_path))
    assert causes(of) == {("retrieval",): 1.0} and of.findings[0].proved_by == "index_lookup"


def test_a_damaged_question_is_input(tmp_path: Path) -> None:
    damaged = tuple(replace(e, input="".join(f"{c}\u200b" for c in str(e.input))) for e in parcels(60, context=False))

    def says(request: Request) -> str:
        return code(number_of(request)) if "code word of parcel" in request.input else "pardon?"

    assert causes(found(world(tmp_path, examples=damaged), says)) == {("input",): 1.0}


def test_a_question_in_another_language_is_input(tmp_path: Path) -> None:
    foreign = tuple(Example(f"q{i}", f"jak brzmi tajne hasło paczki numer {i}", code(i)) for i in range(50))
    pool = [Example(f"q{100 + i}", f"What is the code word{i} of{i} a parcel{i}?", code(i)) for i in range(FEW + 40)]

    def says(request: Request) -> str:
        if any("Translate" in one for one in request.instructions):
            return f"What is the code word of parcel {number_of(request)}?"
        return code(number_of(request)) if "What is the code word" in request.input else "?"

    task = world(tmp_path, examples=(*foreign, *pool))
    stack = Stack(Scripted(says))
    of = diagnose(run(stack, task.dataset[:50]), task=task, pool=task.dataset[50:])
    assert causes(of) == {("input",): 1.0} and of.findings[0].proved_by == "translated"


def test_room_to_think_is_reasoning(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        thinks = any("step by step" in one for one in request.instructions)
        return f"First, the parcel. Then, its word.\nAnswer: {code(number_of(request))}" if thinks else "a guess"

    assert causes(found(world(tmp_path, n=50), says)) == {("reasoning",): 1.0}


TOOLS = tuple(Tool(f"tool{n}", f"Says the code of kind {n}.", {"type": "object"}) for n in range(3))


def calling(folder: Path, says: Says, n: int = 54) -> Diagnosis:
    calls = tuple(
        Example(f"q{i}", f"Do the thing number {i}.", {"any_of": [{"name": f"tool{i % 3}", "arguments": {"n": i}}]})
        for i in range(n)
    )
    output = Output("tools", tools=TOOLS)
    data = Dataset(calls, output, find("scorers", "tool_call")(), "calls")
    task = replace(world(folder, n=5), dataset=data, output=output, score="tool_call")
    return found(task, says)


def test_what_describing_the_tools_fixes_is_tool_use(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        number = number_of(request)
        knows = "Says the code of kind" in told(request)
        return json.dumps({"name": f"tool{number % 3}" if knows else "tool9", "arguments": {"n": number}})

    assert causes(calling(tmp_path, says)) == {("tool use",): 1.0}


def test_a_call_that_is_handed_over_proves_no_cause(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        handed = told(request).partition("The call to make is this: ")[2]
        return handed or "no call"

    of = calling(tmp_path, says)
    assert causes(of) == {("undiagnosed",): 1.0}
    handed = next(t for t in of.tried if t.probe == "gold_call")
    assert handed.fixed == handed.asked == 30 and handed.proves == ()


def test_what_the_strong_model_can_do_is_capability(tmp_path: Path) -> None:
    task = replace(world(tmp_path, n=60), strong_model=world(tmp_path, "right").model)
    assert causes(found(task, lambda _: "too hard"))[("capability",)] >= 0.9, "the strong model is right nearly always"


def doubtful(folder: Path, every: int = 1) -> Task:
    """Labels of every so many examples are wrong."""
    wrong = tuple(
        replace(e, expected=code(number_of(e.request) + 1000) if at % every == 0 else e.expected)
        for at, e in enumerate(world(folder, n=100).dataset)
    )
    return replace(world(folder, examples=wrong), strong_model=world(folder, "right").model)


def test_where_the_strong_model_says_what_the_failing_reply_said_the_label_is_suspect(tmp_path: Path) -> None:
    of = found(doubtful(tmp_path, 2), lambda r: code(number_of(r)))
    assert causes(of)[("label suspect",)] >= 0.9, "the strong model is right nearly always"


def test_no_label_is_doubted_where_the_stack_itself_spoils_every_reply(tmp_path: Path) -> None:
    of = found(doubtful(tmp_path), lambda r: code(number_of(r)), Spoiling())
    assert causes(of) == {("undiagnosed",): 1.0}


@dataclass(frozen=True)
class Spoiling(Layer):
    """Replies something else, whatever the model said."""

    def __call__(self, request: Request, ask: Ask) -> Answer:
        return replace(ask(request), text=f"sorry, {request.id}")


# Two together


def test_what_only_two_together_fix_has_two_causes(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        both = passages_hold(request) and Output().wanted in told(request)
        return code(number_of(request)) if both else "?"

    of = found(world(tmp_path, examples=parcels(60), documents=6), says)
    assert causes(of) == {("knowledge", "instruction"): 1.0}
    assert of.findings[0].proved_by == "gold_context + restated"
    assert "only both together" in of.words[0]


def test_two_that_do_no_better_with_a_sham_than_together_prove_nothing(tmp_path: Path) -> None:
    """Any passage at all, with the requirement said again: then the passage proves nothing, nor does the pair."""

    def says(request: Request) -> str:
        both = bool(request.passages) and Output().wanted in told(request)
        return code(number_of(request)) if both else "?"

    of = found(world(tmp_path, examples=parcels(60), documents=6), says)
    assert causes(of) == {("undiagnosed",): 1.0}


# What was tried, what overlaps, where, in words


def test_every_probe_says_what_it_took(tmp_path: Path) -> None:
    of = found(world(tmp_path, examples=parcels(60), documents=6), reads)
    by = {t.probe: t for t in of.tried}
    assert by["gold_context"].asked == by["gold_context"].fixed == FAILURES_AT_MOST
    assert by["gold_context"].calls == 2 * FAILURES_AT_MOST and by["gold_context"].usd == 0
    assert by["restated"].asked == DRAWN_AT_MOST, "nothing is open, but a few are asked so that overlaps are seen"


def test_overlaps_are_seen_on_failures_drawn_at_random(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        either = passages_hold(request) or Output().wanted in told(request)
        return code(number_of(request)) if either else "?"

    of = found(world(tmp_path, examples=parcels(60), documents=6), says)
    assert causes(of) == {("knowledge",): 1.0}
    both = next(o for o in of.overlaps if (o.probe, o.other) == ("gold_context", "restated"))
    assert (both.asked, both.fixed, both.other_fixed, both.both) == (DRAWN_AT_MOST,) * 4


def test_a_probe_that_would_take_too_many_calls_is_not_tried_and_that_is_said(tmp_path: Path) -> None:
    task = world(tmp_path, examples=parcels(60), documents=6)
    of = found(task, reads, calls=50)
    untried = {t.probe: t.note for t in of.tried if t.note}
    assert untried["gold_context"] == "could take 60 calls, 50 were left" and "knowledge" not in dict(causes(of))


def test_slices_say_where_a_cause_gathers(tmp_path: Path) -> None:
    """Long questions lack knowledge; short ones lack nothing that anybody could give."""
    some = tuple(
        replace(e, input=f"{e.input} {'Please do tell me. ' * 5 * (i % 2)}", context=(gold(i),))
        for i, e in enumerate(example(i) for i in range(164))
    )

    def says(request: Request) -> str:
        return reads(request) if number_of(request) % 2 else "?"

    of = found(world(tmp_path, examples=some, documents=6), says, at_most=120)
    lengths = {s.value: s for s in of.slices if s.by == "length"}
    long = next(s for value, s in lengths.items() if value.startswith("from"))
    assert causes(Diagnosis("", 0, long.findings)) == {("knowledge",): 1.0}
    assert long.findings[0].low is not None and long.findings[0].low > 0.8
    assert any("gathers where the length is from" in one for one in of.words)


def test_what_was_tried_is_told_of_what_stays_open(tmp_path: Path) -> None:
    of = found(world(tmp_path, n=50), lambda _: "?")
    assert causes(of) == {("undiagnosed",): 1.0}
    assert "nothing that was tried fixed them" in of.words[-1] and "restated" in of.words[-1]


def test_all_of_it_follows_from_the_records(tmp_path: Path) -> None:
    task, evidence = world(tmp_path, examples=parcels(60), documents=6), Evidence()
    of = found(task, reads, searching(tmp_path, 4), Shortened(), evidence=evidence)
    path = tmp_path / "records.jsonl"
    evidence.write(path)
    assert attribute(Reading(Evidence.read(path)), of.run) == of


@pytest.mark.parametrize("text", ["", "gold", "x" * 5000])
def test_a_context_of_any_length_is_no_trouble(tmp_path: Path, text: str) -> None:
    odd = tuple(replace(e, context=(Context(text=text),) if text else ()) for e in parcels(40))
    assert found(world(tmp_path, examples=odd, documents=6), lambda _: "?", searching(tmp_path)).failures == 36
