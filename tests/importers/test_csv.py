"""csv: tables by a map of columns and by the usual names."""

from __future__ import annotations

from pathlib import Path

import pytest
from imported import said, told

from suffice.errors import InputError
from suffice.importers.csv import Csv
from suffice.logs import Logs
from suffice.testing import check_importer
from suffice.types import Usage


def read(path: Path, text: str, **how: object) -> Logs:
    path.write_text(text, encoding="utf-8")
    return Logs([path], **how)  # type: ignore[arg-type]  # a test's own arguments


def test_the_usual_names_need_no_map(tmp_path: Path) -> None:
    text = (
        "\ufeffRequest ID;Question;Answer;Latency (ms);Prompt Tokens;Tenant\nr1;Where, is Oslo?;In Norway.;812;20;eu\n"
    )
    logs = read(tmp_path / "a.csv", text)
    (call,) = logs
    assert said(call) == [("user", "Where, is Oslo?"), ("assistant", "In Norway.")]
    assert (call.id, call.ms, call.usage, call.extra) == ("r1", 812.0, Usage(20), {"Tenant": "eu"})
    assert logs.forms == {"csv": 1} and call.line == 2


def test_a_map_says_what_stands_where(tmp_path: Path) -> None:
    columns = {"input": "Frage", "reply": "Antwort", "expected": "input"}
    text = "Frage,Antwort,input\nWo ist Oslo?,In Norwegen.,Norwegen\n"
    (call,) = read(tmp_path / "a.csv", text, columns=columns)
    assert said(call) == [("user", "Wo ist Oslo?"), ("assistant", "In Norwegen.")] and call.expected == "Norwegen"


def test_cells_may_hold_messages_and_several_lines(tmp_path: Path) -> None:
    chat = '"[{""role"": ""system"", ""content"": ""Be\\nbrief.""}, {""role"": ""user"", ""content"": ""Hi""}]"'
    text = f'messages\treply\n{chat}\t"{{""a"":\n1}}"\n\nx\ty\tz\nnone\t\n'
    logs = read(tmp_path / "a.tsv", text)
    first, second = logs
    assert said(first) == [("system", "Be\nbrief."), ("user", "Hi"), ("assistant", '{"a":\n1}')]
    assert (second.reply, second.line) == (None, 6)
    assert logs.unusable["the line has more or fewer cells than there are columns"].first[0][1] == 5


def test_a_map_that_is_wrong_is_an_error() -> None:
    with pytest.raises(InputError, match="no field of a call is called `replay`") as wrong:
        Csv({"replay": "answer"})
    assert "reply" in wrong.value.hint


def test_flat_rows_of_json_are_tables_too() -> None:
    (call,) = told(Csv(), {"question": "Where is Oslo?", "answer": "In Norway.", "score": True, "at": 5})
    assert said(call) == [("user", "Where is Oslo?"), ("assistant", "In Norway.")] and call.score == 1.0


@pytest.mark.parametrize(
    ("name", "rows", "entered", "left"), [("code", 8819, 18059974, 245896), ("conv", 19366, 22361870, 4088665)]
)
def test_azures_traces_are_read_as_they_are(name: str, rows: int, entered: int, left: int, data: Path) -> None:
    logs = Logs([data / "azure_llm_trace" / f"AzureLLMInferenceTrace_{name}.csv"])
    calls = list(logs)
    assert (len(calls), logs.unusable) == (rows, {})
    usage = sum((call.usage for call in calls if call.usage), Usage())
    assert (usage.input_tokens, usage.output_tokens) == (entered, left)
    times = [call.time for call in calls if call.time]
    assert len(times) == rows and times == sorted(times) and 3000 < times[-1] - times[0] < 3700


def test_it_keeps_its_shelfs_promises() -> None:
    check_importer(
        Csv(), [{"question": "a", "answer": "b"}, {"TIMESTAMP": "2023-11-16 18:17:03", "ContextTokens": "4"}]
    )
