"""Labels: schemas that are nothing but a choice of texts, and the probability of the text that was chosen."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from ..types import Json


def labels_of(schema: Mapping[str, Json] | None) -> tuple[str, ...]:
    """The labels of a schema that is nothing but an enum of strings; otherwise none."""
    values = schema.get("enum") if schema is not None and not set(schema) - {"enum", "type"} else None
    return tuple(values) if isinstance(values, list | tuple) and all(isinstance(v, str) for v in values) else ()


def label_grammar(labels: Sequence[str]) -> str:
    """A GBNF grammar that only these texts satisfy."""
    return "root ::= " + " | ".join(_literal(label) for label in dict.fromkeys(labels))


def only(said: bytes, labels: Sequence[str]) -> str | None:
    """The label that alone can still come out after these bytes, if there is but one: what follows is certain."""
    found = {label for label in labels if label.encode().startswith(said)}
    return found.pop() if len(found) == 1 else None


def confidence(tokens: Sequence[Json], labels: Sequence[str]) -> float | None:
    """The probability that the label grammar gave to the label that came out: at least this much, if drawn greedily.

    At every token, the chosen one's share among the best candidates that could still have led to a label; a label that
    none of them leads to is counted as likely as it can be without being among them.
    """
    ways, so_far, total = [label.encode() for label in labels], b"", 0.0
    for token in tokens:
        seen = {c["id"]: (bytes(c["bytes"]), c["logprob"]) for c in (*token["top_logprobs"], token)}
        allowed = [(piece, p) for piece, p in seen.values() if leads(so_far, piece, ways)]
        if seen[token["id"]] not in allowed:
            return None
        unseen = sum(
            not any(leads(so_far, piece, [way]) for piece, _ in allowed) for way in ways if way.startswith(so_far)
        )
        rivals = sum(math.exp(p - token["logprob"]) for _, p in allowed)
        total -= math.log(rivals + unseen * min(1.0, math.exp(min(p for _, p in seen.values()) - token["logprob"])))
        so_far += bytes(token["bytes"])
    return math.exp(total) if tokens else None


def leads(so_far: bytes, piece: bytes, ways: Sequence[bytes]) -> bool:
    """Whether this piece continues a label, or, being the empty end mark, ends one."""
    return any(way.startswith(so_far + piece) for way in ways) if piece else so_far in ways


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda c: f"\\x{ord(c[0]):02x}", escaped) + '"'
