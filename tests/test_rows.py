"""Examples files: every wrong row is told by its line, and no row is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from suffice import Context, InputError, Output
from suffice.rows import LONGEST_LINE, read

LABELS = Output("labels", labels=("yes", "no"))


def rows(folder: Path, text: str | bytes, name: str = "e.jsonl") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path, output: Output = LABELS) -> InputError:
    with pytest.raises(InputError) as caught:
        read(path, output)
    return caught.value


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("nonsense", "not JSON"),
        ("[]", "one object a line"),
        ('{"input": "q", "expected": "yes"}', "`id` is missing (keys here: input, expected)"),
        ('{"id": "x", "expected": "yes"}', "`input` is missing"),
        ('{"id": "x", "input": "q", "expcted": "yes"}', "did you mean `expected`?"),
        ('{"id": "x", "input": "q", "Expected": "yes"}', "did you mean `expected`?"),
        ('{"id": "x", "input": "q"}', "`expected` is missing"),
        ('{"id": "x", "input": "q", "expected": null}', "`expected` is missing"),
        ('{"id": "x", "input": "q", "expected": "Yes"}', "`Yes` is not one of the 2 labels; did you mean `yes`?"),
        ('{"id": "x", "input": "q", "expected": []}', "may not be empty"),
        ('{"id": "x", "input": "q", "expected": ["yes", "maybe"]}', "`maybe` is not one of the 2 labels"),
        ('{"id": null, "input": "q", "expected": "yes"}', "`id` must be text"),
        ('{"id": true, "input": "q", "expected": "yes"}', "`id` must be text"),
        ('{"id": "x", "input": null, "expected": "yes"}', "`input` must be text"),
        ('{"id": "x", "input": {}, "expected": "yes"}', "`input` must be text"),
        ('{"id": "x", "input": [{"role": "bot", "content": "q"}], "expected": "yes"}', "the role `bot`"),
        ('{"id": "x", "input": [{"role": "user", "content": 1}], "expected": "yes"}', 'must be {"role", "content"}'),
        ('{"id": "x", "input": [{"role": "assistant", "content": "q"}], "expected": "yes"}', "must be the user's"),
        (
            '{"id": "x", "input": "q", "expected": "yes", "partition": "edges"}',
            "core or edge, not `edges`; did you mean",
        ),
        ('{"id": "x", "input": "q", "expected": "yes", "split": "train"}', "`split` must be dev or test"),
        ('{"id": "x", "input": "q", "expected": "yes", "context": 3}', "`context` must be text"),
        ('{"id": "x", "input": "q", "expected": "yes", "context": [[]]}', "`context`: a list holds"),
        ('{"id": "x", "input": "q", "expected": "yes", "context": {"text": 1, "document": "d"}}', "must be text"),
        ('{"id": "x", "input": "q", "expected": "yes", "time": "yesterday"}', "`time` must be like"),
        ('{"id": "x", "input": "q", "expected": "yes", "group": []}', "`group` must be"),
        ('{"id": "x", "input": "q", "expected": NaN}', "NaN is not a number"),
        ('{"id": "x", "input": {"n": Infinity}, "expected": "yes"}', "Infinity is not a number"),
        ('{"id": "x", "input": {"n": 1e999}, "expected": "yes"}', "too large"),
        ('{"id": "x", "id": "y", "input": "q", "expected": "yes"}', "`id` stands there twice"),
        ('{"id": "x", "input": "\\ud800", "expected": "yes"}', "surrogate"),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"x" * (LONGEST_LINE + 10), "longer than 4 MB"),
    ],
)
def test_a_wrong_row_is_told_by_its_line(tmp_path: Path, row: str | bytes, said: str) -> None:
    good = b'{"id": "1", "input": "q", "expected": "yes"}\n'
    bad = row if isinstance(row, bytes) else row.encode()
    wrong = refused(rows(tmp_path, good + b"\n" + bad + b"\n" + good.replace(b'"1"', b'"2"')))
    assert said in wrong.message and wrong.line == 3, wrong


def test_all_wrong_rows_are_told_at_once_and_the_rest_counted(tmp_path: Path) -> None:
    path = rows(tmp_path, "".join(f'{{"id": "{n}", "input": "q", "expected": "{n}"}}\n' for n in range(30)))
    wrong = refused(path)
    assert "30 rows are wrong" in wrong.message and "line 20: " in wrong.message and "and 10 more" in wrong.message
    assert "line 21" not in wrong.message


def test_an_id_used_twice_names_both_lines(tmp_path: Path) -> None:
    row = '{"id": "a", "input": "q", "expected": "yes"}\n'
    wrong = refused(rows(tmp_path, row + row))
    assert wrong.line == 2 and "used before, on line 1" in wrong.message


def test_numbers_and_texts_may_not_share_an_id(tmp_path: Path) -> None:
    text = '{"id": 1, "input": "q", "expected": "yes"}\n{"id": "1", "input": "q", "expected": "yes"}\n'
    assert "used before" in refused(rows(tmp_path, text)).message


def test_an_empty_file_has_no_examples(tmp_path: Path) -> None:
    assert "no examples" in refused(rows(tmp_path, "\n \n")).message
    assert "no such examples file" in refused(tmp_path / "none.jsonl").message
    assert ".jsonl .csv .parquet" in refused(rows(tmp_path, "x", "e.xlsx")).hint


def test_every_form_of_context_is_read(tmp_path: Path) -> None:
    forms = ['"verbatim"', '{"document": "a.md"}', '["v", {"document": "a.md", "text": "t"}]', "null"]
    text = "".join(f'{{"id": {n}, "input": "q", "expected": "no", "context": {c}}}\n' for n, c in enumerate(forms))
    found = [e.context for e in read(rows(tmp_path, text), LABELS)]
    one, other = Context(text="verbatim"), Context("a.md")
    assert found == [(one,), (other,), (Context(text="v"), Context("a.md", "t")), ()]


def test_messages_objects_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    talk = '[{"role": "system", "content": "be kind"}, {"role": "user", "content": "q"}]'
    text = (
        f'\ufeff{{"id": 1, "input": {talk}, "expected": "yes"}}\r\n{{"id": 2, "input": {{"a": 1}}, "expected": "no"}}'
    )
    first, second = read(rows(tmp_path, text), LABELS)
    assert first.request.instructions == ("be kind",) and second.request.fields == {"a": 1}


def test_a_column_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    assert read(rows(tmp_path, '{"id": 1, "input": "q", "expected": "no", "source": "crm"}'), LABELS)[0].id == "1"


def test_csv_columns_are_named_as_the_keys(tmp_path: Path) -> None:
    text = 'id,input.subject,input.body,expected,partition,context.document\n1,"a,b",c,yes,edge,d.md\n2,x,,no,,\n'
    first, second = read(rows(tmp_path, text, "e.csv"), LABELS)
    assert first.input == {"subject": "a,b", "body": "c"} and first.partition == "edge"
    assert first.context == (Context("d.md"),) and second.context == () and second.input == {"subject": "x", "body": ""}


def test_csv_records_are_json_in_their_cell(tmp_path: Path) -> None:
    schema = Output("schema", schema={"type": "object", "required": ["n"]})
    path = rows(tmp_path, 'id,input,expected\n1,q,"{""n"": 2}"\n', "e.csv")
    assert read(path, schema)[0].expected == {"n": 2}
    assert "not JSON" in refused(rows(tmp_path, "id,input,expected\n1,q,{n}\n", "e.csv"), schema).message


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("id,input,expected\n1,q\n", 2, "2 cells where the header has 3"),
        ("id,input,expected,id\n1,q,yes,2\n", 1, "`id` stands there twice"),
        ("id;input;expected\n1;q;yes\n", 1, "separated by ';'"),
        ('id,input,expected\n1,"q,yes\n', 2, "not CSV"),
        ("id,text,expected\n1,q,yes\n2,q,yes\n", 2, "`input` is missing"),
        (b"id,input,expected\n1,q,yes\n2,\xff,yes\n", 3, "not UTF-8"),
    ],
)
def test_a_wrong_csv_is_told_by_its_line(tmp_path: Path, text: str | bytes, line: int, said: str) -> None:
    wrong = refused(rows(tmp_path, text, "e.csv"))
    assert said in wrong.message and wrong.line == line, wrong


def test_parquet_rows_are_read_like_the_others(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install '.[test]'")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = {"id": [1, 2], "input": ["a", "b"], "expected": ["yes", "no"], "partition": [None, "edge"]}
    parquet.write_table(pyarrow.table(table), tmp_path / "e.parquet")
    first, second = read(tmp_path / "e.parquet", LABELS)
    assert (first.expected, second.partition) == ("yes", "edge")
    parquet.write_table(pyarrow.table({"id": [1], "input": ["a"], "expected": [float("nan")]}), tmp_path / "n.parquet")
    assert "nan is not a number" in refused(tmp_path / "n.parquet", Output()).message
    assert "cannot read the parquet file" in refused(rows(tmp_path, "PAR1 rubbish", "r.parquet")).message
