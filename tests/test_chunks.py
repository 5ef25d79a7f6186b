"""How a document is cut."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from suffice.chunks import cut, length
from suffice.documents import Document, Section

PAGE = Document("travel.md", "v", (Section("Intro."), Section("Up to 120.", "Travel > Hôtels"), Section("No.", "Pets")))


def test_ids_follow_the_headings() -> None:
    assert [p.id for p in cut(PAGE)] == ["travel.md#1", "travel.md#hotels/1", "travel.md#pets/1"]


def test_an_edit_under_one_heading_leaves_the_other_ids_alone() -> None:
    longer = replace(PAGE, sections=(Section("Intro. " * 300), *PAGE.sections[1:]))
    assert {p.id for p in cut(PAGE)} <= {p.id for p in cut(longer)}


def test_passages_carry_heading_document_and_labels() -> None:
    passage = cut(replace(PAGE, labels=("hr",)))[1]
    assert (passage.document, passage.heading, passage.labels) == ("travel.md", "Travel > Hôtels", ("hr",))


def test_sentences_are_kept_whole_where_they_fit() -> None:
    document = Document("a.md", "v", (Section("One two three four. " * 30),))
    assert all(p.text.endswith("four.") for p in cut(document, 10))


@given(st.lists(st.text(max_size=400), max_size=4), st.integers(3, 60), st.integers(0, 20))
def test_nothing_is_longer_than_asked_and_no_word_is_lost(texts: list[str], words: int, overlap: int) -> None:
    document = Document("a.md", "v", tuple(Section(text, "same") for text in texts))
    passages = cut(document, words, min(overlap, words // 2))
    assert all(length(p.text) <= (2 * words if overlap else words) for p in passages)
    assert len({p.id for p in passages}) == len(passages)
    kept = "".join("".join(p.text.split()) for p in passages)
    if not overlap:
        assert kept == "".join("".join(text.split()) for text in texts)


def test_a_text_without_spaces_is_still_bounded() -> None:
    document = Document("a.md", "v", (Section("語" * 100_000),))
    assert max(len(p.text) for p in cut(document, 100)) < 1100
