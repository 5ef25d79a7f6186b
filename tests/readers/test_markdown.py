"""What the Markdown reader makes of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffice.documents import Corpus, Section
from suffice.errors import InputError
from suffice.readers.markdown import markdown


def sections(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    file = tmp_path / "page.md"
    file.write_text(text, encoding="utf-8")
    return [(s.heading, s.text) for s in markdown(file)]


def test_a_section_is_called_by_its_chain_of_headings(tmp_path: Path) -> None:
    text = "Intro\n\n# Travel\n\n## Hotels ##\nUp to 120.\n\n## Trains\nSecond class.\n\n# Leave\n25 days.\n"
    assert sections(tmp_path, text) == [
        ("", "Intro"),
        ("Travel > Hotels", "Up to 120."),
        ("Travel > Trains", "Second class."),
        ("Leave", "25 days."),
    ]


def test_underlined_headings_count_and_rules_do_not(tmp_path: Path) -> None:
    text = "Travel\n======\nHotels\n------\nUp to 120.\n\n---\n\nMore.\n"
    assert sections(tmp_path, text) == [("Travel > Hotels", "Up to 120.\n\n---\n\nMore.")]


def test_a_hash_inside_a_code_fence_is_code(tmp_path: Path) -> None:
    text = "# Shell\n```\n# not a heading\n<!-- kept -->\n```\n"
    assert sections(tmp_path, text) == [("Shell", "```\n# not a heading\n<!-- kept -->\n```")]


def test_comments_and_front_matter_are_not_text(tmp_path: Path) -> None:
    assert sections(tmp_path, "---\ntitle: x\n---\n# A\nshown <!-- hidden\norders --> too\n") == [("A", "shown  too")]


def test_a_rule_at_the_top_is_not_front_matter(tmp_path: Path) -> None:
    assert sections(tmp_path, "---\nplain words\n\n---\nrest\n")[0][1].startswith("---\nplain words")


def test_labels_in_front_matter_restrict_a_document(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\nlabels: [hr, board]\n---\nsecret\n", encoding="utf-8")
    (tmp_path / "b.md").write_text("open\n", encoding="utf-8")
    assert [(d.name, d.labels) for d in Corpus(tmp_path)] == [("a.md", ("board", "hr")), ("b.md", ())]


@pytest.mark.parametrize(
    "block",
    ["labels: {a: b}\n---\n", "labels: []\n---\n", "labels: [1]\n---\n", "labels: [hr\n---\n", "labels: hr\n\nno end"],
)
def test_mistaken_labels_never_open_a_document(tmp_path: Path, block: str) -> None:
    (tmp_path / "a.md").write_text(f"---\n{block}secret\n", encoding="utf-8")
    with pytest.raises(InputError, match="labels") as raised:
        list(Corpus(tmp_path))
    assert raised.value.file and raised.value.hint


def test_hidden_folders_and_links_are_not_documents(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("open", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "b.md").write_text("x", encoding="utf-8")
    (tmp_path / "link.md").symlink_to("/etc/hostname")
    assert list(Corpus(tmp_path).manifest) == ["a.md"]
    assert Corpus(tmp_path).read("a.md").sections == (Section("open"),)
