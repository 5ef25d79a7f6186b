"""The whole audit: what it counts is what is there, and what it keeps does not grow."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import pytest
from audit.made import SCHEMA, SYSTEM, call, traffic

from suffice.audit import audit
from suffice.audit.collect import HELD_CHARS, SAMPLED, Collector
from suffice.audit.conclude import conclude
from suffice.audit.found import Audit, body_of
from suffice.exchange import Exchange
from suffice.types import Message, Tool, ToolCall, Usage


def sign(found: Audit, name: str) -> tuple[int, int]:
    one = next(s for s in found.signs if s.name == name)
    return one.count, one.n


def test_of_nothing_there_is_nothing_to_say() -> None:
    found = audit([])
    assert found.calls == 0 and found.headline == "No call of a model was found in this log."
    assert found.clusters == () and found.advice == () and found.prefix.usable is None
    json.dumps(body_of(found), allow_nan=False)


def test_signs_are_counted_as_they_are() -> None:
    calls = [
        *(call(str(n), f"question {n}", '{"a": 1}', schema=SCHEMA) for n in range(90)),
        call("around", "x", 'Sure: {"a": 1}', schema=SCHEMA),
        call("schema", "y", '{"a": "one"}', schema=SCHEMA),
        call("cut", "z", '{"a": 1', schema=SCHEMA, finish="length"),
        call("no", "w", "I'm sorry, but I can't help with that.", finish="stop"),
        call("failed", "v", None, error="429 rate limit"),
    ]
    found = audit(calls)
    assert found.calls == 95
    assert sign(found, "format") == (3, 93) and sign(found, "truncated") == (1, 94)
    assert sign(found, "refused") == (1, 94) and sign(found, "errors") == (1, 95)
    kinds = next(s for s in found.signs if s.name == "format").kinds
    assert dict(kinds) == {"text around it": 1, "breaks its schema": 1, "cut off": 1}
    assert found.lenient is not None and (found.lenient.fixed, found.lenient.n) == (1, 3)


def test_json_that_only_words_ask_for_is_counted_apart() -> None:
    prompt = "Classify the text. Reply with a JSON object and nothing else."
    calls = [
        call(str(n), f"q{n}", '```json\n{"a": 1}\n```' if n < 10 else '{"a": 1}', system=prompt) for n in range(40)
    ]
    found = audit(calls)
    assert sign(found, "worded_format") == (10, 40) and sign(found, "format") == (0, 0)
    assert found.lenient is not None and found.lenient.fixed == 10
    assert any(one.row == "M2" and "structured output on" in one.first for one in found.advice)


def test_tool_calls_are_held_against_their_tools() -> None:
    tool = Tool("search", "", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})

    def calls(name: str, arguments: dict[str, object], id_: str) -> Exchange:
        reply = Message("assistant", "", (ToolCall(name, arguments),))
        return replace(call(id_), reply=reply, tools=(tool,), finish="tool_calls")

    good = [calls("search", {"n": n}, f"g{n}") for n in range(8)]
    found = audit([*good, calls("search", {"n": "two"}, "b1"), calls("seek", {}, "b2")])
    assert sign(found, "tools") == (2, 10) and sign(found, "empty") == (0, 10)


def test_what_people_marked_down_is_a_sign_of_those_that_have_a_score() -> None:
    scores = [1.0] * 30 + [0.0] * 10
    found = audit([*(call(f"s{n}", f"q{n}", score=one) for n, one in enumerate(scores)), call("none", "other")])
    assert sign(found, "marked_down") == (10, 40) and found.scored_n == 40
    assert found.scored is not None and found.scored.estimate == 0.75
    assert "40 of 41 calls have a score in the log: 0.75 on average" in found.notes
    assert any("marked down" in one.signal for one in found.advice) and found.clusters[0].signs == {"marked_down": 10}


def test_retries_of_what_failed_are_told() -> None:
    failed = call("1", "again", None, error="timeout")
    found = audit([failed, replace(failed, id="2"), call("3", "again", "Here."), call("4", "other", "Fine.")])
    assert "2 calls repeat one that had failed; 1 of them then succeeded" in found.notes


def test_costs_are_those_of_the_log_or_list_prices() -> None:
    usage = Usage(1_000_000, 0)
    found = audit([call("1", cost=0.5), call("2", usage=Usage(10_000, 1_000)), call("3", model="nobody-knows")])
    assert (found.cost.logged, found.cost.listed, found.cost.unpriced) == (1, 1, 1)
    assert found.cost.usd == pytest.approx(0.5 + 10_000 * 0.15e-6 + 1_000 * 0.60e-6)
    assert audit([call("1", usage=usage)]).cost.usd == pytest.approx(0.15)


def test_stages_have_their_own_times_and_models_are_counted() -> None:
    calls = [
        *(call(str(n), name="triage", ms=100.0 + n) for n in range(100)),
        *(call(f"w{n}", name="write", ms=2_000.0, model="gpt-4o", finish="length") for n in range(10)),
        *(Exchange(f"s{n}", kind="retrieval", name="search", ms=50.0) for n in range(20)),
    ]
    found = audit(calls)
    by_name = {stage.name: stage for stage in found.stages}
    assert by_name["triage"].ms is not None
    assert by_name["triage"].ms.p50.estimate == pytest.approx(150, rel=0.02)
    assert by_name["write"].failing == 10 and by_name["triage"].failing == 0
    assert by_name["search"].kind == "retrieval" and found.others == {"retrieval": 20}
    assert found.calls == 110 and found.models == {"gpt-4o-mini": 100, "gpt-4o": 10}
    assert sum(stage.ms_share or 0 for stage in found.stages) == pytest.approx(1)


def test_a_stable_prompt_is_cacheable_and_priced() -> None:
    found = audit(traffic(300, every=20.0))
    assert found.prefix.usable is not None and 0.85 < found.prefix.usable < 1
    assert found.prefix.usd is not None and found.prefix.usd > 0 and found.prefix.unstable == ()
    assert any(one.row == "M6" and one.first.startswith("prompt caching") for one in found.advice)


def test_a_date_at_the_top_of_the_prompt_is_found() -> None:
    dated = [call(str(n), f"q{n}", system=f"It is minute {n}.\n{SYSTEM}", time=1.7e9 + n) for n in range(60)]
    found = audit(dated)
    (broken,) = found.prefix.unstable
    assert broken.same > 0.9 and broken.prefix < 0.05 and "minute" in broken.where
    assert found.prefix.usable is not None and found.prefix.usable < 0.05


def test_a_cache_that_is_used_already_saves_nothing_more() -> None:
    calls = [replace(c, usage=Usage(1_300, 20, 1_250)) for c in traffic(300, every=20.0)]
    found = audit(calls)
    assert found.prefix.usd == pytest.approx(0.0, abs=1e-4)
    assert not any(one.first.startswith("prompt caching") for one in found.advice)


def test_nothing_is_cached_for_longer_than_five_minutes_or_shared_by_models() -> None:
    rare = audit(traffic(50, every=3_600.0)).prefix
    assert rare.share is not None and rare.share > 0.8 and rare.soon == 0 and rare.usable == 0
    models = [replace(c, model=f"m{n}") for n, c in enumerate(traffic(50, every=1.0))]
    assert audit(models).prefix.share == 0


def test_prompts_are_taken_apart() -> None:
    shot = (Message("user", "Solved question"), Message("assistant", "Solved answer"))
    calls = []
    for n in range(40):
        asked = (
            f"<context>{'passage text ' * 20}{n}</context>\nPlease answer the customer in one sentence.\nQuestion {n}"
        )
        calls.append(replace(call(str(n)), messages=(Message("system", "x" * 500), *shot, Message("user", asked))))
    shares = {part.name: part.share for part in audit(calls).anatomy}
    assert set(shares) == {"system", "examples", "passages", "instructions", "user"}
    assert sum(shares.values()) == pytest.approx(1) and shares["system"] > shares["passages"] > shares["user"]


def test_two_audits_of_one_log_are_the_same() -> None:
    assert audit(traffic(2_500), seed=3) == audit(traffic(2_500), seed=3)


def test_the_same_request_with_other_replies_is_told() -> None:
    calls = [call(str(n), "the same", f"reply {n % 2}") for n in range(10)]
    found = audit(calls).repeated
    assert found is not None and (found.distinct, found.again, found.differing) == (1, 9, 5)
    assert found.basis == "exact" and found.most[0][0] == 10


def test_hostile_numbers_and_times_are_survived() -> None:
    odd = [
        call("1", time=1e30, ms=-5.0, usage=Usage(0, 0)),
        call("2", time=-1.0, ms=float(10**12), usage=Usage(10**12, 5)),
        call("3", "", ""),
        Exchange("4"),
        call("5", "\ud800 lone", "\ud800"),
        call("6", schema={"type": "nonsense"}, said='{"a": 1}'),
    ]
    json.dumps(body_of(audit(odd)), allow_nan=False)


def test_memory_stays_where_it_is_however_long_the_log() -> None:
    """Long texts, ever new names, models and reasons: 6,000 calls hold hardly more than 3,000."""
    collected, sizes = Collector(), []
    tracemalloc.start()
    try:
        for n, one in enumerate(traffic(6_000)):
            text = f"{n} " * 4_000
            collected.add(
                replace(
                    one,
                    name=f"n{n}",
                    model=f"m{n}",
                    error=text[:3000] if n % 7 == 0 else "",
                    reply=Message("assistant", text),
                )
            )
            collected.skip(f"reason {n}")
            if n in (2_999, 5_999):
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[1] - sizes[0] < 4e6
    assert collected.held <= HELD_CHARS * 1.1 and len(collected.sample.items) == SAMPLED
    assert len(collected.stages) <= 102 and len(collected.unusable) <= 41
    assert conclude(collected).calls == 6_000


def test_a_log_of_sizes_alone_tells_of_traffic_alone() -> None:
    sizes = [Exchange(str(n), time=1.7e9 + n, usage=Usage(500 if n % 2 else 1_500, 10)) for n in range(100)]
    found = audit(sizes)
    assert "tells of traffic alone" in found.headline and all(sign.n == 0 for sign in found.signs)
    assert found.traffic.output_tokens is not None and found.traffic.output_tokens.total == 1_000
    assert "hold 75% of all prompt tokens" in found.prefix.how


def test_steps_of_a_trace_that_differ_by_their_number_are_one_stage() -> None:
    steps = [Exchange(f"s{n}", kind="other", name=f"agent.step-{n}", ms=5.0) for n in range(60)]
    assert [(s.name, s.calls) for s in audit(steps).stages] == [("agent.step", 60)]
    two = [Exchange(f"s{n}", kind="other", name=f"gpt-{n % 2 + 3}", ms=5.0) for n in range(10)]
    assert len(audit(two).stages) == 2


def test_a_call_that_is_told_inside_another_counts_once() -> None:
    around, inside = call("outer", trace="t"), call("inner", trace="t", parent="outer")
    assert audit([around, inside]).calls == 1 and audit([inside, around]).calls == 1
    assert audit([around, call("apart", "else", trace="t", parent="tool")]).calls == 2
