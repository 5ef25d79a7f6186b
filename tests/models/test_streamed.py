"""A label is read token by token and no further than it takes to tell it from all others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from models import tiny

from suffice.errors import ModelError
from suffice.models._labels import labels_of, only
from suffice.models._streamed import streamed
from suffice.models.embedded import Embedded, _answer
from suffice.types import Answer, Request, Sampling

LABELS = ("refund the card", "refund a parcel", "no", "not now", "übermorgen", "überhaupt")
ASKED = tuple(
    Request(f"{word} {n}?", schema={"enum": list(LABELS)}) for n in range(6) for word in ("who", "how", "lost", "gone")
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Embedded:
    return Embedded(gguf=str(tiny.gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf")), context=512, slots=1)


def whole(model: Embedded, request: Request) -> Answer:
    """The same reply, read to its end."""
    return _answer(model._engine().chat(model.payload(request)), labels_of(request.schema))


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (b"", None),
        (b"n", None),
        (b"no", None),
        (b"not", "not now"),
        (b"refund ", None),
        (b"refund a", "refund a parcel"),
        ("über".encode()[:1], None),
        ("überm".encode(), "übermorgen"),
        (b"x", None),
    ],
)
def test_what_alone_can_still_come_out(said: bytes, left: str | None) -> None:
    assert only(said, LABELS) == left


def test_it_is_the_label_that_would_have_come_out_in_fewer_tokens(model: Embedded) -> None:
    early, full = [[ask(request) for request in ASKED] for ask in (model, lambda r: whole(model, r))]
    assert [a.text for a in early] == [a.text for a in full] and {a.text for a in early} <= set(LABELS)
    assert len({a.text for a in early}) > 1
    assert all(a.usage.output_tokens <= b.usage.output_tokens for a, b in zip(early, full, strict=True))
    assert sum(a.usage.output_tokens for a in early) < 0.7 * sum(b.usage.output_tokens for b in full)
    assert [a.usage.input_tokens for a in early] == [b.usage.input_tokens for b in full]
    for a, b in zip(early, full, strict=True):
        assert a.logprobs == pytest.approx(b.logprobs[: len(a.logprobs)], abs=1e-4) and a.status == "ok"
        assert (a.confidence or 0) >= (b.confidence or 0) - 1e-4, "what follows is certain"


def test_a_label_that_begins_another_is_as_likely_as_in_a_whole_reply(model: Embedded) -> None:
    """Only its end tells it apart, and how likely that is."""
    for request in (replace(r, schema={"enum": ["the", "then"]}) for r in ASKED):
        early, full = model(request), whole(model, request)
        assert (early.text, early.status, early.logprobs) == (full.text, full.status, full.logprobs) or (
            early.text == "then"
        )
        assert early.confidence == pytest.approx(full.confidence, abs=1e-4)
        assert early.usage.input_tokens == full.usage.input_tokens


def test_the_next_request_is_answered_as_if_the_one_before_had_ended(model: Embedded) -> None:
    free = Request("who is lost?", sampling=Sampling(max_tokens=8))
    alone = model(free)
    for request in ASKED[:5]:
        model(request)
        assert model(free).text == alone.text


def test_a_reply_that_may_stop_at_a_word_is_read_to_its_end(model: Embedded) -> None:
    stopping = replace(ASKED[0], sampling=Sampling(max_tokens=64, stop=("zzz",)))
    assert model(stopping).usage.output_tokens == whole(model, stopping).usage.output_tokens


def test_a_label_that_has_no_room_is_truncated(model: Embedded) -> None:
    short = replace(
        ASKED[0], schema={"enum": ["refund the card", "refund the parcel"]}, sampling=Sampling(max_tokens=3)
    )
    assert model(short).status == "truncated"


class Untimed:
    """An engine that streams no timings."""

    def handle_chat_completions(self, payload: Any, take: Any = None) -> Any:
        tokens = [{"token": "no", "bytes": list(b"not"), "logprob": -0.1}]
        if take is None:
            return {"choices": [{"message": {"content": "not now"}}], "usage": {}}
        take({"choices": [{"delta": {"content": "not"}, "logprobs": {"content": tokens}}]})
        return None


def test_an_engine_that_streams_no_timings_is_asked_for_the_whole_reply() -> None:
    reply = streamed(Untimed(), {}, lambda said: only(said, LABELS) is not None)
    assert reply == {"choices": [{"message": {"content": "not now"}}], "usage": {}}


def test_what_the_engine_declines_is_an_error(model: Embedded) -> None:
    with pytest.raises(ModelError, match="context"):
        model(replace(ASKED[0], input="who " * 600))
