"""The classifier labels without a model, knows how sure it is, and hands over what it is not sure of."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from suffice.artifacts import Artifacts
from suffice.data import Dataset, Example, Output
from suffice.errors import Damaged
from suffice.layers.classifier import VARIANTS, Classifier, Features, Method, terms_of
from suffice.models.scripted import Scripted
from suffice.plugins import build, spec_of
from suffice.stack import Stack
from suffice.testing.samples import sample_task
from suffice.types import Answer, Request

TOPICS = {
    "refund": ("I want my money back", "please refund my order", "give me back what I paid", "my money back please"),
    "shipping": ("where is my parcel", "my parcel has not arrived", "when is it delivered", "track my parcel"),
    "login": ("I forgot my password", "the login page rejects me", "my account is locked", "reset my password"),
}
POOL = Dataset(
    tuple(Example(f"{label}{n}", text, label) for label, texts in TOPICS.items() for n, text in enumerate(texts)),
    Output("labels", labels=tuple(TOPICS)),
)


def fitted(folder: Path, pool: Dataset = POOL, method: Method = "logistic", features: Features = "words") -> Classifier:
    return Classifier(method, features, folder=folder).fit(Scripted(), pool)


def ask(layer: Classifier, text: str) -> tuple[Answer, int]:
    model = Scripted(otherwise="from beneath")
    return Stack(model, (layer,))(Request(text)), model.calls


@pytest.mark.usefixtures("minilm")
@pytest.mark.parametrize(("method", "features"), VARIANTS)
def test_every_method_learns_the_labels_and_asks_nobody(tmp_path: Path, method: Method, features: Features) -> None:
    layer = fitted(tmp_path, method=method, features=features)
    for text, label in (("refund my money", "refund"), ("my parcel is late", "shipping"), ("password?", "login")):
        answer, calls = ask(layer, text)
        assert (answer.text, answer.value, calls) == (label, label, 0)
        assert answer.confidence is not None and 1 / 3 < answer.confidence <= 1


def test_under_its_threshold_it_asks_what_is_beneath(tmp_path: Path) -> None:
    layer = replace(fitted(tmp_path), threshold=0.999)
    answer, calls = ask(layer, "parcel")
    assert (answer.text, calls) == ("from beneath", 1)
    assert answer.trace[0].notes["handed_over"] == "shipping"


def test_unfitted_it_asks_what_is_beneath(tmp_path: Path) -> None:
    assert ask(Classifier(folder=tmp_path), "parcel")[0].text == "from beneath"


def test_what_was_learned_is_the_same_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    turned = POOL.only(reversed(POOL.examples))
    assert fitted(tmp_path) == fitted(tmp_path, turned)


def test_two_labels_and_one_label_are_learned_too(tmp_path: Path) -> None:
    two = POOL.only(e for e in POOL if e.expected != "login")
    assert [ask(fitted(tmp_path, two), t)[0].text for t in ("money back", "parcel")] == ["refund", "shipping"]
    one = POOL.only(e for e in POOL if e.expected == "login")
    assert ask(fitted(tmp_path, one), "anything")[0].text == "login"


def test_texts_without_a_known_word_get_an_unsure_answer(tmp_path: Path) -> None:
    for text in ("", "qqq zzz", "\x00\udcff", "字" * 5000):
        answer, _ = ask(fitted(tmp_path), text)
        assert answer.text in TOPICS and answer.confidence is not None and answer.confidence < 0.6


def test_it_is_rebuilt_from_its_spec_and_its_artifact(tmp_path: Path) -> None:
    layer = fitted(tmp_path)
    rebuilt = replace(build("layers", json.loads(json.dumps(spec_of(layer)))), folder=tmp_path)
    assert rebuilt == layer
    assert ask(rebuilt, "parcel")[0].confidence == ask(layer, "parcel")[0].confidence


def test_an_artifact_that_is_none_of_its_own_is_damaged_and_never_unpickled(tmp_path: Path) -> None:
    import io

    import numpy as np

    file = io.BytesIO()
    np.savez(file, labels=np.array([print], dtype=object))
    artifacts = Artifacts(tmp_path / ".suffice" / "artifacts")
    for content in (file.getvalue(), b"PK rubbish", b"PK\x03\x04 rubbish", b""):
        with pytest.raises(Damaged):
            ask(Classifier(weights=artifacts.put(content, ".npz"), folder=tmp_path), "parcel")


def test_it_is_for_label_tasks_alone(tmp_path: Path) -> None:
    assert Classifier.for_task(sample_task("labels", folder=tmp_path)) is not None
    assert Classifier.for_task(sample_task("text", folder=tmp_path)) is None


def test_two_labels_seen_are_enough_to_try(tmp_path: Path) -> None:
    task = replace(sample_task("labels", folder=tmp_path), output=POOL.output)
    layer = Classifier(folder=tmp_path)
    assert all(g.passed for g in layer.gates(task, POOL))
    (seen,) = layer.gates(task, POOL.only(e for e in POOL if e.expected == POOL[0].expected))
    assert not seen.passed and seen.measured == "1"


def test_terms_are_words_pairs_and_parts() -> None:
    assert terms_of("My Card") == ["my", "card", "my card", *_parts("my"), *_parts("card")]
    assert len(terms_of("word " * 100_000)) < 100_000


def _parts(word: str) -> Sequence[str]:
    padded = f" {word} "
    return [f"#{padded[at : at + n]}" for n in (3, 4, 5) for at in range(len(padded) - n + 1)]


@pytest.mark.slow
def test_on_banking77_words_alone_label_five_of_six_messages(data: Path, tmp_path: Path) -> None:
    train, test = (_read(data / "banking77" / f"{part}.csv") for part in ("train", "test"))
    layer = fitted(tmp_path, train, "bayes")
    answers = [(e.expected, *_label(layer, e)) for e in test.examples[::10]]
    right = [expected == label for expected, label, _ in answers]
    assert sum(right) / len(right) > 0.84
    sure = [ok for ok, (_, _, confidence) in zip(right, answers, strict=True) if confidence > 0.9]
    assert len(sure) > 100 and sum(sure) / len(sure) > 0.93, "confidence means what it says"


def _label(layer: Classifier, example: Example) -> tuple[str, float]:
    answer = layer(example.request, Scripted())
    return answer.text, answer.confidence or 0.0


def _read(path: Path) -> Dataset:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [Example(str(n), row["text"], row["category"]) for n, row in enumerate(csv.DictReader(file))]
    return Dataset(tuple(rows), Output("labels"))
