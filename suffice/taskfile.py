"""The task file, `suffice.yaml`: every key with its type, its default and its meaning. Imported late: pydantic is."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, ValidationInfo, field_validator

from .errors import InputError
from .plugins import names
from .task import Change, Looks, Profile, Target, Training
from .types import Json
from .yamlfile import Place, YamlFile

SCHEMA = Path(__file__).parent / "schemas" / "suffice.schema.json"
"""The published JSON Schema of a task file."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class LabelsOutput(_Part):
    """The answer is exactly one of these labels."""

    labels: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(min_length=2)

    @field_validator("labels")
    @classmethod
    def _once(cls, labels: list[str]) -> list[str]:
        for at, label in enumerate(labels):
            if label in labels[:at] or label != label.strip():
                raise ValueError(
                    f"`{label}` stands there twice" if label in labels[:at] else f"`{label}` has spaces around it"
                )
        return labels


class SchemaOutput(_Part):
    """The answer is a JSON value that fits the JSON Schema in this file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())
    schema_: str = Field(alias="schema", min_length=1)


class ToolsOutput(_Part):
    """The answer is calls of the tools that this JSON file describes."""

    tools: str = Field(min_length=1)


class TargetFile(_Part):
    """What counts as enough."""

    quality: float | None = Field(
        default=None, gt=0, le=1, description="Mean score wanted, in (0, 1]. None: climb while it pays."
    )
    tolerance: float = Field(default=0.02, ge=0, lt=1, description="Met means proven above quality minus this.")
    p95_ms: float | None = Field(
        default=None, gt=0, description="The 95th percentile of the latency may not exceed this."
    )
    usd_per_1k: float | None = Field(default=None, ge=0, description="A thousand requests may not cost more than this.")
    stages: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="P95 limits of single stages in milliseconds: {retrieval: 300, model: 1000}."
    )

    @field_validator("stages")
    @classmethod
    def _known_stages(cls, stages: dict[str, float]) -> dict[str, float]:
        known = ["model", *names("layers")]
        for name in stages:
            if name not in known and ":" not in name:
                near = difflib.get_close_matches(name, known, 1, 0.6)
                raise ValueError(
                    f"no stage is called `{name[:60]}`: " + (f"did you mean `{near[0]}`?" if near else ", ".join(known))
                )
        return stages

    @field_validator("tolerance")
    @classmethod
    def _leaves_something(cls, given: float, info: ValidationInfo) -> float:
        quality = info.data.get("quality")
        if quality is not None and given >= quality:
            raise ValueError(f"must be below the quality of {quality:g}, or anything would meet the target")
        return given


class ProfileFile(_Part):
    """The task's surroundings."""

    requests_per_day: float | None = Field(default=None, ge=0, description="Volume; decides what tuning would pay.")
    knowledge_changes: Change | None = Field(default=None, description="How often the facts behind the answers change.")
    stable_months: float | None = Field(default=None, ge=0, description="How long the task will stay as it is.")
    must_cite: bool = Field(default=False, description="Whether an answer must name its source.")
    owner: str | None = Field(default=None, description="Who re-indexes, re-trains and re-judges.")
    smallest_lift: float = Field(default=0.02, ge=0, lt=1, description="A lift smaller than this is not worth a layer.")


class JudgeFile(_Part):
    """Who judges, and by what, where the scorer asks a model."""

    model: str | None = Field(default=None, min_length=1, description="The model that judges. Default: strong_model.")
    rubric: str | None = Field(
        default=None, min_length=1, description="What makes a reply right, in words. Default: what the goal asks."
    )
    labels: str | None = Field(
        default=None, min_length=1, description="People's scores of outputs, JSONL: without them no judge counts."
    )
    scale: int = Field(default=2, ge=2, le=101, description="How many grades: 2 are wrong and right, 5 go by quarters.")


class TrainingFile(_Part):
    """How a climb may train, where the gates of fine-tuning hold."""

    trainer: str = Field(default="lora", min_length=1, description="lora, qlora, full or mine.py:Trainer.")
    recipe: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="The trainer's fields that differ from its defaults."
    )
    minutes: float = Field(default=60.0, gt=0, description="What all training may take; longer is not begun.")


def _kind(output: Json) -> str | None:
    if output == "text":
        return "text"
    if isinstance(output, Mapping):
        return next((kind for kind in ("labels", "schema", "tools") if kind in output), None)
    return None


OutputFile = Annotated[
    Annotated[Literal["text"], Tag("text")]
    | Annotated[LabelsOutput, Tag("labels")]
    | Annotated[SchemaOutput, Tag("schema")]
    | Annotated[ToolsOutput, Tag("tools")],
    Discriminator(
        _kind,
        custom_error_type="output",
        custom_error_message="write text, {labels: [a, b]}, {schema: schema.json} or {tools: tools.json}",
    ),
]


class TaskFile(_Part):
    """A task for Suffice: what is wanted, the examples that say what is right, and what counts as enough."""

    name: str | None = Field(
        default=None, min_length=1, max_length=100, description="The task's name. Default: the folder's."
    )
    goal: str = Field(default="", description="What is wanted, in a sentence; the prompt builder starts from it.")
    model: str = Field(
        default="embedded",
        min_length=1,
        description="provider/name, http://host/v1#name, recorded:FILE.jsonl, gguf:PATH, hf:PATH or embedded.",
    )
    strong_model: str | None = Field(default=None, min_length=1, description="Teacher, judge and capability probe.")
    cheaper_model: str | None = Field(
        default=None, min_length=1, description="A model that the way down tries beneath the stack that was kept."
    )
    examples: str = Field(
        default="examples.jsonl", min_length=1, description="A .jsonl, .csv or .parquet file of examples."
    )
    confirmation: str | None = Field(
        default=None, min_length=1, description="A file of fresh examples that confirm the verdict, once it stands."
    )
    documents: str | None = Field(
        default=None, min_length=1, description="A file or a folder of knowledge to retrieve from."
    )
    tables: str | None = Field(default=None, min_length=1, description="An SQLite database for live questions.")
    prompt: str | None = Field(default=None, min_length=1, description="The file of the prompt in use today.")
    output: OutputFile = Field(default="text", description="What an answer must look like.")
    score: str | None = Field(
        default=None, min_length=1, description="A scorer or mine.py:Score. Default: the one that fits the output."
    )
    judge: JudgeFile = Field(default=JudgeFile(), description="Who judges and by what, where the scorer asks a model.")
    rules: str | None = Field(default=None, min_length=1, description="A file of deterministic checks.")
    target: TargetFile = Field(default=TargetFile(), description="The quality, latency and price that are enough.")
    looks: Looks = Field(
        default="pocock",
        description="When test decides: pocock stops early, obrien_fleming keeps full power, none asks everything.",
    )
    profile: ProfileFile = Field(default=ProfileFile(), description="Volume, volatility, owner.")
    training: TrainingFile = Field(default=TrainingFile(), description="How a climb may train, where gates hold.")

    @property
    def aims(self) -> Target:
        """The target as the rest of the house knows it."""
        return Target(**self.target.model_dump())

    @property
    def schooling(self) -> Training:
        """How to train, as the rest of the house knows it."""
        return Training(**self.training.model_dump())

    @property
    def surroundings(self) -> Profile:
        """The profile as the rest of the house knows it."""
        return Profile(**self.profile.model_dump())


def schema() -> dict[str, Any]:
    """The JSON Schema of a task file; `suffice/schemas/suffice.schema.json` holds it for editors."""
    body = TaskFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body, "title": "suffice.yaml"}


def schema_text() -> str:
    """The published file, as it must stand."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def checked(file: YamlFile) -> TaskFile:
    """The file's values as a TaskFile; the first wrong one is an error with its line."""
    if not isinstance(file.value, Mapping):
        raise file.wrong((), "a task file is a list of `key: value` lines", hint="see `suffice new`")
    try:
        return TaskFile.model_validate(file.value)
    except ValidationError as wrong:
        raise _explained(file, wrong) from None


def _explained(file: YamlFile, wrong: ValidationError) -> InputError:
    problems = sorted((_problem(file, e) for e in wrong.errors(include_url=False)), key=lambda p: p[0] or 0)
    line, message, hint = problems[0]
    rest = "".join(f"\n  line {at}: {said}{f' ({fix})' if fix else ''}" for at, said, fix in problems[1:])
    return InputError(message + (f"; and:{rest}" if rest else ""), file=str(file.path), line=line, hint=hint)


def _problem(file: YamlFile, error: Any) -> tuple[int | None, str, str]:
    place = _without_tag(error["loc"])
    dotted, line = ".".join(str(part) for part in place), file.line(place)
    if error["type"] == "extra_forbidden":
        known = _keys_at(place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, 1, 0.6)
        return line, f"unknown key `{dotted}`", f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
    given = error.get("input")
    shown = "" if isinstance(given, Mapping | list) else f", not {_shown(given)}"
    return line, f"`{dotted}`: {_SAID.get(error['type'], _plain(error['msg']))}{shown}", _FIX.get(error["type"], "")


_SAID = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "model_type": "must be a group of `key: value` pairs",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "too_short": "must list at least two",
}
_FIX = {"string_type": "put it in quotes, or leave the key out", "list_type": "write [a, b]"}


def _without_tag(place: Place) -> Place:
    """Pydantic names the chosen alternative of `output` as a step of its own."""
    return (place[0], *place[2:]) if len(place) > 1 and place[0] == "output" else place


_PARTS: Mapping[str, type[_Part]] = {
    "target": TargetFile,
    "profile": ProfileFile,
    "judge": JudgeFile,
    "training": TrainingFile,
}


def _keys_at(place: Place) -> list[str]:
    part = _PARTS.get(str(place[0]) if place else "", TaskFile)
    return ["labels", "schema", "tools"] if place[:1] == ("output",) else list(part.model_fields)


def _plain(message: str) -> str:
    return message.replace("Input should be", "must be").replace("Value error, ", "")


def _shown(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return str(value).replace("None", "null").lower()
    return f"`{value[:60]}`" if isinstance(value, str) else str(value)[:60]
