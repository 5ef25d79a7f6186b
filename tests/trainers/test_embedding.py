"""An embedder is tuned on pairs: by the loss of sentence-transformers, into weights that the embedder's graph takes."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from suffice.pairs import Pair  # noqa: E402
from suffice.trainer import Base  # noqa: E402
from suffice.trainers._batches import batch_of  # noqa: E402
from suffice.trainers._encoder import Encoder  # noqa: E402
from suffice.trainers.embedding import Embedding, minilm  # noqa: E402

PAIRS = [Pair(str(n), f"what is the {'very ' * (n % 3)}code of item {n}", f"Item {n}: code {n * 7}") for n in range(40)]


@pytest.fixture(scope="module")
def small(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A BERT of one small layer, with the embedder's tokenizer."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("small")
    (folder / "tokenizer.json").write_bytes(minilm.with_name("tokenizer.json").read_bytes())
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        BertModel(BertConfig(**sizes)).save_pretrained(folder)
    return Base("small", "0" * 64, folder)


def test_questions_come_nearer_to_their_texts(small: Base, tmp_path: Path) -> None:
    recipe = Embedding(learning_rate=0.01, epochs=8, tokens_per_step=600)
    done = recipe.train(PAIRS[:32], PAIRS[32:], small, tmp_path)
    assert done.card["kind"] == "embedding" and done.card["data"]["rows"] == 32
    assert done.curve[-1].loss < 0.7 * done.curve[0].loss


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_loss_is_that_of_sentence_transformers(small: Base) -> None:
    sentence = pytest.importorskip("sentence_transformers.util")
    encoder = Encoder(small.folder, "cpu", 256)
    batch = batch_of(tuple(row for unit in encoder.rows(PAIRS[:6]) for row in unit))
    ours = encoder.judge(batch).nll.mean()
    with torch.no_grad():
        queries, texts = (encoder.vectors([r.tokens for r in batch.rows[n::2]]) for n in (0, 1))
        theirs = torch.nn.functional.cross_entropy(sentence.cos_sim(queries, texts) * 20.0, torch.arange(6))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-4)


def test_its_vectors_are_the_embedders(minilm_base: Base) -> None:
    from suffice.embedders.minilm import Minilm

    encoder = Encoder(minilm_base.folder, "cpu", 256)
    rows = encoder.rows(PAIRS[:3])
    with torch.no_grad():
        ours = encoder.vectors([query.tokens for query, _ in rows]).numpy()
    assert abs((ours * Minilm()([pair.query for pair in PAIRS[:3]])).sum(1) - 1).max() < 1e-5


def test_the_embedders_graph_takes_tuned_weights(minilm_base: Base, tmp_path: Path) -> None:
    from suffice.embedders._minilm_graph import write_graph

    done = Embedding(epochs=1).train(PAIRS[:4], (), minilm_base, tmp_path)
    write_graph(done.file, tmp_path / "tuned.onnx")
    assert (tmp_path / "tuned.onnx").stat().st_size > 80e6


@pytest.fixture(scope="module", name="minilm_base")
def _minilm_base(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    return base_in(tmp_path_factory.mktemp("minilm"))


base_in = minilm
