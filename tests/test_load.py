"""A task folder becomes a Task, or one clear error with file, line and fix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from suffice import InputError, Task, load
from suffice.cli.trained import _given
from suffice.plugins import build
from suffice.taskfile import SCHEMA, TaskFile, schema_text

Write = Callable[..., Path]
ROWS = [
    {"id": "a", "input": "where is my parcel", "expected": "shipping"},
    {"id": "b", "input": "money back please", "expected": ["refund", "shipping"], "partition": "edge"},
]
YAML = "output: {labels: [refund, shipping]}\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a task folder; other files by name."""

    def folder(yaml: str = YAML, rows: object = ROWS, **files: str) -> Path:
        text = rows if isinstance(rows, str) else "".join(json.dumps(r) + "\n" for r in rows)  # type: ignore[attr-defined]
        for name, content in {"suffice.yaml": yaml, "examples.jsonl": text, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path

    return folder


def refused(folder: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load(folder)
    return caught.value


def test_a_folder_or_its_file_gives_the_same_task(write: Write) -> None:
    folder = write()
    task = load(folder)
    assert task == load(folder / "suffice.yaml")
    assert (task.name, task.score, task.model, len(task.dataset)) == (folder.name, "label", "embedded", 2)
    assert task.dataset.examples[1].accepted == ("refund", "shipping")


def test_every_key_reaches_the_task(write: Write) -> None:
    yaml = (
        "name: desk\ngoal: Sort it.\nmodel: http://127.0.0.1:9/v1#m\nstrong_model: embedded\nprompt: p.md\n"
        "documents: docs\ntables: t.sqlite\nrules: r.yaml\noutput: {labels: [refund, shipping]}\nscore: exact\n"
        "target: {quality: 0.9, tolerance: 0.01, p95_ms: 1500, usd_per_1k: 2, stages: {retrieval: 300, model: 1e3}}\n"
        "profile: {requests_per_day: 20000, knowledge_changes: weekly, must_cite: true, owner: Ada}\n"
    )
    files = {"p.md": "Sort {{input}}", "docs/a.md": "text", "t.sqlite": "", "r.yaml": "rules: [{matches: '.+'}]"}
    task = load(write(yaml, **files), seed=7)
    assert (task.name, task.goal, task.prompt, task.seed) == ("desk", "Sort it.", "Sort {{input}}", 7)
    assert task.documents == task.folder / "docs" and task.rules == task.folder / "r.yaml"
    assert (task.target.quality, task.target.p95_ms, task.target.usd_per_1k) == (0.9, 1500, 2)
    assert task.target.stages == {"retrieval": 300.0, "model": 1000.0}
    assert (task.profile.requests_per_day, task.profile.owner, task.profile.must_cite) == (20000, "Ada", True)


def test_labels_that_yaml_would_turn_into_booleans_stay_words(write: Write) -> None:
    rows = [{"id": "a", "input": "?", "expected": "yes"}]
    assert load(write("output: {labels: [yes, no, on]}\n", rows)).output.labels == ("yes", "no", "on")


@pytest.mark.parametrize(
    ("yaml", "line", "said", "fix"),
    [
        ("name: x\nmodle: embedded\n", 2, "unknown key `modle`", "did you mean `model`?"),
        ("target:\n  qualty: 0.9\n", 2, "unknown key `target.qualty`", "did you mean `quality`?"),
        ("name: x\n\ntarget: {quality: 90}\n", 3, "less than or equal to 1, not 90", ""),
        ("target: {quality: .nan}\n", 1, "must be a number", ""),
        ("target:\n  stages: {retreival: 300}\n", 2, "no stage is called `retreival`: did you mean `retrieval`?", ""),
        ("target:\n  stages: {model: 0}\n", 2, "greater than 0", ""),
        ("target: {quality: 0.9, tolerance: 0.9}\n", 1, "must be below the quality of 0.9", ""),
        ("profile: {knowledge_changes: often}\n", 1, "'weekly'", ""),
        ("profile: {must_cite: yes}\n", 1, "true or false", ""),
        ("output: {labels: [a, 1]}\n", 1, "`output.labels.1`: must be text", "quotes"),
        ("output: {labels: [a, a]}\n", 1, "stands there twice", ""),
        ("output: {labels: [a]}\n", 1, "at least two", ""),
        ("output: json\n", 1, "{schema: schema.json}", ""),
        ("name: a\nname: b\n", 2, "`name` stands there twice (first on line 1)", ""),
        ("name: &x a\ngoal: *x\n", 2, "aliases", ""),
        ("name: !!python/name:os.system x\n", 1, "not allowed", ""),
        ("name: [\n", 2, "not YAML", ""),
        ("- name\n", 1, "`key: value`", "suffice new"),
        ("", None, "`key: value`", ""),
        ("[" * 100, 1, "nested too deeply", ""),
        ("score: labl\n" + YAML, 1, "no scorer called `labl`", "did you mean `label`?"),
        ("score: json\n" + YAML, 1, "`json` does not fit the output", "`label`"),
        ("score: mine.py:Score\n" + YAML, 1, "no such file", ""),
        ("model: opnai/gpt\n" + YAML, 1, "no model called `opnai`", "openai"),
        ("model: http://127.0.0.1/v1\n" + YAML, 1, "names no model", "#name"),
        ("model: ../x:y\n" + YAML, 1, "no installed module is called `../x`", "mine.py:Thing"),
        ("model: openai/\n" + YAML, 1, "names no model", "openai/NAME"),
        ("model: openai\n" + YAML, 1, "model `Openai`", "provider/NAME"),
        ("model: 'http://[::1/v1#m'\n" + YAML, 1, "not an http(s) address", ""),
        ("score: os:system\n" + YAML, 1, "is no class", ""),
        ("score: mine:Score\n" + YAML, 1, "no installed module is called `mine`", "mine.py:Thing"),
        ('goal: "half \\ud800"\n' + YAML, 1, "half of a pair", ""),
        ('model: "gguf:a\\0b"\n' + YAML, 1, "NUL", ""),
        ("documents: docs\n" + YAML, 1, "no such file or folder", ""),
        ("prompt: p.md\n" + YAML, 1, "`prompt`: no such file", ""),
        ("name: x\noutput: {schema: s.json}\n", 2, "`output.schema`: no such file", ""),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(
    write: Write, yaml: str, line: int | None, said: str, fix: str
) -> None:
    wrong = refused(write(yaml))
    assert said in wrong.message and fix in wrong.hint
    assert str(wrong.file).endswith("suffice.yaml") and wrong.line == line


def test_all_that_is_wrong_in_the_file_is_told_at_once(write: Write) -> None:
    wrong = refused(write("nam: x\ntarget: {quality: 2}\n"))
    assert "unknown key `nam`" in wrong.message and "line 2: `target.quality`" in wrong.message


def test_a_schema_that_is_none_is_named_with_its_file(write: Write) -> None:
    for text, said in (
        ('{"type": "objct"}', "not a JSON Schema"),
        ("[1]", "must be an object"),
        ('{\n"type": }', "not JSON"),
        ('{"a": 1, "a": 2}', "stands there twice"),
        ('{"$ref": "http://127.0.0.1:1/x.json"}', "its own parts only"),
        ('{"$ref": "file:///etc/passwd"}', "its own parts only"),
        ('{"items": ' * 900 + "{}" + "}" * 900, "nested too deeply"),
    ):
        wrong = refused(write("output: {schema: s.json}\n", **{"s.json": text}))
        assert said in wrong.message and str(wrong.file).endswith("s.json")
    assert refused(write("output: {schema: s.json}\n", **{"s.json": '{\n"type": }'})).line == 2


def test_expected_records_are_held_to_the_schema(write: Write) -> None:
    schema = json.dumps({"type": "object", "properties": {"n": {"type": "integer", "minimum": 0}}, "required": ["n"]})
    rows = [{"id": "a", "input": "?", "expected": {"n": 1}}, {"id": "b", "input": "?", "expected": {"n": -1}}]
    wrong = refused(write("output: {schema: s.json}\n", rows, **{"s.json": schema}))
    assert wrong.line == 2 and "at `n`: -1 is less than the minimum of 0" in wrong.message
    assert load(write("output: {schema: s.json}\n", rows[:1], **{"s.json": schema})).score == "json"


def test_a_list_is_one_answer_where_the_schema_is_an_array(write: Write) -> None:
    schema = json.dumps({"type": "array", "items": {"type": "integer"}})
    rows = [
        {"id": "a", "input": "?", "expected": [1, 2]},
        {"id": "b", "input": "?", "expected": {"any_of": [[1], [2]]}},
    ]
    task = load(write("output: {schema: s.json}\n", rows, **{"s.json": schema}))
    assert [e.accepted for e in task.dataset] == [([1, 2],), ([1], [2])]


def test_tools_and_their_calls_are_checked(write: Write) -> None:
    tools = json.dumps([{"type": "function", "function": {"name": "look", "parameters": {"required": ["for"]}}}])
    yaml, mine = (
        "output: {tools: t.json}\nscore: mine.py:Any\n",
        (
            "from dataclasses import dataclass\nfrom suffice import Score\n@dataclass(frozen=True)\nclass Any:\n"
            "    needs_expected = True\n    def __call__(self, e, a): return Score(1.0, 'any')\n"
            "    def misfit(self, output): return None\n"
        ),
    )
    files = {"t.json": tools, "mine.py": mine}
    call = {"name": "look", "arguments": {"for": "x"}}
    task = load(write(yaml, [{"id": "a", "input": "?", "expected": [call]}], **files))
    assert task.output.tools[0].name == "look" and task.dataset[0].accepted == ([call],)
    bad = [{"id": "a", "input": "?", "expected": [{"name": "look", "arguments": {}}]}]
    assert '"for" is a required property' in refused(write(yaml, bad, **files)).message
    unknown = [{"id": "a", "input": "?", "expected": [{"name": "find", "arguments": {}}]}]
    assert "no tool called `find`" in refused(write(yaml, unknown, **files)).message
    assert "twice" in refused(write(yaml, **{**files, "t.json": '[{"name": "a"}, {"name": "a"}]'})).message


def test_a_scorer_of_ones_own_may_do_without_expected(write: Write) -> None:
    mine = (
        "from dataclasses import dataclass\nfrom suffice import Score\n@dataclass(frozen=True)\nclass Long:\n"
        "    def __call__(self, e, a): return Score(1.0, 'long')\n    def misfit(self, output): return None\n"
    )
    rows = [{"id": "a", "input": "?"}]
    assert load(write("score: mine.py:Long\n", rows, **{"mine.py": mine})).dataset[0].expected is None
    assert "`expected` is missing" in refused(write("score: exact\n", rows)).message
    broken = refused(write("score: mine.py:Long\n", rows, **{"mine.py": "import nothing_like_it\n"}))
    assert str(broken.file).endswith("mine.py") and broken.line == 1


def test_a_place_in_the_prompt_that_no_input_fills_is_told_with_its_line(write: Write) -> None:
    yaml, rows = "prompt: p.md\n", [{"id": "a", "input": {"q": "?"}, "expected": "x"}]
    assert load(write(yaml, rows, **{"p.md": "Say {{ q }}\n{{input}}"})).prompt
    wrong = refused(write(yaml, rows, **{"p.md": "Say\n{{qq}}"}))
    assert wrong.line == 2 and "{{qq}}" in wrong.message and "known there: input, q" in wrong.hint
    assert str(wrong.file).endswith("p.md")


def test_a_mistake_in_the_rules_is_told_with_its_line(write: Write) -> None:
    wrong = refused(write("rules: r.yaml\n" + YAML, **{"r.yaml": "rules:\n  - {patern: x}\n"}))
    assert str(wrong.file).endswith("r.yaml") and wrong.line == 2


def test_a_missing_folder_says_how_to_make_one(tmp_path: Path) -> None:
    assert "suffice new" in refused(tmp_path / "nowhere").hint
    (tmp_path / "suffice.yml").write_text(YAML)
    assert "must be called suffice.yaml" in refused(tmp_path).message


def test_an_empty_documents_folder_is_an_error(write: Write) -> None:
    folder = write("documents: docs\n" + YAML, **{"docs/.hidden": ""})
    assert "the folder is empty" in refused(folder).message


def test_loading_leaves_nothing_behind(write: Write) -> None:
    folder = write()
    before = sorted(p.name for p in folder.rglob("*"))
    load(folder)
    assert sorted(p.name for p in folder.rglob("*")) == before


def test_the_published_schema_is_the_one_that_is_checked() -> None:
    assert SCHEMA.read_text("utf-8") == schema_text(), "run `make schemas`"


def test_every_key_has_a_default_and_says_what_it_means() -> None:
    assert TaskFile() == TaskFile.model_validate({})
    described = json.loads(schema_text())["properties"]
    assert all("default" in key and key.get("description") for key in described.values()), described


def test_the_published_schema_accepts_what_loads(write: Write) -> None:
    import jsonschema_rs

    published = jsonschema_rs.validator_for(json.loads(schema_text()))
    assert published.is_valid({"output": {"labels": ["a", "b"]}, "target": {"quality": 0.9}})
    assert not published.is_valid({"outptu": "text"}) and not published.is_valid({"output": {"labels": "a"}})
    assert isinstance(load(write()), Task)


@pytest.mark.parametrize(
    ("trainer", "said", "wanted"),
    [
        ("lora", "epochs=0", "a number above 0, not 0"),
        ("lora", "epochs=-1", "a number above 0"),
        ("lora", "epochs=inf", "a number above 0"),
        ("lora", "learning_rate=nan", "a number above 0, not nan"),
        ("qlora", "learning_rate=-1e-4", "a number above 0"),
        ("lora", "rank=0", "1 or more, not 0"),
        ("lora", "alpha=0", "a number above 0"),
        ("lora", "dropout=1", "from 0 to below 1"),
        ("lora", "dtype=foo", "one of auto, bfloat16, float32, not foo"),
        ("lora", "tokens_per_step=0", "1 or more"),
        ("full", "warmup=1.5", "a share from 0 to 1"),
        ("full", "patience=0", "1 or more"),
        ("full", "longest=0", "1 or more"),
        ("preference", "beta=0", "a number above 0"),
        ("embedding", "warmup=nan", "a share from 0 to 1"),
        ("embedding", "epochs=0", "a number above 0"),
        ("lora", "epoch=3", "has no `epoch`"),
        ("lora", "rank=wide", "rank: "),
    ],
)
def test_a_value_that_no_training_could_have_is_told_with_its_line(
    write: Write, trainer: str, said: str, wanted: str
) -> None:
    key, _, value = said.partition("=")
    training = f"training:\n  trainer: {trainer}\n  recipe:\n    seed: 1\n    {key}: {value}\n"
    wrong = refused(write(YAML + training))
    assert wanted in wrong.message and key in wrong.message and wrong.line == 6
    with pytest.raises(InputError, match=re.escape(wanted)):
        build("trainers", {"use": trainer, **_given([said])})


def test_a_trainer_that_is_none_is_told_with_its_line(write: Write) -> None:
    wrong = refused(write(YAML + "training:\n  trainer: lroa\n"))
    assert wrong.line == 3 and "did you mean `lora`?" in wrong.hint and "lroa" in wrong.message
    assert load(write(YAML + "training:\n  trainer: mine.py:Own\n  recipe: {any: 3}\n")).training.recipe == {"any": 3}
