"""Demonstrations in tokens: the prompt as the engine sees it when asked, then the reply and the end of its turn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..demonstrations import Demonstration
from ..errors import InputError
from ..toolwords import told, written
from ..turnmarks import inert
from ..types import Json, Message, Tool

MARK = "\u2042mark\u2042"


@dataclass(frozen=True, slots=True)
class Row:
    """A demonstration in tokens: the prompt, then from `start` on the reply, which alone is learned."""

    id: str
    tokens: tuple[int, ...]
    start: int


class Chat:
    """A base's tokenizer and chat template."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        if not self._tokenizer.chat_template:
            raise InputError(
                "this base has no chat template, so it does not say how a conversation is written",
                file=str(folder),
                hint="take an instruction-tuned model",
            )
        self.end = self._end_of_turn()

    def rows(self, demonstrations: Sequence[Demonstration], *, longest: int) -> list[Row]:
        """All of them in tokens; one that is longer than `longest` is an error that names it: nothing is cut."""
        prompts = self._encoded([self.prompt(d.messages, d.tools) for d in demonstrations])
        replies = self._encoded([self.reply(d.reply, d.tools) for d in demonstrations])
        found = [
            Row(d.id, (*prompt, *reply, *self.end), len(prompt))
            for d, prompt, reply in zip(demonstrations, prompts, replies, strict=True)
        ]
        if over := [row for row in found if len(row.tokens) > longest]:
            named = ", ".join(f"{row.id} ({len(row.tokens)})" for row in over[:5])
            raise InputError(
                f"{len(over)} of {len(found)} demonstrations are longer than {longest} tokens: {named}",
                hint="leave them out, or raise the recipe's `longest`; nothing is cut silently",
            )
        return found

    def prompt(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> str:
        """The conversation as the engine writes it before the reply begins."""
        if tools and not self._takes_tools:
            messages, tools = told(messages, tools), ()
        return self._written(messages, tools)

    def reply(self, message: Message, tools: Sequence[Tool] = ()) -> str:
        """The reply as the model would write it, without the end of its turn. Turn marks in its text are only text."""
        if not message.tool_calls:
            return inert(message.content)
        if not self._takes_tools:
            return inert("\n".join(filter(None, (message.content, written(message.tool_calls)))))
        asked = (Message("user", MARK),)
        before, after = self._written(asked, tools), self._written((*asked, message), tools, more=False)
        if not after.startswith(before):
            raise InputError("the base's chat template does not write a tool call after its generation prompt")
        return after.removeprefix(before).split(self._text(self.end))[0]

    @property
    def _takes_tools(self) -> bool:
        """Whether the template has a place for tools."""
        return MARK in self._written((Message("user", "?"),), (Tool(MARK),))

    def _written(self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, more: bool = True) -> str:
        text: str = self._tokenizer.apply_chat_template(
            [_message(m) for m in messages],
            tools=[_tool(t) for t in tools] or None,
            tokenize=False,
            add_generation_prompt=more,
        )
        return text

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        found: list[list[int]] = self._tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
        return found

    def _text(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(tokens))
        return text

    def _end_of_turn(self) -> tuple[int, ...]:
        """The special token that the template writes after a reply; otherwise the end of the text."""
        after = self._written((Message("user", "?"), Message("assistant", MARK)), more=False).split(MARK)[-1]
        first = self._encoded([after])[0][:1]
        special = set(self._tokenizer.all_special_ids) | set(self._tokenizer.added_tokens_decoder)
        return tuple(first) if first and first[0] in special else (self._tokenizer.eos_token_id,)


def _message(message: Message) -> dict[str, Json]:
    body: dict[str, Json] = {"role": message.role, "content": inert(message.content)}
    if message.tool_calls:
        calls = [{"name": c.name, "arguments": dict(c.arguments)} for c in message.tool_calls]
        body["tool_calls"] = [
            {"id": c.id, "type": "function", "function": f} for c, f in zip(message.tool_calls, calls, strict=True)
        ]
    return body


def _tool(tool: Tool) -> dict[str, Json]:
    described = {
        "name": tool.name,
        "description": tool.description,
        "parameters": json.loads(json.dumps(dict(tool.parameters))),
    }
    return {"type": "function", "function": described}
