"""Diagnosis: one planted cause at a time, and models in which there is none to find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from worlds import LABELS, code, example, fact, flipping, label, number_of, passages_hold, told, world, written

from suffice.attribution import attribute, ceilings
from suffice.data import Context, Example, Output
from suffice.diagnose import FAILURES_AT_MOST, diagnose
from suffice.evidence import Evidence, Reading
from suffice.layer import Cause
from suffice.layers.retrieval import Retrieval
from suffice.models.scripted import Scripted
from suffice.plugins import find, names
from suffice.record import Diagnosis, Record, Run
from suffice.run import run
from suffice.score import Score
from suffice.stack import Stack
from suffice.task import Task
from suffice.types import Request

Says = Callable[[Request], str]
FEW = 4
"""Fewer solved examples than the nearest-examples probe needs: no embedder is wanted."""


def gold(number: int) -> Context:
    return Context(text=fact(number))


def explained(task: Task, says: Says, *layers: object, pool: int = FEW, seed: int = 0) -> tuple[Diagnosis, Reading]:
    """Run the stack over all but the last examples, and diagnose it with those as the pool."""
    evidence, cut = Evidence(), len(task.dataset) - pool
    stack = Stack(Scripted(says), layers)  # type: ignore[arg-type]
    found = diagnose(run(stack, task.dataset[:cut]), task=task, pool=task.dataset[cut:], evidence=evidence, seed=seed)
    return found, Reading(evidence)


def shares(found: Diagnosis) -> dict[Cause, float]:
    return {f.cause: round(f.share, 2) for f in found.findings if f.share > 0}


def parcels(n: int, context: bool = True, **more: object) -> tuple[Example, ...]:
    return tuple(
        replace(example(i, **more), context=(gold(i),) if context else ())  # type: ignore[arg-type]
        for i in range(n)
    )


def test_the_frozen_order_is_from_light_to_heavy() -> None:
    order = sorted(names("probes"), key=lambda name: find("probes", name).order)
    assert order == [
        *("lenient_parse", "clean_input", "translated", "context", "index_lookup", "gold_context", "restated"),
        *("tool_description", "nearest_examples", "gold_call", "reasoning", "stronger", "label_agreement", "resample"),
    ]


def test_a_right_answer_in_the_wrong_clothes_is_format(tmp_path: Path) -> None:
    task = world(tmp_path, kind="labels", n=60)
    found, _ = explained(task, lambda r: f"I would say: {label(number_of(r))}, I think")
    assert shares(found) == {"format": 1.0}
    assert found.findings[0].proved_by == "lenient_parse" and found.findings[0].sham_fixed == 0


def test_a_reply_that_names_both_labels_has_no_format_to_mend(tmp_path: Path) -> None:
    found, _ = explained(world(tmp_path, kind="labels", n=60), lambda _: " or ".join(LABELS))
    assert shares(found) == {"undiagnosed": 1.0}


def test_what_the_right_passage_fixes_is_knowledge_where_documents_hold_it(tmp_path: Path) -> None:
    task = world(tmp_path, examples=parcels(60), documents=6)
    found, _ = explained(task, lambda r: code(number_of(r)) if passages_hold(r) else "no idea")
    assert shares(found) == {"knowledge": 1.0} and found.findings[0].broke == 0


def test_and_coverage_where_the_document_is_withheld(tmp_path: Path) -> None:
    task = world(tmp_path, examples=parcels(60), documents=6)
    assert task.documents
    for path in sorted(task.documents.iterdir())[:3]:
        path.write_text("# Nothing\n\nto see here\n", encoding="utf-8")
    found, _ = explained(task, lambda r: code(number_of(r)) if passages_hold(r) else "no idea")
    assert set(shares(found)) == {"knowledge", "coverage"}
    kept = {i for path in sorted(task.documents.iterdir())[3:] for i in range(60) if fact(i) in path.read_text()}
    cause = {id_: f.cause for f in found.findings for id_ in f.record_ids}
    assert all(cause[id_] == ("knowledge" if int(id_[1:]) in kept else "coverage") for id_ in cause)


def blind(folder: Path, k: int) -> Retrieval:
    """An index that returns, whatever is asked, passages of the documents that match the word alone."""
    return Retrieval("documents", mode="lexical", k=k, words=12, folder=folder)


def test_and_retrieval_where_a_broken_index_does_not_return_it(tmp_path: Path) -> None:
    asked = tuple(replace(e, input=f"Which secret belongs to lot {e.id}?") for e in parcels(60))
    task = world(tmp_path, examples=asked, documents=6)
    found, _ = explained(task, lambda r: code(number_of(r)) if passages_hold(r) else "no idea", blind(tmp_path, 1))
    assert shares(found) == {"retrieval": 1.0}


def test_but_not_where_the_index_did_return_it(tmp_path: Path) -> None:
    """The passage was found and did not help as it stood there: searching was not at fault, it was buried."""
    task = world(tmp_path, examples=parcels(40), documents=6)

    def says(request: Request) -> str:
        return code(number_of(request)) if any(p.id.startswith("gold:") for p in request.passages) else "?"

    found, _ = explained(task, says, blind(tmp_path, 8))
    assert shares(found) == {"context": 1.0}


def test_what_saying_it_again_fixes_is_instruction(tmp_path: Path) -> None:
    wanted = Output().wanted
    found, _ = explained(world(tmp_path, n=50), lambda r: code(number_of(r)) if wanted in told(r) else "Well, hm")
    assert shares(found) == {"instruction": 1.0}


TOPICS = ("apples from the north", "ships in the harbour", "songs of old kings", "taxes on salt")


def topical(n: int) -> tuple[Example, ...]:
    return tuple(Example(f"q{i}", f"{TOPICS[i % 4]}, case {i}", code(i)) for i in range(n))


def test_what_the_nearest_examples_fix_and_random_ones_do_not_is_behaviour(tmp_path: Path, minilm: Path) -> None:
    def says(request: Request) -> str:
        topic = TOPICS[number_of(request) % 4]
        alike = sum(topic in shot.input for shot in request.shots)
        return code(number_of(request)) if alike >= 3 else "as you like"

    found, _ = explained(world(tmp_path, examples=topical(90)), says, pool=40)
    assert shares(found)["behaviour"] > 0.9


def test_what_any_examples_fix_is_not_behaviour(tmp_path: Path, minilm: Path) -> None:
    found, _ = explained(
        world(tmp_path, examples=topical(90)), lambda r: code(number_of(r)) if r.shots else "as you like", pool=40
    )
    assert "behaviour" not in shares(found) and shares(found) == {"undiagnosed": 1.0}


def test_what_asking_again_with_chance_fixes_is_consistency(tmp_path: Path) -> None:
    found, _ = explained(
        world(tmp_path, n=50), lambda r: code(number_of(r)) if r.sampling.temperature else "stuck in a rut"
    )
    assert shares(found) == {"consistency": 1.0}


def test_the_lightest_fix_gets_the_failure_and_no_failure_has_two_causes(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        """A third lacks knowledge, a third an instruction, and a third either."""
        third = number_of(request) % 3
        knows, heard = passages_hold(request), Output().wanted in told(request)
        return code(number_of(request)) if (knows and third != 1) or (heard and third != 0) else "?"

    found, _ = explained(world(tmp_path, examples=parcels(64), documents=6), says)
    listed = Counter(id_ for f in found.findings for id_ in f.record_ids)
    assert set(listed.values()) == {1} and len(listed) == FAILURES_AT_MOST
    by = {f.cause: {int(i[1:]) % 3 for i in f.record_ids} for f in found.findings}
    assert by["knowledge"] == {0, 2} and by["instruction"] == {1}
    assert sum(f.share for f in found.findings) == pytest.approx(1.0)


# Where there is nothing to find


def test_a_model_that_flips_at_random_has_hardly_ever_a_cause(tmp_path: Path) -> None:
    """Every wording is another flip: probes fix as many as their shams do. One in twenty may seem to have a cause."""
    claims = 0
    for seed in range(6):
        flips = flipping(seed, 0.4)

        def says(request: Request, flips: Scripted = flips) -> str:
            said = flips.replies(replace(request, sampling=type(request.sampling)()))  # type: ignore[operator]
            return str(said)

        found, reading = explained(world(tmp_path / str(seed), examples=parcels(110), documents=6), says)
        proven = [f for f in found.findings[:-1] if (f.low or 0.0) > 0.0]
        claims += bool(proven)
        assert found.findings[-1].cause == "undiagnosed"
        assert {f.cause for f in found.findings[:-1] if f.record_ids} <= {f.cause for f in proven}
        assert sum(f.share for f in found.findings) == pytest.approx(1.0)
        assert set(ceilings(reading, found.run)) >= {"gold_context", "restated"}
    assert claims <= 1


def test_a_sham_that_fixes_as_much_takes_all_the_credit(tmp_path: Path) -> None:
    """Any passage at all fixes it: then the right one proves nothing."""
    task = world(tmp_path, examples=parcels(60), documents=6)
    found, _ = explained(task, lambda r: code(number_of(r)) if r.passages else "?")
    assert shares(found) == {"undiagnosed": 1.0}


def test_under_thirty_failures_there_are_counts_only(tmp_path: Path) -> None:
    wanted = Output().wanted
    few, enough = (
        explained(world(tmp_path / str(n), n=n + FEW), lambda r: code(number_of(r)) if wanted in told(r) else "?")[0]
        for n in (29, 30)
    )
    assert (few.findings[0].low, few.findings[0].high, few.failures) == (None, None, 29)
    assert (few.findings[0].fixed, few.findings[0].failures) == (29, 29) and "counts only" in few.note
    low, high = enough.findings[0].low, enough.findings[0].high
    assert low is not None and high is not None and 0.5 < low <= 1.0 == high and "counts only" not in enough.note


def test_at_most_thirty_failures_are_probed_and_the_note_says_so(tmp_path: Path) -> None:
    found, reading = explained(world(tmp_path, n=54), lambda _: "?")
    assert found.failures == 50 and "30 of 50 failures were probed" in found.note
    assert len(reading.evidence.one("diagnosis")["failures"]) == 30
    other, _ = explained(world(tmp_path, n=54), lambda _: "?", seed=1)
    assert set(other.findings[-1].record_ids) != set(found.findings[-1].record_ids)


def test_probes_run_on_solved_items_show_what_they_break(tmp_path: Path) -> None:
    """Right half the time as it is; with more words before it, it loses its head on everything it knew."""

    def says(request: Request) -> str:
        number = number_of(request)
        return code(number) if (number % 2 == 0) == (not request.instructions) else "?"

    found, reading = explained(world(tmp_path, n=60), says)
    restated = next(x for x in reading.evidence.of("trial") if x["probe"] == "restated")
    assert len(restated["passing"]) == 8 and shares(found) == {"undiagnosed": 1.0}
    ceiling = ceilings(reading, found.run)["restated"]
    assert ceiling.estimate == pytest.approx(ceiling.today + (1 - ceiling.today) * 1.0 - ceiling.today * 1.0)


def test_an_item_that_a_probe_says_nothing_about_is_not_broken_by_it(tmp_path: Path) -> None:
    """Half the solved items have no gold passage: they were never asked, so they count neither way."""
    some = tuple(replace(e, context=e.context if i % 2 else ()) for i, e in enumerate(parcels(80)))

    def says(request: Request) -> str:
        return code(number_of(request)) if number_of(request) < 40 or passages_hold(request) else "?"

    found, reading = explained(world(tmp_path, examples=some, documents=6), says)
    knowledge = next(f for f in found.findings if f.cause == "knowledge")
    assert knowledge.broke == 0 and 0 < knowledge.passing < 8
    assert ceilings(reading, found.run)["gold_context"].estimate == 1.0


def test_the_estimate_is_quality_plus_what_is_fixed_minus_what_is_broken(tmp_path: Path) -> None:
    def says(request: Request) -> str:
        number = number_of(request)
        return code(number) if (number % 4 == 0) != (passages_hold(request) and number % 8 in (0, 1, 2)) else "?"

    found, reading = explained(world(tmp_path, examples=parcels(104), documents=6), says)
    trial = next(x for x in reading.evidence.of("trial") if x["probe"] == "gold_context")
    failures = reading.evidence.one("diagnosis")["failures"]
    h = sum(int(i[1:]) % 8 in (1, 2) for i in failures) / len(failures)
    b = sum(int(i[1:]) % 8 == 0 for i in trial["passing"]) / len(trial["passing"])
    ceiling = ceilings(reading, found.run)["gold_context"]
    assert (ceiling.today, ceiling.n, ceiling.sham) == (0.25, 100, pytest.approx(0.25 - 0.25 * b))
    assert (
        ceiling.estimate == pytest.approx(0.25 + 0.75 * h - 0.25 * b) and ceiling.low < ceiling.estimate < ceiling.high
    )


def test_nothing_failed_and_nothing_to_intervene_in(tmp_path: Path) -> None:
    task = world(tmp_path, n=30)
    found, _ = explained(task, lambda r: code(number_of(r)))
    assert (found.failures, found.findings, found.note) == (0, (), "nothing failed")
    constant = find("layers", "constant")("always this")
    found, reading = explained(task, lambda _: "?", constant)
    assert [f.cause for f in found.findings] == ["undiagnosed"] and "without asking a model" in found.note
    assert not list(reading.evidence.of("trial"))


def test_what_could_not_be_judged_is_no_failure(tmp_path: Path) -> None:
    task = world(tmp_path, n=10)
    values: Sequence[float | None] = [1.0] * 4 + [0.0] * 3 + [None] * 3
    records = tuple(Record(e.id, None, Score(v)) for e, v in zip(task.dataset, values, strict=True))
    found = diagnose(Run("r", Stack(Scripted(lambda _: "?")), task.dataset, records), task=task)
    assert found.failures == 3


def test_the_shares_follow_from_stored_records_alone(tmp_path: Path) -> None:
    task = world(tmp_path, examples=parcels(60), documents=6)
    found, reading = explained(task, lambda r: code(number_of(r)) if passages_hold(r) else "?")
    path = tmp_path / "records.jsonl"
    reading.evidence.write(path)
    assert attribute(Reading(Evidence.read(path)), found.run) == found


def test_facts_lie_in_the_documents_as_the_worlds_say(tmp_path: Path) -> None:
    texts = [p.read_text("utf-8") for p in written(tmp_path, 3, 9).iterdir()]
    assert all(sum(fact(i) in t for t in texts) == 1 for i in range(9))
