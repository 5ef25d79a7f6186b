"""The price book: every figure has a range, a source and a date, and a task's own file comes before ours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from suffice.errors import InputError
from suffice.pricebook import SCHEMA, TABLE, Figure, ModelPrice, book, schema_text
from suffice.yamlfile import read_yaml

FRAMEWORK = Path(__file__).parent.parent / "docs" / "framework.md"


def written(folder: Path, text: str) -> Path:
    (folder / "prices.yaml").write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path, text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        book(written(folder, text))
    return caught.value


def test_every_figure_has_a_range_a_unit_a_source_and_a_date() -> None:
    for figure in book().figures.values():
        assert 0 <= figure.low <= figure.estimate <= figure.high and not figure.overridden
        assert figure.unit and figure.what and figure.source and re.match(r"\d{4}", figure.dated)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("lora_compute", "| LoRA or QLoRA, own hardware | 7–8 B | ${}–{} |"),
        ("managed_lora_compute", "| LoRA, managed | 7 B | ${}–{} |"),
        ("full_compute", "| full tuning, own hardware | 70 B | ${}–{} |"),
        ("embedder_compute", "| embedder | BGE-M3, E5-large | ${}–{} |"),
        ("managed_vector_store", "| vector database | ${}–{} |"),
        ("managed_embedding", "| embedding | ${}–{} |"),
        ("managed_reranking", "| reranking | ${}–{} |"),
    ],
)
def test_figures_are_those_of_the_framework_page(name: str, row: str) -> None:
    figure = book().figure(name)
    assert row.format(f"{figure.low:,.0f}", f"{figure.high:,.0f}") in FRAMEWORK.read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        *(("lora_project", 2_000, 8_000), ("managed_lora_project", 3_000, 10_000), ("full_project", 15_000, 50_000)),
        *(("api_project", 5_000, 30_000), ("embedder_project", 2_000, 6_000), ("student_project", 20_000, 80_000)),
        *(("lora_refresh_weeks", 1, 2), ("full_refresh_weeks", 4, 8), ("curation_multiple", 2, 5)),
        *(("vector_store", 30, 80), ("reranking", 20, 50), ("managed_retrieval_model", 100, 1_500)),
    ],
)
def test_the_sources_ranges_are_kept(name: str, low: float, high: float) -> None:
    assert (book().figure(name).low, book().figure(name).high) == (low, high)


def test_a_figure_that_nothing_is_reckoned_with_says_so() -> None:
    """A name that no line of the program has, and none that is put together there."""
    code = "\n".join(path.read_text("utf-8") for path in TABLE.parent.rglob("*.py"))
    built = {f"{kind}_{what}" for kind in ("lora", "managed_lora", "full", "api") for what in ("project", "compute")}
    built |= {f"{kind}_refresh_weeks" for kind in ("lora", "full")} | {"cpu_hour", "gpu_hour", "cpu_slots", "gpu_slots"}
    built |= {f"managed_{part}" for part in ("vector_store", "embedding", "reranking")}
    unused = {n for n in book().figures if n not in built and not re.search(rf"\b{n}\b", code)}
    assert unused == {n for n, f in book().figures.items() if "for reference" in f.what}


def test_a_folder_without_a_file_has_ours(tmp_path: Path) -> None:
    assert book(tmp_path) == book()


def test_a_file_of_comments_alone_changes_nothing(tmp_path: Path) -> None:
    assert book(written(tmp_path, "# engineer_week: 5500\n")) == book()


def test_a_number_or_a_range_overrides_ours(tmp_path: Path) -> None:
    text = "engineer_week: 5500\ngpu_hour: {low: 2.2, high: 2.6, source: our contract, dated: 2026-10-01}\n"
    found = book(written(tmp_path, text))
    week, hour = found.figure("engineer_week"), found.figure("gpu_hour")
    assert (week.low, week.high, week.overridden, week.source) == (5_500, 5_500, True, "the task's prices.yaml")
    assert (hour.low, hour.high, hour.source, hour.dated) == (2.2, 2.6, "our contract", "2026-10-01")
    assert hour.unit == "USD per hour" and not found.figure("peak").overridden


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("peak: 2\nengineer_weak: 1\n", 2, "did you mean `engineer_week`?"),
        ("peak: 2\n\ngpu_hour: {low: 3, high: 2}\n", 3, "low comes first"),
        ("gpu_hour: {low: 3}\n", 1, ""),
        ("gpu_hour: -1\n", 1, ""),
        ("gpu_hour: 1e13\n", 1, ""),
        ("gpu_hour: true\n", 1, ""),
        ("gpu_hour: cheap\n", 1, ""),
        ("batch_discount: 5\n", 1, ""),
        ("cache_hits: {low: 0.5, high: 1.5}\n", 1, ""),
        ("months_kept: 0\n", 1, ""),
        ("gpu_slots: 0\n", 1, ""),
        ("gpu_hour: {low: 1, high: 2, hi: 3}\n", 1, "did you mean `high`?"),
        ("models: {m: {input: 1, output: 2, batch_discount: 1.5}}\n", 1, "0.5"),
        ("models: {m: {input: 1}}\n", 1, "in USD per million"),
        ("models: {m: {input: 1, output: 2, cached: 1.5}}\n", 1, "at most input"),
        ("models: {m: {input: 1, ouput: 2}}\n", 1, "did you mean `output`?"),
        ("models: 3\n", 1, ""),
        ("- gpu_hour\n", 1, "engineer_week: 5500"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(text: str, line: int, said: str, tmp_path: Path) -> None:
    wrong = refused(tmp_path, text)
    assert wrong.file == str(tmp_path / "prices.yaml") and wrong.line == line and said in wrong.hint


def test_a_models_own_price_comes_before_the_catalogues(tmp_path: Path) -> None:
    text = "models:\n  gpt-4o-mini: {output: 0.5}\n  http://here/v1#mine: {input: 0.2, output: 0.8}\n"
    found = book(written(tmp_path, text))
    listed, mine = found.model("gpt-4o-mini"), found.model("http://here/v1#mine")
    assert listed is not None and (listed.input, listed.cached, listed.output) == (0.15, 0.075, 0.5)
    assert listed.overridden and listed.batch_discount == pytest.approx(0.5)
    assert mine == ModelPrice("http://here/v1#mine", 0.2, 0.2, 0.8, None, "the task's prices.yaml", "", True)


def test_list_prices_have_cached_reads_and_batches_by_any_spelling() -> None:
    one, other = book().model("gpt-4o"), book().model("openai/gpt-4o")
    assert one is not None and other is not None and (other.input, other.output) == (one.input, one.output)
    assert one.cached < one.input and one.batch_discount == pytest.approx(0.5) and "genai-prices" in one.source
    assert book().model("no-such-model") is None and book().model("http://127.0.0.1/v1#gpt-4o") is None


def test_an_unknown_figure_names_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        book().figure("gpu_hours")
    assert caught.value.hint == "did you mean `gpu_hour`?"


def test_what_if_changes_figures_and_says_so() -> None:
    found = book().having(gpu_hour=(1.0, 2.0), peak=1.0)
    assert found.figure("gpu_hour") == Figure(
        *("gpu_hour", 1.0, 2.0, "USD per hour", "what if", "", True), book().figure("gpu_hour").what
    )
    assert found.figure("peak").low == 1.0


def test_the_published_schema_is_current_and_takes_what_the_book_takes(tmp_path: Path) -> None:
    assert SCHEMA.read_text("utf-8") == schema_text()
    fits = jsonschema_rs.validator_for(json.loads(schema_text()))
    good = {"gpu_hour": {"low": 1, "high": 2}, "peak": 3, "models": {"m": {"input": 1, "output": 2}}}
    assert fits.is_valid(good) and not fits.is_valid({"gpu_hours": 1}) and not fits.is_valid({"peak": -1})
    assert book(written(tmp_path, json.dumps(good))).figure("peak").high == 3


def test_no_figure_of_the_table_stands_twice() -> None:
    assert set(read_yaml(TABLE).value["figures"]) == set(book().figures)
