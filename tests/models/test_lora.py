"""Adapters in the engine: the right numbers in the right rows, for the requests that name them alone."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from models import tiny

from suffice.adapter import Adapter
from suffice.errors import Damaged, InputError, ModelError
from suffice.models._lora import write_lora
from suffice.models._turns import calling
from suffice.models.embedded import Embedded
from suffice.types import Answer, Request, Tool

LABELS = ("yes", "no", "the", "then")
ASKED = tuple(Request(f"{word} the card?", schema={"enum": list(LABELS)}) for word in ("where", "what", "who", "how"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("task")


@pytest.fixture(scope="module")
def model(home: Path) -> Embedded:
    return Embedded(gguf=str(tiny.gguf(home / "tiny.gguf")), context=256, slots=2, folder=home)


@pytest.fixture(scope="module")
def adapters(home: Path, model: Embedded) -> tuple[str, str]:
    first, second = (tiny.adapter(home / f"{n}.safetensors", model.weights_digest, seed=n, size=1.0) for n in (1, 2))
    return tiny.kept(first, home), tiny.kept(second, home)


def told(answers: Sequence[Answer]) -> list[float]:
    return [p for answer in answers for p in answer.logprobs]


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_the_engine_gives_the_numbers_that_the_matrices_give(tmp_path: Path, architecture: str) -> None:
    """Against a plain reading of the architecture: were the rows of q and k in another order, nothing would agree."""
    model = Embedded(
        gguf=str(tiny.gguf(tmp_path / "m.gguf", architecture=architecture)), context=256, slots=1, folder=tmp_path
    )
    file = tiny.adapter(tmp_path / "a.safetensors", model.weights_digest, size=1.0)
    found = Adapter.read(file)
    for name in (None, tiny.kept(file, tmp_path)):
        weights = tiny.weights()
        for module, pair in (found.pairs() if name else {}).items():
            change = found.scale * found.numbers(pair.b) @ found.numbers(pair.a)
            weights[f"{module}.weight"] = weights[f"{module}.weight"] + change
        answer = model(replace(ASKED[0], model=name))
        expected = tiny.logprob(weights, ASKED[0].input, answer.text, architecture)
        assert answer.logprobs[0] == pytest.approx(expected, abs=0.1)


def test_each_request_gets_its_own_adapter_whatever_is_asked_around_it(
    model: Embedded, adapters: tuple[str, str]
) -> None:
    asked = [replace(request, model=name) for request in ASKED for name in (None, *adapters)]
    one_by_one = [model(request) for request in asked]
    with ThreadPoolExecutor(6) as pool:
        at_once = list(pool.map(model, asked * 4))
    assert told(at_once) == pytest.approx(told(one_by_one) * 4, abs=0.02)
    by_name = [told([model(replace(request, model=name)) for request in ASKED]) for name in (None, *adapters)]
    assert not any(np.allclose(a[:4], b[:4], atol=0.2) for a, b in zip(by_name, by_name[1:] + by_name[:1], strict=True))


def test_what_names_no_adapter_is_answered_as_if_there_were_none(model: Embedded, adapters: tuple[str, str]) -> None:
    alone = Embedded(gguf=model.gguf, context=128, slots=1)
    before = told([alone(request) for request in ASKED])
    for name in adapters:
        for request in ASKED:
            model(replace(request, model=name))
    assert told([model(request) for request in ASKED]) == pytest.approx(before, abs=0.02)


def test_a_prefix_read_under_one_adapter_is_not_used_under_another(
    model: Embedded, adapters: tuple[str, str], home: Path
) -> None:
    """In the order in which a lane that switched would find it in llama.cpp's memory of earlier prompts."""
    first, second = adapters
    long, other = (replace(ASKED[0], instructions=(text * 15,)) for text in ("be brief, ", "say more; "))
    expected = {}
    for context, name in enumerate(adapters, start=192):
        fresh = Embedded(gguf=model.gguf, context=context, slots=1, folder=home)
        expected[name] = told([fresh(replace(long, model=name))])
    one = Embedded(gguf=model.gguf, context=224, slots=1, folder=home)
    asked = ((first, long), (second, other), (second, long), (first, long))
    answers = [one(replace(request, model=name)) for name, request in asked]
    for at in (0, 2, 3):
        assert told([answers[at]]) == pytest.approx(expected[asked[at][0]], abs=0.02)
    assert answers[2].usage.cached_tokens < 30, "the template's beginning at most"
    assert answers[3].usage.cached_tokens > 0.9 * answers[3].usage.input_tokens, "its own prefix it keeps"


def test_lanes_for_ever_more_adapters_close_the_ones_idle_for_longest(model: Embedded, home: Path) -> None:
    one = Embedded(gguf=model.gguf, context=160, slots=1, folder=home)
    names = [
        tiny.kept(tiny.adapter(home / f"{n}.safetensors", model.weights_digest, seed=n), home) for n in range(3, 9)
    ]
    first = told([one(replace(ASKED[0], model=name)) for name in names])
    assert one._engine().opened.total() == 4
    assert told([one(replace(ASKED[0], model=name)) for name in names]) == pytest.approx(first, abs=0.02)


def test_the_adapter_is_part_of_what_a_reply_is_kept_under(model: Embedded, adapters: tuple[str, str]) -> None:
    plain, first, second = (model.payload(replace(ASKED[0], model=name)) for name in (None, *adapters))
    assert adapters[0].removeprefix("adapter:") in first["adapter"]
    assert {key: value for key, value in first.items() if key != "adapter"} == plain
    assert first != second
    for name in ("adapter:12", "adapter:../../etc/passwd", "other"):
        with pytest.raises(ModelError, match="no variant"):
            model.payload(replace(ASKED[0], model=name))


def test_an_adapter_is_told_of_tools_as_it_learned_them(model: Embedded, adapters: tuple[str, str]) -> None:
    asked = Request("look for Rome", tools=(Tool("look", "Look it up."),))
    plain, tuned = model.payload(asked), model.payload(replace(asked, model=adapters[0]))
    assert plain["tools"][0]["function"]["name"] == "look"
    assert "tools" not in tuned
    assert tuned["messages"][0]["role"] == "system"
    assert '{"name":"look","description":"Look it up.","parameters":{}}' in tuned["messages"][0]["content"]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('[{"name":"look","arguments":{"for":"Rome"}}]', [("look", {"for": "Rome"})]),
        ('{"name": "look"}', [("look", {})]),
        ('[{"name":"a","arguments":[1]},{"name":"b"}]', [("a", {}), ("b", {})]),
        ("[]", []),
        ("I cannot.", []),
        ('[{"name": 7}]', []),
        ("[" * 100_000, []),
    ],
)
def test_calls_are_read_from_a_reply_in_json(text: str, calls: list[tuple[str, dict[str, str]]]) -> None:
    answer = calling(Answer(text))
    assert [(call.name, call.arguments) for call in answer.tool_calls] == calls
    assert answer.text == ("" if calls else text)


def test_an_adapter_that_is_not_there_or_was_changed_is_told(model: Embedded, home: Path) -> None:
    with pytest.raises(Damaged, match="artifact 000000000000 is missing"):
        model(replace(ASKED[0], model=f"adapter:{'0' * 64}"))
    name = tiny.kept(tiny.adapter(home / "spoilt.safetensors", model.weights_digest, seed=99), home)
    file = home / ".suffice" / "artifacts" / f"{name.removeprefix('adapter:')}.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    with pytest.raises(Damaged, match="content has changed"):
        model(replace(ASKED[0], model=name))


def test_an_adapter_to_other_weights_is_refused(model: Embedded, home: Path) -> None:
    name = tiny.kept(tiny.adapter(home / "foreign.safetensors", "f" * 64), home)
    with pytest.raises(InputError, match="trained on other weights") as error:
        model(replace(ASKED[0], model=name))
    assert "do not port" in error.value.hint


@pytest.mark.slow
def test_numbers_that_overflow_are_found_in_a_trial(model: Embedded, home: Path) -> None:
    name = tiny.kept(tiny.adapter(home / "huge.safetensors", model.weights_digest, size=1e30), home)
    with pytest.raises(Damaged, match="a trial run of this adapter failed"):
        model(replace(ASKED[0], model=name))
    assert model(ASKED[0]).text in LABELS


def test_a_pair_of_another_shape_or_for_no_matrix_is_named(model: Embedded, home: Path) -> None:
    good = Adapter.read(tiny.adapter(home / "good.safetensors", model.weights_digest))
    renamed = {
        name.replace("q_proj", "k_proj"): t for name, t in good.tensors.items() if "layers.0.self_attn.q" in name
    }
    with pytest.raises(Damaged, match="k_proj` has 64 inputs and 32 outputs"):
        write_lora(replace(good, tensors=renamed), Path(str(model.gguf)), home / "x.gguf")
    beyond = {name.replace("layers.0", "layers.7"): t for name, t in good.tensors.items()}
    with pytest.raises(Damaged, match=r"layers\.7\.mlp\.down_proj` is no matrix"):
        write_lora(replace(good, tensors=beyond), Path(str(model.gguf)), home / "x.gguf")
    embedded = {name.replace("layers.0.self_attn.q_proj", "embed_tokens"): t for name, t in good.tensors.items()}
    with pytest.raises(Damaged, match="embed_tokens` is no matrix of this model's layers"):
        write_lora(replace(good, tensors=embedded), Path(str(model.gguf)), home / "x.gguf")
    assert not (home / "x.gguf").exists()


def test_an_architecture_that_nobody_checked_is_refused(model: Embedded, home: Path) -> None:
    content = Path(str(model.gguf)).read_bytes()
    other = home / "other.gguf"
    other.write_bytes(content.replace(b"llama", b"gemma"))
    adapter = Adapter.read(tiny.adapter(home / "any.safetensors", "0" * 64))
    with pytest.raises(InputError, match="architecture `gemma` cannot be served"):
        write_lora(adapter, other, home / "y.gguf")
