"""The contract kit: what Suffice asks of every plugin, as functions that outsiders can call in their own tests.

from suffice.testing import check_layer
def test_my_layer(): check_layer(MyLayer)
"""

from __future__ import annotations

from .checks import (
    check,
    check_embedder,
    check_importer,
    check_index,
    check_layer,
    check_model,
    check_platform,
    check_probe,
    check_reader,
    check_scorer,
)
from .samples import sample_dataset, sample_task

__all__ = [
    "check",
    "check_embedder",
    "check_importer",
    "check_index",
    "check_layer",
    "check_model",
    "check_platform",
    "check_probe",
    "check_reader",
    "check_scorer",
    "sample_dataset",
    "sample_task",
]
