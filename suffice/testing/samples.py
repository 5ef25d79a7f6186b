"""Small tasks of every kind, for trying plugins on."""

from __future__ import annotations

import json
from pathlib import Path

from ..data import Context, Dataset, Example, Kind, Output
from ..plugins import find
from ..task import Task
from ..types import Tool

OUTPUTS: dict[Kind, Output] = {
    "text": Output(),
    "labels": Output("labels", labels=("refund", "shipping")),
    "schema": Output(
        "schema",
        schema={
            "type": "object",
            "properties": {"city": {"type": "string"}, "people": {"type": "integer", "minimum": 0}},
            "required": ["city", "people"],
            "additionalProperties": False,
        },
    ),
    "tools": Output("tools", tools=(Tool("look", "Look something up.", {"type": "object"}),)),
}
ANSWERS = {
    "text": ("in Rome", "in Oslo"),
    "labels": ("refund", "shipping"),
    "schema": ({"city": "Rome", "people": 2}, {"city": "Oslo", "people": 5}),
    "tools": (
        {"any_of": [[{"name": "look", "arguments": {"for": "Rome"}}]]},
        {"any_of": [[{"name": "look", "arguments": {"for": "Oslo"}}]]},
    ),
}
QUESTIONS = ("money back for order {n} from Rome please", "where is parcel {n} on its way to Oslo")
SCORERS = {"text": "contains", "labels": "label", "schema": "json", "tools": "tool_call"}


def sample_dataset(kind: Kind = "labels", size: int = 24) -> Dataset:
    """Two kinds of question, half and half, each with its answer."""
    examples = tuple(
        Example(
            f"s{n}",
            QUESTIONS[n % 2].format(n=n),
            ANSWERS[kind][n % 2],
            context=(Context(f"{('rome', 'oslo')[n % 2]}.md"),),
        )
        for n in range(size)
    )
    scorer = find("scorers", SCORERS[kind])() if kind in SCORERS else None
    return Dataset(examples, OUTPUTS[kind], scorer, f"sample-{kind}")


def sample_adapter() -> bytes:
    """The file of an adapter that changes one matrix of four by four."""
    told = {"kind": "lora", "base": {"name": "scripted", "digest": "0" * 64}, "r": 1, "lora_alpha": 1}
    stem, header = "base_model.model.model.layers.0.self_attn.v_proj.lora_", {}
    for at, (part, shape) in enumerate((("A", [1, 4]), ("B", [4, 1]))):
        header[f"{stem}{part}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [16 * at, 16 * at + 16]}
    text = json.dumps({"__metadata__": {"suffice": json.dumps(told)}, **header}).encode()
    return len(text).to_bytes(8, "little") + text + bytes(32)


def sample_task(kind: Kind = "labels", *, folder: Path | None = None) -> Task:
    """A task of one kind; with a folder, it has documents and rules there."""
    documents = rules = None
    if folder is not None:
        documents, rules = folder / "documents", folder / "rules.yaml"
        documents.mkdir(parents=True, exist_ok=True)
        for name in ("Rome", "Oslo"):
            text = f"# {name}\n\nOur office in {name} is open from nine to five, and people there are kind.\n"
            (documents / f"{name.lower()}.md").write_text(text, encoding="utf-8")
        rules.write_text("rules:\n  - {matches: '.*[a-z].*'}\n", encoding="utf-8")
    return Task(
        name=f"sample-{kind}",
        goal="Answer in one word.",
        dataset=sample_dataset(kind),
        model="scripted",
        documents=documents,
        output=OUTPUTS[kind],
        folder=folder or Path(),
        rules=rules if kind == "text" else None,
    )
