"""Write the published JSON Schemas of the task file and of prices.yaml from what reads them."""

from __future__ import annotations

from suffice import pricebook, taskfile

for noun in (taskfile, pricebook):
    noun.SCHEMA.write_text(noun.schema_text(), encoding="utf-8")
