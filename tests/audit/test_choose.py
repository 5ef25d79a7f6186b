"""The requests to label: most drawn blindly, the others for a reason, none twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from audit.made import SYSTEM, call, traffic

from suffice.audit.choose import choose, confidence, stages
from suffice.audit.collect import Collector
from suffice.exchange import Exchange
from suffice.types import Message


def collected(calls: Iterator[Exchange]) -> Collector:
    made = Collector()
    for one in calls:
        made.add(one)
    return made


def mixed() -> Iterator[Exchange]:
    for at, one in enumerate(traffic(1_000)):
        if at % 50 == 0:
            asked = f"{one.messages[-1].content} in German please number {at}"
            failing = replace(one, messages=(one.messages[0], Message("user", asked)))
            yield replace(failing, reply=Message("assistant", "I'm sorry, but I can't help with that."))
        elif at % 40 == 1:
            yield replace(one, reply=Message("assistant", "I am not sure, it might be Monday."))
        else:
            yield one


def test_three_in_five_are_blind_and_the_rest_have_reasons() -> None:
    found = choose(collected(mixed()), "model", 60)
    why = [p.why for p in found.picked]
    assert len(why) == 60 and why.count("random") == 36
    assert why.count("failing") == 8 and why.count("uncertain") == 8 and why.count("diverse") == 8
    assert found.prompt == SYSTEM and all(isinstance(p.input, str) for p in found.picked)
    inputs = [p.input for p in found.picked]
    assert len(set(inputs)) == 60
    assert all("German" in p.input for p in found.picked if p.why == "failing")
    assert all("hedges" in p.detail for p in found.picked if p.why == "uncertain")


def test_the_blind_part_is_no_richer_in_failures_than_the_traffic() -> None:
    shares = []
    for seed in range(10):
        made = Collector(seed=seed)
        for one in mixed():
            made.add(one)
        blind = [p for p in choose(made, "model", 100, seed=seed).picked if p.why == "random"]
        shares.append(sum(bool(p.sample.flag) for p in blind) / len(blind))
    assert 0.002 < sum(shares) / len(shares) < 0.045


def test_conversations_are_kept_whole_and_what_cannot_be_told_is_counted() -> None:
    told, turns = Message("system", SYSTEM), (Message("user", "Hello"), Message("assistant", "Hi."))
    tool = (Message("user", "Hello"), Message("tool", "42"), Message("user", "And?"))
    calls = [
        *(
            replace(call(f"t{n}"), messages=(Message("system", SYSTEM), *turns[:2], Message("user", f"Q {n}")))
            for n in range(6)
        ),
        replace(call("tool"), messages=(told, *tool)),
        call("other", "fine", system="Another prompt."),
        call("empty", " "),
        call("twin", "Q one"),
        call("twin2", "q ONE!"),
    ]
    found = choose(collected(iter(calls)), "model", 10)
    assert any(isinstance(p.input, list) and p.input[-1] == {"role": "user", "content": "Q 1"} for p in found.picked)
    assert found.left_out["its history holds calls of tools"] == 1
    assert found.left_out["another system prompt than most"] == 1
    assert found.left_out["it does not end with a user's turn"] == 1
    assert found.left_out["reads like another one"] == 1


def test_where_each_call_has_its_own_prompt_it_stands_in_the_input() -> None:
    found = choose(collected(call(str(n), f"q {n}", system=f"You help customer {n}.") for n in range(20)), "model", 10)
    assert found.prompt == "" and all(p.input[0]["role"] == "system" for p in found.picked)


def test_the_same_seed_chooses_the_same() -> None:
    one, other = (choose(collected(mixed()), "model", 40, seed=5) for _ in range(2))
    assert [p.input for p in one.picked] == [p.input for p in other.picked]


def test_unsure_tokens_are_found_where_openai_logs_them() -> None:
    def sure(at: int, one: Exchange) -> Exchange:
        tokens = [{"token": "a", "logprob": -1.5 if at % 100 == 0 else -0.01}]
        return replace(one, extra={"choices": [{"logprobs": {"content": tokens}}], "other": "x" * 1_000})

    found = choose(collected(sure(at, one) for at, one in enumerate(traffic(400))), "model", 30)
    unsure = [p for p in found.picked if p.why == "uncertain"]
    assert unsure and all("22% on average" in p.detail for p in unsure)


def test_the_busiest_stage_comes_first() -> None:
    calls = [*(call(str(n), name="b") for n in range(5)), *(call(f"a{n}", name="a") for n in range(3))]
    assert stages(collected(iter(calls))) == ["b", "a"]


def test_confidence_is_read_from_what_logs_hold() -> None:
    assert (
        confidence({"logprobs": {"content": [{"token": "a", "logprob": 0.0}, {"token": "b", "logprob": 0.0}]}}) == 1.0
    )
    low = confidence({"logprobs": [-1.0, -2.0]})
    assert low is not None and 0.2 < low < 0.23
    assert confidence({}) is None and confidence({"logprob": "x"}) is None
