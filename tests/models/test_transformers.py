"""A model in a folder, run by torch: the same replies as llama.cpp gives, and nothing of the folder's is executed."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from models import tiny

from suffice.demonstrations import Demonstration
from suffice.errors import Damaged, InputError, ModelError
from suffice.models._pieces import Pieces
from suffice.models.embedded import Embedded
from suffice.models.transformers import Transformers
from suffice.plugins import build, find, spec_of
from suffice.types import Message, Request, Sampling, Tool, wording

pytest.importorskip("torch")
pytest.importorskip("transformers")

LABELS = ("yes", "no", "the", "then")
ASKED = tuple(Request(f"{word} the card?", schema={"enum": list(LABELS)}) for word in ("where", "what", "who", "how"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("task")


@pytest.fixture(scope="module")
def beside(home: Path) -> Embedded:
    """The same weights in llama.cpp."""
    return Embedded(gguf=str(tiny.gguf(home / "tiny.gguf")), context=256, slots=1, folder=home)


@pytest.fixture(scope="module")
def model(home: Path, beside: Embedded) -> Transformers:
    return Transformers(str(tiny.folder(home / "hf")), origin=beside.weights_digest, folder=home)


@pytest.fixture(scope="module")
def adapters(home: Path, beside: Embedded) -> tuple[str, str]:
    first, second = (tiny.adapter(home / f"{n}.safetensors", beside.weights_digest, seed=n, size=1.0) for n in (1, 2))
    return tiny.kept(first, home), tiny.kept(second, home)


def test_torch_and_llama_cpp_agree_with_any_adapter_and_none(
    model: Transformers, beside: Embedded, adapters: tuple[str, str]
) -> None:
    for name in (None, *adapters, None):
        for request in ASKED:
            ours, theirs = (ask(replace(request, model=name)) for ask in (model, beside))
            assert (ours.text, ours.status, ours.usage.input_tokens) == (
                theirs.text,
                theirs.status,
                theirs.usage.input_tokens,
            )
            assert ours.logprobs == pytest.approx(theirs.logprobs, abs=0.1)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_an_adapter_is_what_peft_makes_of_it(model: Transformers, adapters: tuple[str, str], home: Path) -> None:
    pytest.importorskip("peft")
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from suffice.exporters.peft import Peft

    file = home / ".suffice" / "artifacts" / f"{adapters[0].removeprefix('adapter:')}.safetensors"
    Peft().export(file, model, home / "peft")
    plain = AutoModelForCausalLM.from_pretrained(model.path, dtype=torch.float32)
    tuned = PeftModel.from_pretrained(plain, str(home / "peft"))
    answer = model(replace(ASKED[0], model=adapters[0]))
    prompt = tiny.tokenized(f"<|im_start|>user\n{ASKED[0].input}<|im_end|>\n<|im_start|>assistant\n")
    with torch.inference_mode():
        told = tuned(input_ids=torch.tensor([prompt])).logits[0, -1].log_softmax(-1)
    assert answer.logprobs[0] == pytest.approx(float(told[tiny.tokenized(answer.text)[0]]), abs=1e-3)


@pytest.mark.slow
def test_what_a_trainer_leaves_is_served_as_it_was_learned(beside: Embedded, model: Transformers, home: Path) -> None:
    """As often right as its card says, in two engines; and not without the adapter."""
    taught = [
        Demonstration(f"{n}", wording(replace(asked, schema=None)), Message("assistant", LABELS[n % 4]))
        for n, asked in enumerate(ASKED)
    ]
    trainer = find("trainers", "lora")(rank=8, learning_rate=0.02, epochs=60.0, dtype="float32")
    done = trainer.train(taught * 4, taught, model.base(), home / "work")
    name = tiny.kept(done.file, home)
    for ask in (beside, model):
        learned = [ask(replace(asked, schema=None, model=name)) for asked in ASKED]
        right = [a.text == label and a.status == "ok" for a, label in zip(learned, LABELS, strict=True)]
        assert sum(right) / 4 == done.card["metrics"]["held_right"] >= 0.75
        assert ask(replace(ASKED[0], schema=None, sampling=Sampling(max_tokens=8))).text != LABELS[0]


def test_each_request_gets_its_own_adapter_from_many_threads(model: Transformers, adapters: tuple[str, str]) -> None:
    asked = [replace(request, model=name) for request in ASKED for name in (None, *adapters)]
    one_by_one = [model(request).logprobs for request in asked]
    with ThreadPoolExecutor(4) as pool:
        assert [answer.logprobs for answer in pool.map(model, asked * 3)] == one_by_one * 3
    assert len(set(one_by_one)) == len(asked)


def test_confidence_is_how_often_sampling_draws_the_label(model: Transformers) -> None:
    request = replace(ASKED[1], schema={"enum": ["th", "t", "a"]})
    likely = model(request)
    draws = [model(replace(request, sampling=Sampling(temperature=1.0, sample=n))).text for n in range(100)]
    assert likely.confidence is not None
    share = draws.count(likely.text) / len(draws)
    spelt_otherwise = 0.1
    assert likely.confidence - 0.1 <= share <= likely.confidence + spelt_otherwise + 0.1
    assert draws[3] == model(replace(request, sampling=Sampling(temperature=1.0, sample=3))).text


def test_a_narrow_nucleus_draws_what_is_likeliest(model: Transformers) -> None:
    greedy = model(replace(ASKED[0], schema=None, sampling=Sampling(max_tokens=6)))
    drawn = model(replace(ASKED[0], schema=None, sampling=Sampling(max_tokens=6, temperature=5.0, top_p=1e-6)))
    assert drawn.text == greedy.text


def test_limits_stops_and_ends(model: Transformers) -> None:
    free = replace(ASKED[0], schema=None, sampling=Sampling(max_tokens=5))
    cut = model(free)
    assert (cut.status, cut.usage.output_tokens, len(cut.logprobs)) == ("truncated", 5, 5)
    assert cut.confidence is None
    stopped = model(replace(free, sampling=Sampling(max_tokens=5, stop=(cut.text[:1],))))
    assert (stopped.status, stopped.text) == ("ok", "")
    with pytest.raises(ModelError, match=r"has 3\d\d tokens, the model's context holds 256") as error:
        model(Request("x" * 300))
    assert error.value.fault == "rejected"
    full = model(Request("x" * 200, sampling=Sampling(max_tokens=500)))
    assert full.usage.input_tokens + full.usage.output_tokens <= 256


def test_what_it_cannot_do_is_refused(model: Transformers) -> None:
    with pytest.raises(ModelError, match="schemas other than a choice of labels cannot be served") as error:
        model.payload(Request("x", schema={"type": "object"}))
    assert error.value.fault == "rejected"
    with pytest.raises(ModelError, match="no variant `other`"):
        model.payload(Request("x", model="other"))


def test_tools_are_told_in_words_unless_the_template_has_its_own(model: Transformers, tmp_path: Path) -> None:
    asked = Request("x", tools=(Tool("look"),), sampling=Sampling(max_tokens=2))
    assert '"name":"look"' in model.payload(asked)["messages"][0]["content"]
    assert model(asked).tool_calls == ()
    folder = tiny.folder(tmp_path / "m")
    (folder / "chat_template.jinja").write_text("{% for tool in tools %}{{ tool }}{% endfor %}")
    with pytest.raises(ModelError, match="tools in a chat template's own way cannot be served"):
        Transformers(str(folder)).payload(asked)


def test_a_model_is_its_spec_and_its_digest_names_files_and_precision(model: Transformers, home: Path) -> None:
    assert build("models", spec_of(model)) == model
    assert replace(model, dtype="bfloat16").digest != model.digest
    assert model.base().digest == model.origin
    assert replace(model, origin="").base().digest == model.weights_digest
    other = tiny.folder(home / "other", seed=5)
    assert Transformers(str(other)).digest != model.digest
    assert Transformers(str(other), dtype="bfloat16")(ASKED[0]).text in LABELS


def test_an_adapter_that_does_not_fit_is_refused(model: Transformers, home: Path) -> None:
    foreign = tiny.kept(tiny.adapter(home / "foreign.safetensors", "f" * 64), home)
    with pytest.raises(InputError, match="trained on other weights"):
        model(replace(ASKED[0], model=foreign))
    wide = tiny.kept(tiny.adapter(home / "wide.safetensors", model.origin, seed=7), home)
    narrow = replace(model, path=str(smaller(home / "smaller")))
    with pytest.raises(Damaged, match=r"layers\.1\.mlp\.down_proj` is no matrix of this model"):
        narrow(replace(ASKED[0], model=wide))


def smaller(path: Path) -> Path:
    """The model without its second layer."""
    tiny.folder(path)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}))
    return path


def spoilt_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def foreign_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    told = {"model_type": "strange", "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}}
    (folder / "config.json").write_text(json.dumps(config | told))
    (folder / "own.py").write_text(f"open({str(folder / 'RAN')!r}, 'w')\nclass Config: pass\nclass Model: pass\n")


def cut_weights(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def no_template(folder: Path) -> None:
    told = json.loads((folder / "tokenizer_config.json").read_text())
    del told["chat_template"]
    (folder / "tokenizer_config.json").write_text(json.dumps(told))


@pytest.mark.parametrize("spoil", [spoilt_config, foreign_code, cut_weights, no_template])
def test_a_folder_that_is_no_model_is_one_clear_error(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    folder = tiny.folder(tmp_path / "m")
    spoil(folder)
    with pytest.raises(InputError) as error:
        Transformers(str(folder))(ASKED[0])
    assert error.value.hint
    assert not (folder / "RAN").exists()


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    folder = tiny.folder(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"has no \*\.safetensors"):
        _ = Transformers(str(folder)).digest


def test_a_template_cannot_reach_out(tmp_path: Path) -> None:
    folder = tiny.folder(tmp_path / "m")
    told = json.loads((folder / "tokenizer_config.json").read_text())
    told["chat_template"] = "{{ ''.__class__.__mro__ }}"
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    with pytest.raises(ModelError, match="chat template rejects"):
        Transformers(str(folder))(ASKED[0])


@pytest.mark.slow
def test_it_says_nothing_on_the_terminal(model: Transformers) -> None:
    code = (
        "import sys\nfrom suffice.models.transformers import Transformers\n"
        "from suffice.types import Request, Sampling\n"
        "print(Transformers(sys.argv[1])(Request('Hello', sampling=Sampling(max_tokens=2))).status)"
    )
    done = subprocess.run([sys.executable, "-c", code, model.path], capture_output=True, text=True, env=os.environ)
    assert (done.stdout, done.stderr) == ("truncated\n", "")


def test_tokens_lead_to_texts_by_their_bytes(model: Transformers) -> None:
    from transformers import AutoTokenizer

    pieces = Pieces(AutoTokenizer.from_pretrained(model.path))
    assert {pieces.of[n] for n in pieces.leading([b"then", b"to", "é".encode()])} == {b"t", b"th", b"\xc3"}
    assert pieces.leading([b""]) == []
    assert len(pieces.of) == 257


def test_probabilities_of_a_reply_are_those_of_its_tokens(model: Transformers) -> None:
    answer = model(ASKED[2])
    assert answer.confidence is not None
    assert 0 < answer.confidence <= 1
    assert math.exp(sum(answer.logprobs)) <= answer.confidence
