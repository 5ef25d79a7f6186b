"""A gate as JUnit XML: one testsuite, and in it a testcase for each partition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # written here, never read

if TYPE_CHECKING:
    from ..gate import Gated, Part

_FIT = "\t\n\u0020-\u007e\u00a0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff"
UNFIT = re.compile(f"[^{_FIT}]")
"""What XML 1.0 cannot hold or advises against, and what turns text around."""


def junit(found: Gated, *, allow_undecided: bool = False) -> bytes:
    """The document. A partition that fails the gate is a failure; one that is undecided and may be is skipped."""
    suites = ET.Element("testsuites", name="suffice")
    suite = ET.SubElement(suites, "testsuite", name="suffice gate")
    for at, part in enumerate(found.parts):
        _case(suite, found, part, may_be_open=allow_undecided or at > 0)
    for counted, kind in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        count = str(len(suite.findall(f".//{kind}")))
        suites.set(counted, count)
        suite.set(counted, count)
    suites.set("errors", "0")
    suite.set("errors", "0")
    if found.notes:
        ET.SubElement(suite, "system-out").text = clean("\n".join(found.notes))
    ET.indent(suites)
    written: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _case(suite: ET.Element, found: Gated, part: Part, *, may_be_open: bool) -> None:
    name = f"{part.partition}: not worse by {found.margin:g} or more"
    case = ET.SubElement(suite, "testcase", classname="suffice.gate", name=name, time="0")
    told = f"{part.reason}\n{numbers(part)}\n{_lost(part)}".strip()
    if part.decision == "undecided" and may_be_open:
        ET.SubElement(case, "skipped", message=_line(part.reason))
    elif part.decision != "not_worse":
        ET.SubElement(case, "failure", message=_line(part.reason), type=part.decision).text = clean(told)
        return
    ET.SubElement(case, "system-out").text = clean(told)


def numbers(part: Part) -> str:
    """The numbers of a partition in one line."""
    groups = "" if part.groups is None else f" in {part.groups} groups"
    unjudged = "" if not part.unjudged else f", {part.unjudged} could not be judged"
    return (
        f"lift {part.lift:+.3f} [{part.low:+.3f}, {part.high:+.3f}]; {part.n} pairs{groups}: {part.wins} better, "
        f"{part.losses} worse, {part.ties} equal{unjudged}; {part.method}"
    )


def _lost(part: Part) -> str:
    more = part.losses - len(part.lost)
    rows = [f"worse: {_line(one.id)} ({one.before:g} -> {one.after:g})" for one in part.lost]
    return "\n".join([*rows, *([f"and {more} more"] if more else [])])


def clean(text: str) -> str:
    """The text with what XML cannot hold replaced."""
    return UNFIT.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def _line(text: str) -> str:
    return clean(" ".join(text.split()))[:300]
