"""What each shelf promises, checked; an AssertionError says which promise is broken."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args

from ..data import Context, Kind, worded
from ..digest import digest_of, plain
from ..documents import Corpus, Section
from ..errors import InputError, SufficeError
from ..exchange import Exchange
from ..importer import Row, Unusable
from ..layer import Cause, Duty, Gate, Layer
from ..model import Model
from ..platform import Order
from ..plugins import build, find, spec_of
from ..probe import Arms, Setting
from ..score import Score
from ..stack import Stack
from ..types import Answer, Message, Request
from .samples import OUTPUTS, sample_adapter, sample_dataset, sample_task

KINDS: tuple[Kind, ...] = ("text", "labels", "schema")


def check(shelf: str, plugin: Any) -> None:
    """Check any plugin by the shelf it stands on."""
    checks[shelf](plugin)


def check_layer(layer: type[Layer]) -> None:
    """A frozen, documented dataclass that says what it treats, fits without changing, and rebuilds from its spec."""
    _is_value(layer)
    assert issubclass(layer, Layer), f"{layer.__name__} is not a Layer"
    assert set(layer.treats) <= set(get_args(Cause)), f"{layer.__name__}.treats names no known cause"
    made = 0
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            made += _check_layer_on(layer, kind, Path(folder))
    assert made, f"{layer.__name__}.for_task found nothing to do in any sample task"


def _check_layer_on(layer: type[Layer], kind: Kind, folder: Path) -> bool:
    task = sample_task(kind, folder=folder)
    found = layer.for_task(task)
    if found is None:
        return False
    model = find("models", "scripted")(otherwise=_right(kind))
    before = digest_of(spec_of(found))
    variants = found.variants(task.parts.pool)
    assert variants and all(type(v) is layer for v in variants), f"{layer.__name__}.variants makes other things"
    fitted = variants[0].fit(Stack(model), task.parts.pool)
    assert type(fitted) is layer, f"{layer.__name__}.fit returns a {type(fitted).__name__}"
    assert digest_of(spec_of(found)) == before, f"{layer.__name__}.fit changed the layer it was called on"
    assert all(isinstance(g, Gate) for g in found.gates(task, task.parts.pool)), "gates are Gates"
    assert all(isinstance(d, Duty) for d in found.duties(task)), "duties are Duties"
    _rebuilds("layers", fitted)
    answer = fitted(task.dataset[0].request, model)
    assert isinstance(answer, Answer), f"{layer.__name__} answers with {type(answer).__name__}, not an Answer"
    return True


def check_model(model: Any) -> None:
    """It knows its name, digest, width and payload; equal requests give equal payloads; no key is in its spec."""
    assert isinstance(model, Model), f"{type(model).__name__} lacks one of name, digest, parallel, spec, payload"
    assert model.name and model.parallel >= 1, "a model has a name and answers at least one request at a time"
    assert re.fullmatch("[0-9a-f]{8,}", model.digest), f"the digest is not hexadecimal: {model.digest}"
    assert model.spec.get("use"), "the spec says by `use` which plugin it is"
    json.dumps(plain(model.spec), allow_nan=False)
    payload = model.payload(Request("a question"))
    assert json.dumps(plain(payload)) == json.dumps(plain(model.payload(Request("a question")))), "payloads differ"


def check_scorer(scorer: Any) -> None:
    """It says which outputs it cannot judge; of the others a right answer scores best, and none raises."""
    _is_value(type(scorer))
    _rebuilds("scorers", scorer)
    judged = 0
    for kind in get_args(Kind):
        misfit = scorer.misfit(OUTPUTS[kind])
        assert misfit is None or misfit, "misfit is None or a reason"
        judged += misfit is None and _judges(scorer, kind)
    assert judged, f"{type(scorer).__name__} can judge no kind of output"


def _judges(scorer: Any, kind: Kind) -> bool:
    example = sample_dataset(kind)[0]
    right, wrong = (scorer(example, Answer(text)) for text in (_right(kind), "⁇"))
    for score in (right, wrong, scorer(example, Answer("")), scorer(replace(example, expected=None), Answer("x"))):
        assert isinstance(score, Score), "a scorer returns a Score"
        assert score.value is None or (math.isfinite(score.value) and 0 <= score.value <= 1), (
            f"{score} is outside [0, 1]"
        )
        assert score.reason, "a score says why"
    assert right.value is None or wrong.value is None or right.value > wrong.value, "a right answer scores no better"
    return True


def check_reader(reader: Callable[[Path], Sequence[Section]], sample: bytes | None = None) -> None:
    """Of a sample it makes sections; of rubbish it makes sections or one InputError, and never another error."""
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate((b"", b"\x00\xff\xfe rubbish \x80", b"%PDF-1.4 broken", b"PK\x03\x04 broken")):
            path = Path(folder, f"{number}.bin")
            path.write_bytes(content)
            _sections(reader, path)
        if sample is not None:
            path = Path(folder, "sample.bin")
            path.write_bytes(sample)
            assert any(s.text.strip() for s in reader(path)), "the sample has no text"


def _sections(reader: Callable[[Path], Sequence[Section]], path: Path) -> None:
    try:
        found = reader(path)
    except InputError as wrong:
        assert wrong.message, "an error says what is wrong"
    else:
        assert all(isinstance(s, Section) for s in found), "a reader returns Sections"


def check_embedder(embedder: Any) -> None:
    """Rows of length one, as many as texts, alike for alike texts, whatever stands beside them."""
    import numpy as np

    _is_value(type(embedder))
    assert re.fullmatch("[0-9a-f]{8,}", embedder.digest), "the digest is hexadecimal"
    rows = embedder(["a cat sat", "a cat was sitting", "invoice number seven", ""])
    assert rows.shape == (4, embedder.dimension) and rows.dtype == np.float32, f"{rows.shape} {rows.dtype}"
    assert np.allclose(np.linalg.norm(rows[:3], axis=1), 1, atol=1e-4), "rows are of length one"
    assert rows[0] @ rows[1] > rows[0] @ rows[2], "alike texts are not nearer than unlike ones"
    assert np.allclose(embedder(["a cat sat"])[0], rows[0], atol=1e-3), "a row depends on its neighbours"
    assert embedder([]).shape == (0, embedder.dimension), "no texts give no rows"


def check_index(index: Any) -> None:
    """It finds the passage that a query is about, and of a second build touches nothing."""
    from ..chunks import Recipe

    with tempfile.TemporaryDirectory() as folder:
        task = sample_task("text", folder=Path(folder))
        assert task.documents is not None
        corpus, recipe = Corpus(task.documents), Recipe(embedder=None)
        built = index.build(corpus, recipe, Path(folder))
        assert built.added == 2 and built.passages >= 2, f"two documents, but {built}"
        assert index.build(corpus, recipe, Path(folder)).added == 0, "an unchanged corpus was indexed again"
        found = index.open(built.path, Path(folder)).search("when is Oslo open", k=1, mode="lexical")
        assert [p.document for p in found] == ["oslo.md"], f"found {found}"


def check_probe(probe: Any) -> None:
    """It names its place in the order and what it proves; its arms are stacks, each with a sham beside it."""
    _is_value(type(probe))
    assert isinstance(type(probe).order, int), "a probe has its place in the order"
    assert set(probe.proves) <= set(get_args(Cause)), "a probe proves known causes, or none"
    made = 0
    for kind in get_args(Kind):
        with tempfile.TemporaryDirectory() as folder:
            for setting in _settings(kind, Path(folder)):
                arms = probe.arms(setting)
                if arms is not None:
                    made += 1
                    _holds_stacks(arms)
    assert made, f"{type(probe).__name__} finds nothing to do in any sample task"


def _holds_stacks(arms: Arms) -> None:
    assert isinstance(arms.probe, Stack), "arms hold stacks"
    assert all(sham.digest != arms.probe.digest for sham in arms.shams), "a sham is the probe itself"
    assert arms.shams or arms.reads == "agreement", "a probe has a sham"


def _settings(kind: Kind, folder: Path) -> Iterator[Setting]:
    """A prompt's failures; and those of a stack that searches, on malformed and foreign input, with a strong model."""
    task = sample_task(kind, folder=folder)
    assert task.documents is not None
    prompt = find("layers", "prompt").for_task(task)
    searching = find("layers", "retrieval")("documents", k=1, mode="lexical", embedder=None, folder=folder)
    hm, strong = find("models", "scripted")(otherwise="hm"), find("models", "scripted")(otherwise="well")
    stack, corpus = Stack(hm, (prompt,)), Corpus(task.documents)
    failures, pool = task.dataset[:8], task.dataset[8:]
    yield Setting(stack, failures, pool, task.output, task.goal, corpus, folder)
    told = [Context(f"{city.lower()}.md", f"Our office in {city} is open") for city in ("Rome", "Oslo")]
    wide = pool.only(replace(e, input=f"{e.input} {' '.join(f'word{n}' for n in range(120))}") for e in pool)
    for k, city in ((1, ("Oslo", "Rome")), (2, ("Rome Oslo", "Oslo Rome"))):
        hard = [replace(e, input=FOREIGN.format(city[n % 2]), context=(told[n % 2],)) for n, e in enumerate(failures)]
        over = stack.push(replace(searching, k=k))
        asked = Setting(over, failures.only(hard), wide, task.output, task.goal, corpus, folder, strong=strong)
        yield replace(asked, replies={e.id: Answer(worded(e.accepted[0])) for e in failures})


FOREIGN = "<b>Gdzie jest</b> moja paczka z {}, proszÄ™ o pilnÄ… odpowiedź"


HOSTILE: tuple[Any, ...] = (None, True, -1, 1e308, "", "\u202e{", "[", [], [None], [[]], {}, {"": {}}, [{"role": 5}])
"""What a field of a log may hold instead of what its name says."""


def check_importer(importer: Any, samples: Sequence[Mapping[str, Any]] = ()) -> None:
    """It is sure of nothing in particular, tells every row as exchanges or why not, and raises over none of them.

    `samples` are rows of its own kind: each is recognised, tells of an exchange, and is tried with every field spoilt.
    """
    _is_value(type(importer))
    assert all(isinstance(path, str) and path for path in type(importer).splits), "splits are dotted paths"
    assert importer.recognises({"a": 1, "b": 2}) == 0, "it recognises anything"
    for sample in samples:
        assert 0 < importer.recognises(dict(sample)) <= 1, f"it does not recognise {sorted(sample)}"
        assert any(isinstance(found, Exchange) for found in _imported(importer, sample)), "a sample tells no exchange"
    for sample in (*samples, *({key: 0} for key in LOGGED), dict.fromkeys(LOGGED, 0)):
        for key in sample:
            for value in HOSTILE:
                _imported(importer, {**sample, key: value})


def _imported(importer: Any, value: Mapping[str, Any]) -> list[Any]:
    row = Row("log.jsonl", 7, dict(value))
    found = list(importer.exchanges([row]))
    for one in found:
        assert isinstance(one, Exchange | Unusable), f"an importer yields {type(one).__name__}"
        assert isinstance(one, Exchange) or one.reason, "a row that is not used has a reason"
        assert (one.file, one.line) == ("log.jsonl", 7), "what was found says where"
    return found


LOGGED = ("messages", "input", "output", "request", "response", "choices", "attributes", "observations", "usage", "id")


def _is_value(plugin: type) -> None:
    frozen = is_dataclass(plugin) and plugin.__dataclass_params__.frozen  # type: ignore[attr-defined]  # not in stubs
    assert frozen, f"{plugin.__name__} is not a frozen dataclass"
    assert plugin.__doc__ and not plugin.__doc__.startswith(f"{plugin.__name__}("), (
        f"{plugin.__name__} has no docstring"
    )


def _rebuilds(shelf: str, plugin: Any) -> None:
    """From its spec, written as JSON, comes an equal value."""
    spec = json.loads(json.dumps(plain(spec_of(plugin)), allow_nan=False))
    again = build(shelf, spec)
    hidden = {f.name: getattr(plugin, f.name) for f in fields(plugin) if not f.repr and f.init}
    assert replace(again, **hidden) == plugin, f"{type(plugin).__name__} does not rebuild from its spec"


def _right(kind: Kind) -> str:
    from ..data import worded

    return worded(sample_dataset(kind)[0].accepted[0])


def check_platform(platform: Any) -> None:
    """It writes one line a row, takes good rows, says of bad ones where and what to do; no key is in its spec."""
    from ..demonstrations import demonstrations
    from ..plugins import name_of
    from ..terms import terms_of

    _is_value(type(platform))
    _rebuilds("platforms", platform)
    assert not re.search("key|token|secret", " ".join(spec_of(platform)), re.I), "a key is no field"
    rows = demonstrations(Stack(find("models", "scripted")(otherwise="x")), sample_dataset("labels", 120))
    order = Order("some-model-8b")
    assert platform.data(rows).count(b"\n") == len(rows), "the data is one line a row"
    assert platform.data(rows) == platform.data(rows), "the same rows give the same bytes"
    fatal = [m for m in platform.misfits(rows, order) if m.fatal]
    assert not fatal, f"sound rows are refused: {fatal[0]}"
    empty = (replace(rows[0], reply=Message("assistant", " ")), *rows[1:])
    found = [m for m in platform.misfits(empty, order) if m.fatal and m.line == 1 and m.id == rows[0].id]
    assert found and all(m.fix for m in found), "an empty reply in row 1 is not refused there, or without what to do"
    terms = terms_of(name_of(type(platform)))
    told: list[Any] = [*terms.said.values(), *terms.prices, *terms.ends]
    assert all(said.source and said.read for said in told), "what is said of a platform has a source and a date"
    assert isinstance(platform.starts, bool) and (platform.starts or platform.script(order)), "jobs start, or a script"


def check_trainer(trainer: Any) -> None:
    """A recipe with a seed in it, that says what comes out; it rebuilds from its spec, whatever the seed."""
    _is_value(type(trainer))
    assert trainer.kind in ("lora", "full", "preference", "embedding"), f"`{trainer.kind}` is no kind of training"
    assert isinstance(trainer.seed, int), "the seed is a field of the recipe"
    assert callable(trainer.train), "a trainer trains"
    _rebuilds("trainers", trainer)
    _rebuilds("trainers", replace(trainer, seed=trainer.seed + 1))


def check_exporter(exporter: Any) -> None:
    """Of a sample adapter it writes files, all into the folder, or says what the model lacks; of rubbish none."""
    _is_value(type(exporter))
    _rebuilds("exporters", exporter)
    model = find("models", "scripted")(otherwise="x")
    for content, sound in ((sample_adapter(), True), (b"rubbish", False), (sample_adapter()[:-8], False)):
        with tempfile.TemporaryDirectory() as folder:
            adapter, out = Path(folder, "adapter.safetensors"), Path(folder, "out")
            adapter.write_bytes(content)
            try:
                made = exporter.export(adapter, model, out)
            except SufficeError as told:
                assert told.hint or not sound, "an adapter or a model is refused without what to do"
                made = []
            assert sound or not made, "rubbish is exported"
            assert sorted(made) == sorted(out.glob("*")), "what was written is not what was returned"


checks: dict[str, Callable[[Any], None]] = {
    "layers": check_layer,
    "models": check_model,
    "scorers": check_scorer,
    "readers": check_reader,
    "embedders": check_embedder,
    "indexes": check_index,
    "probes": check_probe,
    "importers": check_importer,
    "trainers": check_trainer,
    "platforms": check_platform,
    "exporters": check_exporter,
}
