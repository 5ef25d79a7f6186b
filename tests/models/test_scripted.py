"""The scripted model says what it is told to, and fails as it is told to."""

from __future__ import annotations

import subprocess
import sys

import pytest

from suffice.errors import InputError, ModelError
from suffice.models.scripted import Scripted
from suffice.plugins import build
from suffice.types import Answer, Request


def test_a_mapping_answers_the_input_or_the_longest_key_in_it() -> None:
    model = Scripted({"hi": "hello", "hi there": "hello you"})
    assert model(Request("hi")).text == "hello"
    assert model(Request("Say: hi there!")).text == "hello you"
    assert model.calls == 2


def test_what_is_not_scripted_is_refused_or_answered_otherwise() -> None:
    with pytest.raises(ModelError, match="nothing is scripted for `what`") as refused:
        Scripted({})(Request("what"))
    assert (refused.value.fault, refused.value.retryable) == ("refused", False)
    assert Scripted({}, otherwise="?")(Request("what")).text == "?"


def test_a_list_is_said_in_order_errors_included() -> None:
    model = Scripted(["a", ModelError("down", fault="timeout", retryable=True), Answer("b", confidence=0.5)])
    assert model(Request("1")).text == "a"
    with pytest.raises(ModelError, match="down"):
        model(Request("2"))
    assert model(Request("3")).confidence == 0.5


def test_a_function_hears_the_request() -> None:
    assert Scripted(lambda request: request.input.upper())(Request("hi")).text == "HI"


def test_faults_come_at_their_rates_and_the_same_again() -> None:
    def faults() -> list[str]:
        model, seen = Scripted({}, otherwise="x", faults={"rate_limited": 0.2, "dropped": 0.1}), []
        for number in range(500):
            try:
                model(Request(str(number)))
            except ModelError as wrong:
                seen.append(f"{number}:{wrong.fault}:{wrong.billed}")
        return seen

    first = faults()
    assert first == faults()
    assert 60 < sum("rate_limited:False" in f for f in first) < 140
    assert 25 < sum("dropped:True" in f for f in first) < 75
    with pytest.raises(InputError, match="no fault is called `flood`"):
        Scripted({}, faults={"flood": 1.0})


def test_a_mapping_is_rebuilt_from_its_spec() -> None:
    model = Scripted({"a": "b"}, otherwise="c", usd=0.1)
    again = build("models", model.spec)
    assert (again, again.digest) == (model, model.digest)


def test_a_function_has_the_same_digest_in_every_process() -> None:
    code = (
        "from suffice.models.scripted import Scripted\n"
        "def make(suffix): return lambda r: ''.join(c for c in r.input if c in {'a', 'b'}) + suffix\n"
        "print(Scripted(make('!')).digest, Scripted(make('?')).digest)"
    )
    told = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout for _ in range(2)]
    assert told[0] == told[1]
    first, second = told[0].split()
    assert first != second
