"""Streamed: a reply read token by token, so that it can end as soon as enough was said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..types import Json


def streamed(lane: Any, payload: Json, enough: Callable[[bytes], bool]) -> Json:
    """One chat completion in the form of one that was not streamed; it ends where `enough` says so of its bytes.

    `payload` asks for log-probabilities: they hold the bytes. Where a reply ended by itself, the stream does not tell
    how likely its end was, so it is asked for again whole; its prompt is read once all the same. So it is where an
    engine sends no timings with its chunks, which say what was read and written.
    """
    chunks: list[Json] = []
    said = bytearray()

    def take(chunk: Json) -> bool:
        chunks.append(chunk)
        said.extend(b for token in _tokens(chunk) for b in token["bytes"])
        return enough(bytes(said))

    lane.handle_chat_completions({**payload, "stream": True, "timings_per_token": True}, take)
    if any("error" in chunk for chunk in chunks):
        return next(chunk for chunk in chunks if "error" in chunk)
    timings = next((chunk["timings"] for chunk in reversed(chunks) if "timings" in chunk), None)
    if timings is not None and enough(bytes(said)):
        return _whole(chunks, timings)
    again = lane.handle_chat_completions(payload)
    return _after(timings, again) if timings is not None and "timings" in again else again


def _whole(chunks: list[Json], timings: Json) -> Json:
    """The chunks as one reply."""
    choices = [choice for chunk in chunks for choice in chunk.get("choices", ())]
    content = "".join(choice["delta"].get("content") or "" for choice in choices)
    tokens = [token for chunk in chunks for token in _tokens(chunk)]
    choice = {"message": {"content": content}, "logprobs": {"content": tokens}, "finish_reason": "stop"}
    usage = {
        "prompt_tokens": timings["cache_n"] + timings["prompt_n"],
        "completion_tokens": timings["predicted_n"],
        "prompt_tokens_details": {"cached_tokens": timings["cache_n"]},
    }
    return {"choices": [choice], "usage": usage, "timings": timings}


def _after(first: Json, again: Json) -> Json:
    """A reply that was asked for a second time: what was read from the cache, and all the time that it took."""
    took = {key: first[key] + again["timings"][key] for key in ("prompt_ms", "predicted_ms")}
    usage = {**again["usage"], "prompt_tokens_details": {"cached_tokens": first["cache_n"]}}
    return {**again, "usage": usage, "timings": {**again["timings"], **took}}


def _tokens(chunk: Json) -> list[Json]:
    return [t for choice in chunk.get("choices", ()) for t in (choice.get("logprobs") or {}).get("content") or ()]
