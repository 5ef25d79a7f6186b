"""Logs are read whatever holds them, and every row that is of no use is counted with its reason and its line."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from suffice.errors import InputError, UnknownPlugin
from suffice.exchange import Exchange
from suffice.logs import Logs
from suffice.types import Message


def chat(question: str, answer: str = "yes", **more: Any) -> dict[str, Any]:
    """A call as a gateway logs it."""
    request = {"model": "m", "messages": [{"role": "user", "content": question}]}
    return {
        "request": request,
        "response": {"choices": [{"message": {"role": "assistant", "content": answer}}]},
        **more,
    }


def lines(*rows: Any) -> bytes:
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


def read(path: Path, content: bytes, **how: Any) -> tuple[list[Exchange], dict[str, list[int]]]:
    """The exchanges of a file, and the lines that were of no use by their reason."""
    path.write_bytes(content)
    logs = Logs([path], **how)
    found = list(logs)
    assert logs.exchanges == len(found)
    return found, {why: [line for _, line in reason.first] for why, reason in logs.unusable.items()}


def questions(found: list[Exchange]) -> list[str]:
    return [exchange.messages[-1].content for exchange in found]


def test_lines_are_exchanges(tmp_path: Path) -> None:
    found, unusable = read(tmp_path / "a.jsonl", lines(chat("one"), b"", chat("two")))
    assert questions(found) == ["one", "two"] and unusable == {}
    assert [(exchange.file, exchange.line) for exchange in found] == [
        (str(tmp_path / "a.jsonl"), 1),
        (found[1].file, 3),
    ]


def test_gzip_is_opened_by_what_it_is_not_by_its_name(tmp_path: Path) -> None:
    found, unusable = read(tmp_path / "a.jsonl", gzip.compress(lines(chat("one"))) + gzip.compress(lines(chat("two"))))
    assert questions(found) == ["one", "two"] and unusable == {}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_what_a_cut_gzip_still_holds_is_kept(tmp_path: Path, share: float) -> None:
    whole = gzip.compress(lines(*(chat(f"question {n} {n * 7919 % 1000}") for n in range(20_000))))
    found, unusable = read(tmp_path / "a.jsonl.gz", whole[: int(len(whole) * share)])
    assert questions(found) == [f"question {n} {n * 7919 % 1000}" for n in range(len(found))]
    assert len(found) > 20_000 * share * 0.8 and list(unusable) == ["the file ends early or is damaged"]


def test_a_damaged_gzip_is_counted_and_not_guessed(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(lines(*(chat(f"{n * 7919}") for n in range(5000)))))
    whole[len(whole) // 2] ^= 0xFF
    found, unusable = read(tmp_path / "a.gz", bytes(whole))
    assert found and set(unusable) <= {"the file ends early or is damaged", "not JSON"} and unusable


@pytest.mark.parametrize(
    "write", [json.dumps, lambda rows: json.dumps(rows, indent=2), lambda r: "\n " + json.dumps(r)]
)
def test_a_document_is_its_elements(tmp_path: Path, write: Any) -> None:
    found, unusable = read(tmp_path / "a.json", write([chat("one"), chat("two")]).encode())
    assert questions(found) == ["one", "two"] and unusable == {}


def test_an_element_tells_the_line_where_it_begins(tmp_path: Path) -> None:
    found, _ = read(tmp_path / "a.json", json.dumps([chat("one"), chat("two")], indent=1).encode())
    text = (tmp_path / "a.json").read_text().splitlines()
    assert [text[exchange.line - 1].strip() for exchange in found if exchange.line] == ["{", "{"]
    assert found[0].line == 2


def test_each_line_of_a_mixed_file_is_read_by_who_knows_it(tmp_path: Path) -> None:
    garak = {"entry_type": "attempt", "status": 2, "uuid": "u", "prompt": "attack", "outputs": ["no"]}
    sample = {"input": "two and two", "ideal": "4"}
    logs_text = lines(chat("one"), garak, {"unheard": "of", "keys": 1}, sample, chat("two"), [1], 7, "text")
    (tmp_path / "a.jsonl").write_bytes(logs_text)
    logs = Logs([tmp_path / "a.jsonl"])
    assert questions(list(logs)) == ["one", "attack", "two and two", "two"]
    assert logs.forms == {"openai_chat": 2, "garak": 1, "openai_evals": 1, "": 4}
    assert {why: reason.count for why, reason in logs.unusable.items()} == {
        "no importer knows such a row": 1,
        "not a JSON object": 3,
    }


BROKEN = [
    (b'{"request": ', "not JSON"),
    (b'{"a": "\xff\xfe"}', "not UTF-8 text"),
    (b"\xe2\x28\xa1 rubbish", "not UTF-8 text"),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"a":' * 100_000, "nested too deeply"),
    (b"2026-11-01 INFO started", "not JSON"),
    (b"null", "not a JSON object"),
    (b"9" * 10_000, "not JSON"),
    (b'{"messages": 5, "choices": {}}', "a message is neither an object nor text"),
    (b'{"request": {}, "response": {}}', "neither messages nor a reply"),
    (b'{"messages": [5]}', "a message is neither an object nor text"),
    (b'{"messages": [{"role": "wizard", "content": "x"}]}', "a message has a role that is not known"),
]


@pytest.mark.parametrize(("raw", "reason"), BROKEN, ids=[str(at) for at in range(len(BROKEN))])
def test_a_broken_line_is_counted_and_its_neighbours_are_read(tmp_path: Path, raw: bytes, reason: str) -> None:
    found, unusable = read(tmp_path / "a.jsonl", lines(chat("one"), raw, chat("two")))
    assert questions(found) == ["one", "two"] and unusable == {reason: [2]}


def test_the_first_line_may_be_broken_too(tmp_path: Path) -> None:
    """A rotated log begins in the middle of a line."""
    found, unusable = read(tmp_path / "a.log", lines(b'ent": "x, y"}], "z": 1}', chat("one"), chat("two")))
    assert questions(found) == ["one", "two"] and unusable == {"not JSON": [1]}


def test_a_last_line_that_is_cut_is_said_to_be(tmp_path: Path) -> None:
    found, unusable = read(tmp_path / "a.jsonl", lines(chat("one")) + json.dumps(chat("two")).encode()[:-5])
    assert questions(found) == ["one"] and unusable == {"cut off in the middle": [2]}


def test_what_python_and_javascript_write_is_read(tmp_path: Path) -> None:
    """NaN is nothing, half a surrogate pair is U+FFFD, and of a key that stands twice the later value holds."""
    nan = b'{"messages": [{"role": "user", "content": "nan"}], "response": "a", "cost": NaN, "ms": -Infinity}'
    half = b'{"messages": [{"role": "user", "content": "half \\ud83d"}], "response": "a"}'
    twice = b'{"messages": [], "messages": [{"role": "user", "content": "later"}], "response": "a"}'
    found, unusable = read(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + lines(nan, half, twice))
    assert questions(found) == ["nan", "half \ufffd", "later"] and unusable == {}
    assert (found[0].cost, found[0].ms) == (None, None)


def test_server_sent_events_are_read(tmp_path: Path) -> None:
    def chunk(**delta: Any) -> bytes:
        return (
            b"data: "
            + json.dumps({"object": "chat.completion.chunk", "id": "c", "choices": [{"delta": delta}]}).encode()
        )

    sent = lines(chunk(role="assistant"), b"", b": keep-alive", b"event: x", chunk(content="Hel"), chunk(content="lo"))
    found, unusable = read(tmp_path / "a.txt", sent + b"data: [DONE]\n")
    assert [exchange.reply for exchange in found] == [Message("assistant", "Hello")] and unusable == {}


def test_a_line_that_is_too_long_is_skipped(tmp_path: Path) -> None:
    found, unusable = read(tmp_path / "a.jsonl", lines(chat("one"), chat("x" * 5000), chat("two")), longest=2000)
    assert questions(found) == ["one", "two"] and unusable == {"longer than 0.00190735 MB": [2]}


@pytest.mark.parametrize("head", [b"", lines(chat("one"))], ids=["first", "second"])
def test_a_line_of_200_mb_is_never_held(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(head + b'{"messages": [{"role": "user", "content": "')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b'"}]}\n' + lines(chat("two")))
    logs = Logs([path], longest=8 << 20)
    tracemalloc.start()
    assert questions(list(logs))[-1] == "two"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(logs.unusable) == ["longer than 8 MB"] and peak < 48 << 20


def test_memory_stays_flat_over_many_lines(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        (tmp_path / "a.jsonl").write_bytes(lines(*(chat(f"{n} " + "x" * 2000, id=f"id{n}") for n in range(rows))))
        tracemalloc.start()
        assert sum(1 for _ in Logs([tmp_path / "a.jsonl"])) == rows
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(6000) < peak(1500) + 1_000_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(100), "binary"),
        (b"\x28\xb5\x2f\xfd" + bytes(50), "zstd"),
        (b"PAR1" + bytes(50), "parquet"),
        ("{}".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04 no zip", "zip"),
    ],
)
def test_a_file_that_is_no_log_is_an_error_with_a_way_out(tmp_path: Path, content: bytes, reason: str) -> None:
    """In a folder it is counted and the others are read."""
    (tmp_path / "b.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=reason) as wrong:
        list(Logs([tmp_path / "b.jsonl"]))
    assert wrong.value.file == str(tmp_path / "b.jsonl") and (wrong.value.hint or reason == "zip")
    (tmp_path / "a.jsonl").write_bytes(lines(chat("one")))
    logs = Logs([tmp_path])
    assert questions(list(logs)) == ["one"] and len(logs.unusable) == 1


def test_a_folder_is_read_in_order_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b/2.jsonl", "a/1.jsonl", ".git/0.jsonl", "a/.x.jsonl", "a/readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(lines(chat(name)))
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "a" / "1.jsonl")
    logs = Logs([tmp_path])
    assert questions(list(logs)) == ["a/1.jsonl", "b/2.jsonl"] and logs.files == 2
    assert list(logs.unusable) == ["a file ending in .md is not taken for a log"]
    assert 0 < logs.read <= logs.size


def test_a_pipe_is_read() -> None:
    code = """if True:
        from suffice.logs import Logs
        logs = Logs(["-"])
        print([exchange.messages[0].content for exchange in logs], logs.unusable["not JSON"].first)"""
    piped = gzip.compress(lines(chat("one"), b"rubbish"))
    done = subprocess.run([sys.executable, "-c", code], input=piped, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "['one'] [('-', 2)]"


def test_a_zip_archive_is_read_as_one_log(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/2.jsonl", lines(chat("two"), b"rubbish"))
        archive.writestr("1.json", json.dumps([chat("one")]))
        archive.writestr("notes.txt", "nothing")
    logs = Logs([tmp_path / "a.zip"])
    assert questions(list(logs)) == ["one", "two"] and logs.unusable["not JSON"].count == 1


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such log"):
        list(Logs([tmp_path / "none.jsonl"]))
    with pytest.raises(UnknownPlugin, match="no importer called `langfus`") as wrong:
        list(Logs([tmp_path], form="langfus"))
    assert "langfuse" in wrong.value.hint


def test_the_named_importer_reads_every_row(tmp_path: Path) -> None:
    found, unusable = read(tmp_path / "a.jsonl", lines(chat("one"), {"input": "a", "ideal": "b"}), form="openai_evals")
    assert questions(found) == ["a"] and unusable == {"neither a sample nor an event of a run": [1]}


def test_an_importer_beside_the_task_is_as_good(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    found, _ = read(tmp_path / "a.jsonl", lines({"q": "one"}, {"q": "two"}), form=f"{tmp_path}/mine.py:Mine")
    assert questions(found) == ["one", "two"]


MINE = """
from dataclasses import dataclass
from suffice.exchange import Exchange
from suffice.importer import each
from suffice.types import Message

@dataclass(frozen=True)
class Mine:
    'Rows of {"q"}.'
    splits = ()
    def recognises(self, value):
        return 1.0
    def exchanges(self, rows):
        return each(rows, lambda row: [Exchange(str(row.line), (Message("user", row.value["q"]),))])
"""


def test_a_large_document_is_read_in_flat_memory(tmp_path: Path) -> None:
    """One line of 20 MB: a trace of 5,000 observations."""

    def written() -> Iterator[str]:
        yield '{"trace": {"id": "t1", "name": "x"}, "observations": ['
        for number in range(5000):
            seen = {
                "id": f"o{number}",
                "type": "GENERATION",
                "input": "x" * 4000,
                "output": "y",
                "startTime": "2026-01-01",
            }
            yield ("," if number else "") + json.dumps(seen)
        yield "]}"

    with (tmp_path / "a.json").open("w") as file:
        file.writelines(written())
    logs = Logs([tmp_path / "a.json"], longest=2 << 20)
    tracemalloc.start()
    found = sum(exchange.trace == "t1" for exchange in logs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 5000 and peak < 24 << 20
