"""Decide answers each case of the framework as its sources do: matrix, right and wrong levers, fifteen questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from decide.drawn import READY

from suffice import matrix
from suffice.decide import SIGNALS, Answer, case_of, decide
from suffice.decide.avoid import AVOID
from suffice.decide.facts import FACTS
from suffice.decide.levers import LEVERS
from suffice.decide.topics import CASE, START, TOPICS
from suffice.minimum import MINIMA

Facts = Mapping[str, Any]


def of(signals: str = "", **facts: Any) -> Answer:
    return decide(case_of({"signals": signals.split() if signals else [], **facts}))


def ready(signals: str, **facts: Any) -> Answer:
    return of(signals, **{**READY, **facts})


def avoided(answer: Answer) -> set[str]:
    return {wrong.lever for wrong in AVOID if wrong.name in answer.avoid}


# §4: the decision matrix

MATRIX = [
    ("M1", "unknown_facts", ["retrieval"]),
    ("M2", "broken_format", ["structure", "fine_tuning"]),
    ("M3", "wrong_in_domain", ["retrieval"]),
    ("M4", "wrong_tone", ["examples", "fine_tuning"]),
    ("M5", "misused_tools", ["fine_tuning"]),
    ("M6", "slow_prompt", ["caching", "fine_tuning"]),
    ("M7", "high_cost", ["distillation"]),
    ("M8", "wrong_documents", ["reranking", "embedder"]),
]
NOT_YET = {
    "structure": "structure_tried",
    "examples": "examples_tried",
    "caching": "caching",
    "reranking": "rerank_tried",
}


@pytest.mark.parametrize(("row", "signal", "order"), MATRIX)
def test_a_row_of_the_matrix_leads_where_b_sends_it(row: str, signal: str, order: list[str]) -> None:
    """What the row names first is taken until it was tried, what it names last once all gates hold."""
    for lever in order[:-1]:
        assert ready(signal, **{NOT_YET[lever]: False}).lever == lever
    assert ready(signal).lever == order[-1]
    assert SIGNALS[signal].row == row


@pytest.mark.parametrize("row", matrix.ROWS, ids=lambda row: row.row)
def test_the_wrong_lever_of_each_row_is_told(row: matrix.Row) -> None:
    signals = [sign.name for sign in SIGNALS.values() if sign.row == row.row]
    assert signals and all(row.not_lever in avoided(of(signal)) for signal in signals)


# §3: when a lever is right, and when it is wrong

LEGITIMATE = [
    ("F1", "broken_format", {"format_failing": 0.02}, "M2.tune"),
    ("F2", "wrong_tone", {}, "M4.tune"),
    ("F3", "misused_tools", {}, "M5.tune"),
    ("F4", "dear_prompt", {"prompt_tokens": 6_000}, "M6.tune"),
    ("F5", "vocabulary", {"situation": "retrieval"}, "F5.tune"),
    ("F6", "small_model_short", {"teacher": False}, "F6.tune"),
    ("F6 by a teacher", "small_model_short", {}, "F6.distil"),
    ("F7", "tacit_judgement", {}, "F7.tune"),
    ("F7, rules", "rules_slip", {}, "P2.tune"),
    ("F8", "wrong_documents", {}, "M8.embed"),
]


@pytest.mark.parametrize(("case", "signal", "facts", "row"), LEGITIMATE)
def test_each_case_in_which_tuning_is_right(case: str, signal: str, facts: Facts, row: str) -> None:
    answer = ready(signal, **facts)
    assert [step.row for step in answer.steps] == [row] and answer.tunes
    assert all(gate.held for gate in answer.gates)


AGAINST = [
    ("requirements move every two or three months", {"stable_months": 2.5}, "stable requirements", "moving task"),
    ("the knowledge moves weekly", {"knowledge_changes": "weekly"}, "slow knowledge", "moving facts"),
    ("nobody owns re-training", {"owner": False}, "owner", "unowned"),
    ("not 200 clean pairs", {"clean_pairs": 199}, "clean pairs", "few pairs"),
    ("not in six months", {"stable_months": 5}, "stable requirements", "moving task"),
    ("prompting not tried", {"prompts_tried": 0}, "prompting exhausted", "unprompted"),
    ("poor data", {"reviewed": False}, "no contradictions", "poor data"),
    ("facts", {"teaches_facts": True}, "no frozen facts", "frozen"),
    ("no golden set", {"test_items": 49}, "golden set", None),
    ("too few requests", {"requests_per_day": 10}, "volume", None),
]


@pytest.mark.parametrize(("why", "facts", "gate", "avoid"), AGAINST)
def test_each_signal_against_tuning_refuses_it_by_name(why: str, facts: Facts, gate: str, avoid: str | None) -> None:
    answer = ready("wrong_tone", **facts)
    assert not answer.tunes
    assert [g.name for g in answer.gates if g.held is False] == [gate]
    assert avoid is None or avoid in answer.avoid


@pytest.mark.parametrize("signal", ["high_cost", "small_model_short"])
@pytest.mark.parametrize(
    ("facts", "gate", "avoid"),
    [
        ({"knowledge_changes": "hourly"}, "slow knowledge", "moving facts"),
        ({"prompts_tried": 0}, "prompting exhausted", "unprompted"),
        ({"examples_tried": False}, "prompting exhausted", None),
    ],
)
def test_a_student_holds_what_moves_and_stands_on_a_prompt_like_any_tune(
    signal: str, facts: Facts, gate: str, avoid: str | None
) -> None:
    answer = ready(signal, **facts)
    assert not answer.tunes and gate in [g.name for g in answer.gates if g.held is False]
    assert avoid is None or avoid in answer.avoid


def test_a_vague_case_is_refused_before_anything_else_is_looked_at() -> None:
    answer = ready("wrong_tone high_cost unknown_facts", defined=False)
    assert answer.levers == ("define",) and "vague" in answer.avoid and not answer.tunes


@pytest.mark.parametrize(
    ("facts", "lever", "avoid"),
    [
        ({"knowledge_changes": "hourly"}, "live_query", "volatile"),
        ({"sources": "database"}, "live_query", None),
        ({"sources": "none"}, "measure", "nothing to find"),
        ({"latency_ms": 400}, "live_query", "no time"),
        ({"corpus_tokens": 20_000, "window_tokens": 128_000}, "long_context", None),
        ({"corpus_tokens": 20_000, "window_tokens": 8_000}, "retrieval", None),
        ({"corpus_tokens": 90_000, "window_tokens": 128_000}, "retrieval", None),
        ({"must_cite": True}, "retrieval", "cite"),
        ({"situation": "retrieval"}, "measure", None),
    ],
)
def test_retrieval_where_it_is_right_and_only_there(facts: Facts, lever: str, avoid: str | None) -> None:
    answer = of("unknown_facts", **facts)
    assert answer.lever == lever and "facts" in answer.avoid
    assert avoid is None or avoid in answer.avoid


def test_a_passage_that_does_not_help_shows_that_facts_are_not_missing() -> None:
    assert of("wrong_in_domain", gold_helps=False).lever == "prompt"
    assert of("wrong_in_domain", gold_helps=True).lever == of("wrong_in_domain").lever == "retrieval"
    assert "gold_helps" in of("wrong_in_domain", sources="documents").measure


def test_reranking_takes_a_budget_that_holds_it() -> None:
    assert of("wrong_documents", latency_ms=3_000).lever == "reranking"
    assert of("wrong_documents", latency_ms=900).lever == "retrieval"
    assert "no time to rerank" in of("wrong_documents", latency_ms=900).avoid
    assert of("wrong_documents", recall=0.95).lever == "prompt"


def test_rules_stand_for_what_must_be_right_and_after_structure() -> None:
    assert of("must_be_right").lever == "rules"
    assert of("broken_format").lever == "structure"
    assert of("broken_format", structure_tried=True).lever == "rules"
    assert ready("broken_format", format_failing=0.001).lever == "rules"


def test_no_model_comes_before_any_model_where_words_may_decide() -> None:
    assert of(situation="nothing", output="labels").lever == "no_model"
    assert of(situation="nothing", output="labels", plain="short").lever == "prompt"
    assert of("wrong_tone", output="labels", plain="enough").levers == ("no_model",)


def test_caching_comes_before_a_prompt_is_trained_away_and_saves_no_quality() -> None:
    assert ready("dear_prompt", caching=False).lever == "caching"
    assert ready("dear_prompt", prompt_stable=False).lever == "prompt"
    assert ready("context_pressure", prompt_tokens=60_000).lever == "fine_tuning"
    assert not ready("dear_prompt", prompt_tokens=1_000).tunes


def test_several_layers_come_light_to_heavy_and_each_has_to_prove_its_part() -> None:
    answer = ready("unknown_facts wrong_tone must_be_right", each_layer_measured=None)
    assert answer.levers == ("retrieval", "rules", "fine_tuning")
    assert answer.combined and "each_layer_measured" in answer.measure
    assert "unmeasured layers" in ready("unknown_facts wrong_tone", each_layer_measured=False).avoid


def test_what_the_use_accepts_is_left_alone_but_its_cost_is_not() -> None:
    assert ready("wrong_tone", failing=0.02, accepted=0.02).levers == ("stop",)
    assert ready("wrong_tone high_cost", failing=0.02, accepted=0.02).levers == ("distillation",)


# §5: counts

COUNTS = [
    ("broken_format", "clean_pairs", "narrow", 200),
    ("wrong_tone", "clean_pairs", "lora", 500),
    ("wrong_documents", "question_pairs", "embedding", 1_000),
    ("high_cost", "clean_pairs", "distillation", 500),
]


@pytest.mark.parametrize(("signal", "fact", "approach", "least"), COUNTS)
def test_the_minimum_of_each_approach_is_the_one_that_readiness_holds_a_task_to(
    signal: str, fact: str, approach: Any, least: int
) -> None:
    assert MINIMA[approach].rows == least
    enough, short = ready(signal, **{fact: least}), ready(signal, **{fact: least - 1})
    assert enough.approach == approach and enough.tunes and not short.tunes
    assert [g.name for g in short.gates if not g.held] == ["clean pairs"]


def test_all_weights_are_never_tuned_under_five_thousand_examples() -> None:
    assert "all weights" in ready("wrong_tone", clean_pairs=4_999).avoid
    assert "all weights" not in ready("wrong_tone", clean_pairs=5_000).avoid


# §9: where to start

SITUATIONS = [
    ("nothing", {}, "prompt", "two to three weeks of serious prompting and a golden set of 50 to 100"),
    ("retrieval", {}, "measure", "failures to find from failures to answer"),
    ("tuned", {}, "measure", "production requests to the tuned model and to an untuned"),
]


@pytest.mark.parametrize(("situation", "facts", "lever", "says"), SITUATIONS)
def test_each_situation_has_its_first_step(situation: str, facts: Facts, lever: str, says: str) -> None:
    answer = of(situation=situation, output="text", **facts)
    assert answer.lever == lever and says in row(answer).next and row(answer).source.endswith("§9")


def row(answer: Answer) -> Any:
    name = answer.steps[0].row
    return next(r for topic in (CASE, START, *TOPICS) for r in topic.rows if r.name == name)


def test_a_tuned_model_that_decays_is_put_beside_an_untuned_one() -> None:
    assert of("decays", situation="tuned").lever == "measure" and "base_ahead" in of("decays").measure
    behind = of("decays", situation="tuned", base_ahead=True)
    assert behind.lever == "prompt" and "data has drifted" in row(behind).why


def test_closed_models_for_prompts_and_retrieval_open_ones_for_a_narrow_tune() -> None:
    assert says("prompt", "closed model") and says("retrieval", "closed model")
    assert says("fine_tuning", "An open model with LoRA does one narrow task at about a twentieth")


def says(lever: str, text: str) -> bool:
    return any(text in note.text for note in LEVERS[lever].notes)


# §10: the fifteen questions of C's quiz

PROMPTED = {"situation": "prompt", "output": "text", "defined": True, "prompts_tried": 3}


def test_question_1_medical_terms_stay_wrong_after_several_prompts() -> None:
    answer = of("vocabulary", **PROMPTED)
    assert answer.lever == "retrieval" and "at the time of the question" in row(answer).next


@pytest.mark.parametrize(
    ("who", "facts", "tunes"),
    [
        ("the same document types for 18 months", {"stable_months": 18}, True),
        ("different ideas every week", {"stable_months": 0.25}, False),
        ("fifty shifting intents", {"stable_months": 2, "reviewed": False}, False),
        ("creative experiments", {"defined": False}, False),
    ],
)
def test_question_2_the_ideal_candidate(who: str, facts: Facts, tunes: bool) -> None:
    assert ready("small_model_short", **facts).tunes == tunes


def test_question_3_lora_is_preferred_wherever_tuning_is_justified() -> None:
    assert "LoRA" in LEVERS["fine_tuning"].title and says("fine_tuning", "changes a small share of the weights")


@pytest.mark.parametrize("question", [4, 15])
def test_questions_4_and_15_prompt_work_slows_after_tuning(question: int) -> None:
    assert says("fine_tuning", "every change of the prompt has to be evaluated against the tuned model")
    assert says("distillation", "minutes become a pipeline")


def test_question_5_the_use_case_changes_every_two_or_three_months() -> None:
    answer = ready("wrong_tone", stable_months=2.5)
    assert answer.levers == ("examples",) and "moving task" in answer.avoid
    assert ready("unknown_facts", stable_months=2.5).levers == ("retrieval",)


def test_question_6_labelled_data_must_be_clean_and_many() -> None:
    assert not ready("wrong_tone", clean_pairs=100).tunes and not ready("wrong_tone", reviewed=False).tunes


def test_question_7_prompting_is_fast_and_tuning_slow() -> None:
    assert LEVERS["prompt"].result == "hours to days" and LEVERS["fine_tuning"].result == "weeks to months"
    assert says("prompt", "fast and nearly free to change")


def test_question_8_what_to_ask_first() -> None:
    answer = of(situation="prompt", output="text", defined=True, clean_pairs=5_000, owner=True, prompts_tried=0)
    assert answer.lever == "prompt" and "is prompting exhausted, and which failures are left" in row(answer).why
    asked = of("wrong_tone", output="text", defined=True).measure
    assert asked.index("prompts_tried") < asked.index("clean_pairs")


def test_question_9_85_percent_with_a_prompt() -> None:
    answer = of(failing=0.15, **PROMPTED)
    assert answer.lever == "measure" and answer.measure[0] == "accepted"
    assert "whether the rest may stay wrong, and whether tuning would measurably beat" in row(answer).next


def test_question_10_retrieval_adds_documents_when_the_question_comes() -> None:
    assert says("retrieval", "added to the prompt when a question comes; the model's weights stay as they are")


def test_question_11_poor_data_are_amplified() -> None:
    answer = ready("wrong_tone", reviewed=False)
    poor = next(wrong for wrong in AVOID if wrong.name == "poor data")
    assert not answer.tunes and "poor data" in answer.avoid and "amplifies" in poor.why


def test_question_12_a_tone_that_wavers_is_told_so() -> None:
    answer = of("wrong_tone", situation="prompt", output="text", prompts_tried=0)
    assert answer.lever == "prompt" and "which tone is wanted" in row(answer).next and "style" in answer.avoid


def test_question_13_a_new_skill_and_nothing_to_look_up() -> None:
    answer = of("missing_skill", **PROMPTED)
    assert "nothing to find" in answer.avoid and answer.steps[0].heads_to == "fine_tuning"
    assert ready("missing_skill").lever == "fine_tuning"


def test_question_14_a_vague_use_case() -> None:
    assert of("wrong_tone", defined=False).levers == ("define",)


# The table itself


def test_every_statement_names_its_section_and_every_name_leads_somewhere() -> None:
    rows = [r for topic in (CASE, START, *TOPICS) for r in topic.rows]
    assert len({r.name for r in rows}) == len(rows) > 50
    told = [*rows, *AVOID, *FACTS.values(), *SIGNALS.values(), *LEVERS.values()]
    told += [note for lever in LEVERS.values() for note in lever.notes]
    assert all(one.source.startswith("docs/framework.md §") for one in told)
    assert {r.lever for r in rows} == {*LEVERS}
    assert {t.heads_to for t in (CASE, START, *TOPICS)} <= {*LEVERS}
    read = {name for sign in SIGNALS for t in TOPICS if sign in str(t.when) for name in [sign]}
    assert read == {*SIGNALS}, "a signal that no topic looks at"


def test_levers_weigh_more_as_they_come_later() -> None:
    weights = [lever.weight for lever in LEVERS.values()]
    assert weights == sorted(weights) and len(set(weights[2:])) == len(weights) - 2
