"""Chat JSONL as OpenAI's and most others' fine-tuning reads it, and what these platforms refuse of a conversation."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..demonstrations import Demonstration, write
from ..platform import Misfit


def chat(rows: Sequence[Demonstration]) -> bytes:
    """`messages` and `tools`, a row a line, without what Suffice adds."""
    plain = []
    for line in write(rows).splitlines():
        body = json.loads(line)
        body.pop("suffice", None)
        plain.append(json.dumps(body, ensure_ascii=False).encode() + b"\n")
    return b"".join(plain)


def roles(rows: Sequence[Demonstration], *, alternate: bool, tools: bool) -> list[Misfit]:
    """What of the turns' order is refused; with `alternate`, two turns of one role in a row are."""
    return [m for line, row in enumerate(rows, 1) for m in _turns(row, line, alternate, tools)]


def _turns(row: Demonstration, line: int, alternate: bool, tools: bool) -> list[Misfit]:
    said = [m.role for m in row.messages]
    found = []
    if row.reply.role != "assistant":
        found.append(Misfit("the reply is not the assistant's", "end with the reply", line, row.id))
    if "user" not in said:
        found.append(Misfit("no turn of the user's", "give the question", line, row.id))
    if "system" in said[1:]:
        told = "a system turn that is not the first"
        found.append(Misfit(told, "put instructions into the first system turn", line, row.id))
    pairs = zip(said, [*said[1:], "assistant"], strict=True)
    if alternate and any(a == b and a != "tool" for a, b in pairs):
        found.append(Misfit("two turns of one role in a row", "join them into one", line, row.id))
    calls = bool(row.tools or row.reply.tool_calls or "tool" in said)
    if calls and not tools:
        told = "tools, which are not taught here"
        found.append(Misfit(told, "choose another platform or model for tool use", line, row.id))
    if row.reply.tool_calls and not row.tools:
        told = "a call of a tool that the row does not offer"
        found.append(Misfit(told, "give the row its `tools`", line, row.id))
    return found
