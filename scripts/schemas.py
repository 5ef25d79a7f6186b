"""Write the published JSON Schema of the task file from its model."""

from __future__ import annotations

from suffice.taskfile import SCHEMA, schema_text

SCHEMA.write_text(schema_text(), encoding="utf-8")
