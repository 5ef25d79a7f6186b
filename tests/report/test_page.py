"""The page of a verdict: everything a reader needs, nothing that the verdict does not say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from suffice.errors import InputError
from suffice.report import numbers, render

VERDICTS = Path(__file__).parent.parent / "verdicts"
NAMES = sorted(p.stem for p in VERDICTS.glob("*.json"))
FORMATS = (numbers.share, numbers.signed, numbers.percent, numbers.small, numbers.count)
UNITS = (numbers.milliseconds, numbers.seconds, numbers.dollars)


def verdict(name: str = "met") -> dict[str, Any]:
    body: dict[str, Any] = json.loads((VERDICTS / f"{name}.json").read_text("utf-8"))
    return body


class Reader(HTMLParser):
    """What a reader sees: the text outside style and hidden drawings; and every tag."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.hidden += (
            tag == "style" or ("aria-hidden", "true") in attrs or bool(self.hidden and tag in ("svg", "text"))
        )

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= bool(self.hidden and tag in ("style", "svg", "text", "span"))

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.texts.append(data)


def read(body: dict[str, Any], folder: Path) -> Reader:
    reader = Reader()
    reader.feed(render(body, folder / "report.html").read_text("utf-8"))
    return reader


def text(body: dict[str, Any], folder: Path) -> str:
    return " ".join(" ".join(read(body, folder).texts).split())


def leaves(value: Any) -> Iterator[Any]:
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from leaves(item)
    if isinstance(value, dict):
        yield from value
    if not isinstance(value, dict | list):
        yield value


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_the_headline_every_reason_and_how_to_verify(name: str, tmp_path: Path) -> None:
    body = verdict(name)
    page = text(body, tmp_path)
    assert body["headline"] in page
    for said in [s["reason"] for s in body["steps"]] + body["warnings"] + body["what_would_change_this"]:
        assert said in page
    assert "suffice verify verdict.json" in page
    assert body["records"]["sha256"] in page


def test_warnings_come_before_the_headline(tmp_path: Path) -> None:
    body = verdict("too_small")
    page = text(body, tmp_path)
    assert page.index(body["warnings"][0]) < page.rindex(body["headline"])


@pytest.mark.parametrize(
    ("name", "words"), [("met", "Target met"), ("not_met", "Target not met"), ("too_small", "Cannot tell")]
)
def test_the_badge_says_what_is_proven(name: str, words: str, tmp_path: Path) -> None:
    assert words in text(verdict(name), tmp_path)


def test_without_a_target_the_page_says_so(tmp_path: Path) -> None:
    body = verdict()
    body["task"]["target"]["quality"] = body["target_met"] = None
    assert "No target set" in text(body, tmp_path)


def test_every_status_has_its_word(tmp_path: Path) -> None:
    page = text(verdict("not_met"), tmp_path)
    for word in ("kept", "dropped", "skipped", "refused", "unaffordable"):
        assert word in page
    assert "not needed" in text(verdict("met"), tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_on_the_page_stands_in_the_verdict(name: str, tmp_path: Path) -> None:
    body = verdict(name)
    known = [leaf for leaf in leaves(body) if isinstance(leaf, int | float) and not isinstance(leaf, bool)]
    written = {f(value) for value in known for f in (*FORMATS, *UNITS)} | {"0.0001"}
    said = "\n".join([*written, *map(str, leaves(body)), body["created"][:16].replace("T", " ")])
    digits = r"(?<![\w.,])[\d][\d.,]*\d|(?<![\w.,])\d(?!\w)"
    allowed = set(re.findall(digits, said))
    page = re.sub(r"\b[0-9a-f]{64}\b", "", text(body, tmp_path))
    assert set(re.findall(digits, page)) - allowed == set()


def test_a_number_changed_in_the_verdict_changes_on_the_page(tmp_path: Path) -> None:
    body = verdict()
    assert "0.613" not in text(body, tmp_path)
    body["steps"][3]["quality"]["estimate"] = 0.613
    assert "0.613" in text(body, tmp_path)


def test_the_ladder_has_a_row_a_rung_with_the_stop_marked(tmp_path: Path) -> None:
    rows = [
        attrs for tag, attrs in read(verdict(), tmp_path).tags if tag == "li" and "rung" in (attrs.get("class") or "")
    ]
    classes = [(row["class"] or "").split() for row in rows]
    assert [c[1] for c in classes] == [s["status"] for s in verdict()["steps"]]
    assert [n for n, c in enumerate(classes) if "stop" in c] == [3]


def test_neighbours_that_were_left_alone_for_one_reason_share_a_paragraph(tmp_path: Path) -> None:
    page = text(verdict(), tmp_path)
    assert "long context, structure, rules not needed The target is already met by a lighter stack." in page
    assert "rules, fine-tuning" not in page


def test_failures_are_grouped_by_where_they_are_and_why(tmp_path: Path) -> None:
    assert "On dev: format" in text(verdict("too_small"), tmp_path)
    assert "On test: knowledge" in text(verdict("met"), tmp_path)


def test_a_dot_stands_at_its_quality_and_the_line_at_the_target(tmp_path: Path) -> None:
    tags = read(verdict(), tmp_path).tags
    assert {"class": "dot", "cx": "89.20%", "cy": "40%", "r": "6"} in [attrs for tag, attrs in tags if tag == "circle"]
    assert any(attrs.get("class") == "target" and attrs.get("x1") == "80.00%" for _, attrs in tags)


def test_every_picture_has_a_title_or_is_hidden(tmp_path: Path) -> None:
    drawn = [attrs for tag, attrs in read(verdict(), tmp_path).tags if tag == "svg" and attrs.get("class") != "at"]
    assert drawn
    assert all(attrs.get("aria-hidden") == "true" or attrs.get("aria-labelledby") for attrs in drawn)


def test_ids_are_unique_and_labels_point_at_them(tmp_path: Path) -> None:
    tags = read(verdict("not_met"), tmp_path).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {i for _, attrs in tags for i in (attrs.get("aria-labelledby") or "").split()} <= set(ids)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    body = verdict()
    body["headline"] = body["failures"][0]["output"] = "<script>x</script>{{7*7}}\u202e\x00\ud800"
    reader = read(body, tmp_path)
    assert not [tag for tag, _ in reader.tags if tag == "script"]
    assert "<script>x</script>{{7*7}}[U+202E]\ufffd\ufffd" in "".join(reader.texts)


def test_no_tag_refers_to_anything_outside(tmp_path: Path) -> None:
    for _, attrs in read(verdict(), tmp_path).tags:
        assert not {"src", "href", "srcset", "action", "style"} & set(attrs)
        assert not [name for name in attrs if name.startswith("on")]


def test_huge_and_tiny_numbers_are_written_short(tmp_path: Path) -> None:
    body = verdict()
    body["economics"].update(usd_per_month=1e300, requests_per_day=1e18, usd_per_1k=1e-9)
    body["steps"][3].update(p95_ms=1e15, input_tokens=10**30)
    page = text(body, tmp_path)
    for written in ("$1e+300", "1e+18", "$1e-09", "1e+12\u202fs", "1e+30"):
        assert written.replace("\u202f", " ") in page.replace("\u202f", " ")


@pytest.mark.parametrize("wrong", [{}, {"format": 2}, {"steps": [{}]}])
def test_what_is_not_a_verdict_is_refused_and_nothing_is_written(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a verdict of format 1"):
        render({**(verdict() if wrong else {}), **wrong}, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_a_page_shows_what_was_trained(tmp_path: Path) -> None:
    body = verdict("trained")
    page = text(body, tmp_path)
    for at in body["learning_curve"]["measured"]:
        assert f"{at['rows']:,} {numbers.share(at['estimate'])}" in page
    assert body["learning_curve"]["stopped"] in page and "whether more rows would pay" in page.lower()
    assert numbers.share(body["deferral"]["threshold"]) + " ✓" in page
    assert body["regressions"]["worth"]["words"] in page.replace(". What", " What")
    assert "✕ yes" not in page and "No item changed in" in page


def test_a_page_names_the_slices_that_changed_and_not_the_others(tmp_path: Path) -> None:
    body = verdict("trained")
    first, second, *_ = body["regressions"]["slices"]
    first |= {"name": "refunds", "before": 0.9, "after": 0.4, "wins": 0, "losses": 9, "regressed": True}
    page = text(body, tmp_path)
    assert "refunds" in page and "✕ yes" in page and f"No item changed in the others: {second['name']}, " in page


def test_a_gate_that_was_forced_is_no_gate_that_holds(tmp_path: Path) -> None:
    body = verdict("trained")
    forced = [g["name"] for step in body["steps"] for g in step["gates"] if g["forced"]]
    assert forced == ["behaviour wall"]
    assert "! forced: behaviour wall" in text(body, tmp_path)


def test_a_gate_that_nothing_speaks_to_is_told_from_one_that_holds(tmp_path: Path) -> None:
    body = verdict("trained")
    gate = next(g for step in body["steps"] for g in step["gates"] if g["passed"])
    gate["assumed"] = True
    page = text(body, tmp_path)
    assert f"? on trust: {gate['name']}" in page and f"✓ holds: {gate['name']}" not in page


@pytest.mark.parametrize("target", [None, 0.9, 0.3])
def test_the_levels_of_a_curve_are_round_and_none_hides_the_target(target: float | None, tmp_path: Path) -> None:
    body = verdict("trained")
    body["task"]["target"]["quality"] = target
    source = render(body, tmp_path / "report.html").read_text("utf-8")
    drawn = source[source.index('class="curve"') :]
    drawn = drawn[: drawn.index("</svg>")]
    levels = re.findall(r'dy="-3" class="" aria-hidden="true">([\d.]+)<', drawn)
    assert levels[0] == "1.00" and all(float(x) * 20 == pytest.approx(round(float(x) * 20)) for x in levels)
    assert (">target<" in drawn) == (target is not None) and ("0.90" in levels) == (target != 0.9)
