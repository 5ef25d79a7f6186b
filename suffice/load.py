"""Load a task folder: read `suffice.yaml` and all that it names, check everything once, and return the Task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from . import labels, rows
from .contract import validator
from .data import Dataset, Example, Output
from .errors import InputError, MissingExtra, UnknownPlugin
from .labels import Labels
from .model import resolve
from .plugins import build, find
from .score import AskingScorer, Scorer
from .strict import read_json, read_text
from .task import Task
from .template import unfilled
from .types import Json, Tool
from .yamlfile import Place, YamlFile, read_yaml

if TYPE_CHECKING:
    from .taskfile import TaskFile

FILE = "suffice.yaml"
SCORERS = {"labels": "label", "schema": "json", "tools": "tool_call", "text": "exact"}
"""The scorer that fits each kind of output, where `score` names none."""


def load(path: str | Path, *, seed: int = 0) -> Task:
    """The task in a folder, or in a task file; an InputError names the file, the line and the fix."""
    from .taskfile import checked

    file = read_yaml(_located(Path(path)), "task file")
    return _Loading(file, checked(file), file.path.parent).task(seed)


def _located(path: Path) -> Path:
    if path.is_dir():
        path = path / FILE
        if not path.is_file() and path.with_suffix(".yml").is_file():
            raise InputError(f"the task file must be called {FILE}", file=str(path.with_suffix(".yml")))
    if not path.is_file():
        hint = "`suffice new FOLDER --examples FILE` makes one from an examples file"
        raise InputError("no task there", file=str(path), hint=hint)
    return path


@dataclass(frozen=True)
class _Loading:
    """One task file on its way to becoming a Task."""

    file: YamlFile
    said: TaskFile
    folder: Path

    def task(self, seed: int) -> Task:
        said, output = self.said, self.output()
        score = said.score or SCORERS[output.kind]
        scorer = self.scorer(score, output)
        needs = getattr(scorer, "needs_expected", ":" not in score)
        name = said.name or self.folder.resolve().name or "task"
        examples = rows.read(self.named("examples", said.examples), output, needs_expected=needs)
        self.check_models()
        self.check_recipe()
        task = Task(
            name=name,
            goal=said.goal,
            dataset=Dataset(examples, output, scorer, name),
            model=said.model,
            strong_model=said.strong_model,
            cheaper_model=said.cheaper_model,
            documents=self.knowledge(),
            tables=self.named("tables", said.tables) if said.tables else None,
            prompt=self.prompt(examples),
            output=output,
            score=score,
            rules=self.named("rules", said.rules) if said.rules else None,
            target=said.aims,
            training=said.schooling,
            profile=said.surroundings,
            looks=said.looks,
            labels=self.labels(),
            confirmation=self.confirmation(output, scorer, needs),
            folder=self.folder,
            seed=seed,
        )
        if task.rules is not None:
            find("layers", "rules").for_task(task)  # a mistake in the rules is told now, with its line
        return task

    def check_recipe(self) -> None:
        """A trainer that is none and a value that no training could have are told now, each with its line."""
        name, recipe = self.said.training.trainer, self.said.training.recipe
        if "training" not in self.file.value or ":" in name:  # one's own trainer is not run before it is needed
            return
        try:
            find("trainers", name)
        except MissingExtra:
            return
        except UnknownPlugin as wrong:
            raise self.file.wrong(
                ("training", "trainer"), f"`training.trainer`: {wrong.message}", wrong.hint
            ) from wrong
        for key, value in recipe.items():
            try:
                build("trainers", {"use": name, key: value})
            except InputError as wrong:
                raise self.file.wrong(("training", "recipe", key), wrong.message, wrong.hint) from wrong

    def labels(self) -> Labels | None:
        named = self.said.judge.labels
        return labels.read(self.named("judge.labels", named)) if named else None

    def confirmation(self, output: Output, scorer: Scorer, needs_expected: bool) -> Dataset | None:
        if self.said.confirmation is None:
            return None
        path = self.named("confirmation", self.said.confirmation)
        return Dataset(rows.read(path, output, needs_expected=needs_expected), output, scorer, "confirmation")

    def named(self, key: str, name: str, *, folder: bool = False) -> Path:
        """The file that a key names, taken from the task's folder."""
        path = self.folder / name
        if not (path.is_file() or (folder and path.is_dir())):
            what = "file or folder" if folder else "file"
            raise self.file.wrong(
                _place(key), f"`{key}`: no such {what}: {path}", "paths are taken from the task's folder"
            )
        return path

    def prompt(self, examples: Sequence[Example]) -> str | None:
        """The prompt's text; a place in it that some input cannot fill is found before anything is run."""
        if self.said.prompt is None:
            return None
        path = self.named("prompt", self.said.prompt)
        text = read_text(path, "prompt")
        for example in examples:
            fields = example.request.fields
            for name, line in unfilled(text, fields):
                message = f"the prompt names `{{{{{name}}}}}`, which the input of example `{example.id}` lacks"
                known = ", ".join(["input", *fields])
                raise InputError(message, file=str(path), line=line, hint=f"known there: {known}")
        return text

    def knowledge(self) -> Path | None:
        if self.said.documents is None:
            return None
        path = self.named("documents", self.said.documents, folder=True)
        if path.is_dir() and not any(p.is_file() for p in path.rglob("[!.]*")):
            raise self.file.wrong(("documents",), f"`documents`: the folder is empty: {path}")
        return path

    def output(self) -> Output:
        from .taskfile import LabelsOutput, SchemaOutput, ToolsOutput

        match self.said.output:
            case LabelsOutput(labels=labels):
                return Output("labels", labels=tuple(labels))
            case SchemaOutput(schema_=name):
                return Output("schema", schema=_schema(self.named("output.schema", name)))
            case ToolsOutput(tools=name):
                return Output("tools", tools=_tools(self.named("output.tools", name)))
            case _:
                return Output()

    def scorer(self, name: str, output: Output) -> Scorer:
        place = ("score",) if self.said.score else ("output",)
        try:
            found = find("scorers", name, beside=self.folder)
            if not isinstance(found, type):
                raise InputError(f"`score`: `{name}` is no class", hint="a scorer is a class: see docs/scorers.md")
            scorer = self.judging(_informed(found(), output))
            misfit = scorer.misfit(output)
        except InputError as wrong:
            raise self.relocated(place, wrong) from wrong
        except Exception as wrong:  # a user's own file may raise anything at all
            raise self.file.wrong(place, f"`score`: `{name}` failed: {type(wrong).__name__}: {wrong}") from wrong
        if misfit:
            hint = f"the scorer that fits this output by default is `{SCORERS[output.kind]}`"
            raise self.file.wrong(place, f"`score`: `{name}` does not fit the output: {misfit}", hint)
        return scorer

    def judging(self, scorer: Any) -> Scorer:
        """A scorer that asks a model is told which, what the goal is, and by what to judge."""
        told = self.said.judge
        if not isinstance(scorer, AskingScorer):
            if "judge" in self.said.model_fields_set:
                raise self.file.wrong(("judge",), "`judge` is given, but the scorer asks no model", "score: judge")
            return cast(Scorer, scorer)
        model = told.model or self.said.strong_model or scorer.model
        if not model:
            hint = "name a stronger model than the one that is judged: judge: {model: …}, or strong_model"
            raise self.file.wrong(("score",), "the scorer asks a model, and none is named", hint)
        self.check_judge(model, ("judge", "model") if told.model else ("strong_model",))
        given = {"model": model, "folder": self.folder, "goal": self.said.goal}
        given |= told.model_dump(include={"rubric", "scale"}, exclude_unset=True)
        return cast(Scorer, replace(cast(Any, scorer), **{k: v for k, v in given.items() if hasattr(scorer, k)}))

    def check_judge(self, model: str, place: Place) -> None:
        """A judge replies to what nobody has asked before."""
        try:
            found = resolve(model, folder=self.folder)
        except InputError as wrong:
            raise self.relocated(place, wrong) from wrong
        if getattr(found, "fixed", False):
            raise self.file.wrong(place, f"`{model}` is a recording, which cannot judge", "name a model that replies")

    def check_models(self) -> None:
        """A misspelt provider is found before anything is run; nobody is called."""
        for key in ("model", "strong_model", "cheaper_model"):
            address = getattr(self.said, key)
            try:
                _ = address and resolve(address, folder=self.folder)
            except InputError as wrong:
                raise self.relocated((key,), wrong) from wrong

    def relocated(self, place: Place, wrong: InputError) -> InputError:
        """An error that names no file gets the line of the key that led to it."""
        if wrong.file is None:
            wrong.file, wrong.line = str(self.file.path), self.file.line(place)
        return wrong


def _informed(scorer: Any, output: Output) -> Scorer:
    """A scorer with a `labels` field is told the contract's labels, so that it can name a reply that is none."""
    return cast(Scorer, replace(scorer, labels=output.labels) if hasattr(scorer, "labels") else scorer)


def _place(key: str) -> Place:
    return tuple(key.split("."))


def _schema(path: Path) -> Mapping[str, Json]:
    schema = read_json(path, "JSON Schema")
    if not isinstance(schema, Mapping):
        raise InputError("not a JSON Schema: it must be an object", file=str(path))
    try:
        validator(schema)
    except ValueError as wrong:
        raise InputError(f"not a JSON Schema: {wrong}", file=str(path)) from wrong
    return schema


def _tools(path: Path) -> tuple[Tool, ...]:
    listed = read_json(path, "tools file")
    if not isinstance(listed, list) or not listed:
        raise InputError("the tools file must hold a list of tools", file=str(path), hint='[{"name", "parameters"}]')
    tools = tuple(_tool(number, item, path) for number, item in enumerate(listed, 1))
    for at, tool in enumerate(tools):
        if tool.name in [earlier.name for earlier in tools[:at]]:
            raise InputError(f"the tool `{tool.name}` stands there twice", file=str(path))
    return tools


def _tool(number: int, item: Json, path: Path) -> Tool:
    """A tool as we or as OpenAI's API write it."""
    told = item.get("function") if isinstance(item, Mapping) and "function" in item else item
    match told:
        case {"name": str(name), **rest} if name and isinstance(rest.get("parameters", {}), dict):
            parameters: dict[str, Json] = cast(Any, rest.get("parameters", {}))
            try:
                validator(parameters)
            except ValueError as wrong:
                raise InputError(f"tool `{name}`: parameters: not a JSON Schema: {wrong}", file=str(path)) from wrong
            return Tool(name, str(rest.get("description", "")), parameters)
        case _:
            hint = '{"name": "…", "description": "…", "parameters": {a JSON Schema}}'
            raise InputError(f"tool {number} has no name, or its parameters are no object", file=str(path), hint=hint)
