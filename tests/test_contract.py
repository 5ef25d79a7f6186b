"""What an output contract accepts."""

from __future__ import annotations

import pytest

from suffice.contract import against, validator


def test_a_schema_whose_references_multiply_without_end_is_refused_at_once() -> None:
    parts = {f"p{i}": {"allOf": [{"$ref": f"#/$defs/p{i + 1}"}] * 2} for i in range(40)}
    with pytest.raises(ValueError, match="without end"):
        validator({"$ref": "#/$defs/p0", "$defs": {**parts, "p40": {}}})


def test_a_schema_may_name_itself() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert against({"next": {"next": {}}}, tree) is None
    assert against({"next": {"next": 1}}, tree) is not None
