"""What ends is known with its day and source; a task's own file comes first, and a server's own word before that."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from suffice.errors import InputError
from suffice.plugins import names
from suffice.retirements import hosted, names_of, of_provider, retires, table
from suffice.terms import terms_of


@pytest.mark.parametrize(
    ("model", "day"),
    [
        ("openai/gpt-4o-2024-08-06", "2027-01-14"),
        ("openai/gpt-4o-mini", "2027-01-14"),
        ("openai/gpt-4.1", "2027-01-14"),
        ("ft:gpt-4.1-2025-04-14:acme::a1b2", "2027-01-14"),
        ("openai/ft:gpt-4o-mini-2024-07-18:acme::x", "2027-01-14"),
        ("http://127.0.0.1:8000/v1#gpt-5", "2026-12-11"),
        ("openai/GPT-5-Mini", "2026-12-11"),
        ("openai/gpt-5.1", "2027-04-01"),
        ("openai/gpt-5.2", None),
        ("openai/gpt-4.5", None),
        ("anthropic/claude-sonnet-4-20250514", "2026-06-15"),
        ("anthropic/claude-sonnet-4-6", None),
        ("gemini-2.5-flash", "2026-12-01"),
        ("gemini-2.5-flash-lite", None),
        ("embedded", None),
        ("gguf:models/gpt-4o.gguf", None),
        ("hf:models/gpt-4o", None),
        ("mine.py:gpt-4o", None),
    ],
)
def test_a_model_ends_when_its_maker_says(model: str, day: str | None) -> None:
    found = retires(model)
    assert (found.on.isoformat() if found else None) == day
    assert found is None or (found.source.startswith("https://") and date.fromisoformat(found.read))


def test_every_line_has_a_source_and_a_day_that_it_was_read_on() -> None:
    assert len(table()) > 20
    for line in table():
        assert line.source.startswith("https://") and date.fromisoformat(line.read) <= date(2026, 11, 28), line
        assert str(line.on) in str(line) and line.source in str(line)


def test_what_is_known_of_openais_tuning_and_evals() -> None:
    jobs = {(r.whom, r.on.isoformat()) for r in of_provider("openai") if r.what == "new jobs"}
    assert ("organisations that had never tuned", "2026-05-07") in jobs and ("", "2027-01-06") in jobs
    (evals,) = [r for r in of_provider("openai") if r.what == "service"]
    assert (evals.name, evals.on) == ("hosted Evals", date(2026, 11, 30))


def test_platforms_and_duties_read_one_table() -> None:
    shipped = {(e.what, e.day, e.models) for name in names("platforms") for e in terms_of(name).ends}
    known = {(r.what, r.on.isoformat(), r.name) for name in names("platforms") for r in of_provider(name)}
    assert shipped == {k for k in known if k[0] != "service"} and ("model", "2027-01-14", "gpt-4o*") in shipped


def test_the_tasks_own_file_comes_first_and_the_servers_word_before_it(tmp_path: Path) -> None:
    own = 'us:\n  - {for: "gpt-4o*", on: "2027-06-30", source: our contract}\n  - {for: ours-7b, on: "2027-02-01"}\n'
    (tmp_path / "retirements.yaml").write_text(own, encoding="utf-8")
    ours, mini, other = (retires(m, tmp_path) for m in ("http://h/v1#ours-7b", "openai/gpt-4o-mini", "openai/gpt-4.1"))
    assert ours is not None and mini is not None and other is not None
    assert (ours.on, mini.on, other.on) == (date(2027, 2, 1), date(2027, 6, 30), date(2027, 1, 14))
    told = retires("openai/gpt-4o-mini", tmp_path, listed={"gpt-4o-mini": "2026-12-24", "gpt-4o": "2026-12-01"})
    assert told is not None and told.on == date(2026, 12, 24) and "server" in told.source
    assert retires("openai/gpt-9", listed={"gpt-9": "soon"}) is None, "what is no day is no day"


@pytest.mark.parametrize(
    ("line", "said", "at"),
    [
        ('{for: m, on: "2027-13-01"}', "must be a day", 1),
        ("{for: m, on: 2027}", "`on` must be text", 1),
        ('{on: "2027-01-01"}', "`for` must say", 1),
        ('{for: m, on: "2027-01-01", gone: x}', "has no `gone`", 1),
        ('{for: m, on: "2027-01-01", what: all}', "`what` is one of", 1),
        ("text", "is keys and values", 1),
    ],
)
def test_a_mistake_in_it_names_file_line_and_fix(tmp_path: Path, line: str, said: str, at: int) -> None:
    path = tmp_path / "retirements.yaml"
    path.write_text(f"openai: [{line}]\n", encoding="utf-8")
    with pytest.raises(InputError, match=said) as wrong:
        retires("openai/m", tmp_path)
    assert (wrong.value.file, wrong.value.line) == (str(path), at)
    path.write_text("openai: never\n", encoding="utf-8")
    with pytest.raises(InputError, match="must be a list"):
        table(tmp_path)


def test_names_and_hosts() -> None:
    assert names_of("openai/ft:gpt-4o:acme::x") == ("openai/ft:gpt-4o:acme::x", "ft:gpt-4o:acme::x", "gpt-4o")
    assert hosted("openai/gpt-4o") and hosted("https://h/v1#m") and not hosted("embedded") and not hosted("gguf:a.gguf")
