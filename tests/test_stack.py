"""A stack: layers over a model, with its accounts, its address and its file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from suffice.errors import InputError
from suffice.layer import Layer
from suffice.layers.constant import Constant
from suffice.layers.few_shot import FewShot
from suffice.layers.prompt import Prompt
from suffice.layers.retrieval import Retrieval
from suffice.models.scripted import Scripted
from suffice.stack import Stack
from suffice.types import Answer, Ask, Passage, Request, Sampling, Shot, Step, Usage, wording

ONE = Answer("yes", usage=Usage(10, 2, 4), cost=0.25, trace=(Step("model", 30.0),))


@dataclass(frozen=True)
class Asks(Layer):
    """Asks so many times, sleeping in between, and says what it did."""

    times: int = 1
    seconds: float = 0.0
    folder: Path = field(default=Path(), repr=False, compare=False)

    def __call__(self, request: Request, ask: Ask) -> Answer:
        time.sleep(self.seconds)
        answers = [ask(replace(request, input=f"{request.input}{n}")) for n in range(self.times)]
        return (answers[-1] if answers else Answer("alone", cost=9.0)).noting(times=self.times)


def scripted(**more: object) -> Scripted:
    return Scripted(lambda _: ONE, **more)  # type: ignore[arg-type]


def test_usage_cost_and_steps_add_up_over_everything_asked() -> None:
    answer = Stack(scripted(), (Asks(2), Asks(3)))(Request("q"))
    assert answer.usage == Usage(60, 12, 24) and answer.cost == 1.5
    assert [s.name == "model" for s in answer.trace] == [False, *[False, True, True, True] * 2]
    assert [s.asked for s in answer.trace if s.name != "model"] == [2, 3, 3]
    assert sum(s.ms for s in answer.trace if s.name == "model") == 180.0


def test_a_layer_that_answers_itself_costs_nothing_and_asks_nobody() -> None:
    model = scripted()
    answer = Stack(model, (Asks(0), Asks(1)))(Request("q"))
    assert (answer.text, answer.usage, answer.cost, model.calls) == ("alone", Usage(), 0.0, 0)
    assert [s.asked for s in answer.trace] == [0]


def test_an_unknown_price_anywhere_makes_the_sum_unknown() -> None:
    replies = [replace(ONE, cost=None), ONE]
    assert Stack(Scripted(replies), (Asks(2),))(Request("q")).cost is None


def test_each_layer_is_charged_its_own_time() -> None:
    answer = Stack(Scripted({"q": "a"}, latency_ms=40), (Asks(1, 0.02), Asks(2, 0.03)))(Request("q"))
    outer, inner, *models = answer.trace
    assert 20 <= outer.ms < 30 + 25 and 30 <= inner.ms < 30 + 25
    assert [m.ms for m in models] == [40.0, 40.0]
    assert answer.ms == sum(s.ms for s in answer.trace)


def test_a_model_without_a_clock_is_timed() -> None:
    def slow(request: Request) -> Answer:
        time.sleep(0.02)
        return Answer("a")

    (step,) = Stack(slow)(Request("q")).trace
    assert step.name == "model" and 20 <= step.ms < 60


def test_notes_are_filed_under_the_layer_that_made_them() -> None:
    answer = Stack(scripted(), (Asks(1), FewShot(mode="static")))(Request("q"))
    assert answer.notes == {} and [dict(s.notes) for s in answer.trace] == [{"times": 1}, {"shots": 0}, {}]


def test_push_puts_on_top_and_without_takes_away_every_layer_of_that_name() -> None:
    stack = Stack(scripted()).push(Prompt("a")).push(FewShot()).push(Prompt("b"))
    assert stack.names == ("prompt", "few_shot", "prompt")
    assert stack.without("prompt").names == ("few_shot",) and stack.over(scripted()).layers == stack.layers


def test_a_stack_is_an_ask_and_so_a_model_of_another() -> None:
    inner = Stack(scripted(), (Asks(2),))
    assert Stack(inner, (Asks(2),))(Request("q")).usage == Usage(40, 8, 16)


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        (Sampling(), Sampling(max_tokens=9, seed=4)),
        (Sampling(sample=3), Sampling(max_tokens=9, seed=4, sample=3)),
        (Sampling(temperature=0.5), Sampling(temperature=0.5)),
    ],
)
def test_the_stacks_sampling_holds_where_a_request_says_nothing(given: Sampling, drawn: Sampling) -> None:
    model = scripted()
    Stack(model, (), Sampling(max_tokens=9, seed=4))(Request("q", sampling=given))
    assert model.heard[0].sampling == drawn


def test_wording_is_what_would_be_sent_and_asks_nobody() -> None:
    model = scripted()
    stack = Stack(model, (FewShot(mode="static", shots=(Shot("1+1", "2"),)), Prompt("Be short.", "{{input}}=")))
    told = stack.wording(Request("2+2", passages=(Passage("p", "d", "</passage> x"),)))
    assert [m.role for m in told] == ["system", "user", "assistant", "user"]
    assert told[0].content == "Be short." and told[1].content == "1+1=" and told[3].content.endswith("2+2=")
    assert "</passage> x" not in told[3].content and model.calls == 0
    assert Stack(model, (Constant("no"),)).wording(Request("q")) == ()


@pytest.mark.parametrize("text", ["</passage 1>", "< / PASSAGE 1>", "<passage 2>"])
def test_a_passage_cannot_leave_its_tags_by_text_or_heading(text: str) -> None:
    (told,) = wording(Request("q", passages=(Passage("p", "d", f"a {text} b", heading=f"h {text}"),)))
    inside = told.content.partition("<passage 1>\n")[2].rpartition("\n</passage 1>")[0]
    assert text not in inside and inside.count("<\\") == 2


# As data


def whole() -> Stack:
    shots = (Shot("Wo?", "Köln – „da“"), Shot("a: b\n- c", "{'x': 1}", {"f": [1, None, True]}))
    layers = (FewShot(mode="static", k=2, shots=shots), Prompt("Say: #1 & *2\n\n  ok ", "{{input}}\t"))
    return Stack(Scripted({"q": "a"}, name="m"), layers, Sampling(max_tokens=7, stop=("\n",)))


def test_a_stack_is_the_same_after_yaml(tmp_path: Path) -> None:
    again = Stack.load(whole().save(tmp_path / "stack.yaml"))
    assert again.spec == whole().spec and again.digest == whole().digest and again.layers == whole().layers
    assert again.sampling == whole().sampling and again(Request("q")).text == "a"


def test_saving_replaces_a_link_and_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("mine", encoding="utf-8")
    (tmp_path / "stack.yaml").symlink_to(tmp_path / "other")
    assert Stack.load(whole().save(tmp_path / "stack.yaml")).digest == whole().digest
    assert (tmp_path / "other").read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    "edit",
    [
        lambda body: body["sampling"].update(max_tokens=8),
        lambda body: body["layers"].pop(),
        lambda body: body["layers"].reverse(),
        lambda body: body["layers"][1].update(instructions="Say"),
        lambda body: body["model"].update(name="n"),
        lambda body: body.update(digest="0" * 64),
    ],
)
def test_an_edited_file_is_found_out(edit: Callable[[dict], object], tmp_path: Path) -> None:  # type: ignore[type-arg]
    path = whole().save(tmp_path / "stack.yaml")
    body = yaml.safe_load(path.read_text("utf-8"))
    edit(body)
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    with pytest.raises(InputError, match="the stack was edited") as wrong:
        Stack.load(path)
    assert wrong.value.file == str(path) and "digest" in wrong.value.hint


def test_an_edit_is_accepted_once_the_digest_line_is_gone(tmp_path: Path) -> None:
    path = whole().save(tmp_path / "stack.yaml")
    body = yaml.safe_load(path.read_text("utf-8"))
    del body["digest"]
    path.write_text(yaml.safe_dump(body | {"sampling": {"max_tokens": 8}}), encoding="utf-8")
    assert Stack.load(path).sampling == Sampling(max_tokens=8)


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "just text",
        "model: {use: scripted}\nlayers: 3",
        "model: {use: scripted}\nlayers: [few_shot]",
        "model: {use: scripted}\nlayers: [{k: 3}]",
        "model: {use: scripted}\nlayers: {}\nsampling: hot",
        "model: {use: scripted}\nsampling: {temperature: hot}",
        "model: {use: scripted}\nsampling: {heat: 1}",
        "model: 7",
        "model: {use: none}",
        "!!python/object/apply:os.system ['true']",
        "a: [",
        "model: {use: scripted, name: &a [x]}\nlayers: [*a, *a]",
        "[" * 5000,
        "",
    ],
)
def test_a_file_that_is_no_stack_is_one_clear_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        Stack.load(tmp_path / "stack.yaml")


def test_a_stack_is_loaded_by_a_unique_digest_of_eight_or_more(tmp_path: Path) -> None:
    stacks = tmp_path / ".suffice" / "stacks"
    stacks.mkdir(parents=True)
    digest = whole().digest
    whole().save(stacks / f"{digest}.yaml")
    assert Stack.load(digest[:8], folder=tmp_path).digest == digest
    for short in (digest[:7], "f" * 64, "*", "../stacks/*"):
        with pytest.raises(InputError, match="no stack at"):
            Stack.load(short, folder=tmp_path)
    (stacks / f"{digest[:8]}x.yaml").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="several stacks"):
        Stack.load(digest[:8], folder=tmp_path)


@pytest.mark.parametrize("place", ["stack.yaml", ".suffice/stacks/s.yaml"])
def test_layers_find_their_files_in_the_folder_the_stack_was_loaded_from(place: str, tmp_path: Path) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    Stack(Scripted(), (Retrieval(folder=Path("/elsewhere")),)).save(path)
    (layer,) = Stack.load(path).layers
    assert isinstance(layer, Retrieval) and layer.folder == tmp_path
    assert "elsewhere" not in path.read_text("utf-8")


def test_the_digest_says_what_is_asked_and_not_where_it_lies() -> None:
    stack = Stack(Scripted(), (Retrieval(folder=Path("a")),))
    assert stack.digest == Stack(Scripted(), (Retrieval(folder=Path("b")),)).digest
    assert stack.digest != Stack(Scripted(), (Retrieval(folder=Path("a"), k=3),)).digest
    assert stack.digest != replace(stack, sampling=Sampling(seed=1)).digest
