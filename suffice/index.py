"""Index: bring a task's index up to its documents as they are now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from .errors import InputError
from .knowledge import Indexed, Knowledge
from .plugins import build, find
from .task import Task
from .yamlfile import read_yaml

STACK = "stack.yaml"


def index(task: Task) -> Indexed:
    """Build or refresh the index of the kept stack (of the default recipe where none is kept yet).

    Only documents that were added, changed or removed are touched; the old index stays until the new one is whole.
    """
    return knowledge_of(task).refresh()


def knowledge_of(task: Task, **fields: Any) -> Knowledge:
    """The task's documents with the kept stack's recipe, or with that of `Retrieval(**fields)`."""
    unfitted = find("layers", "retrieval").for_task(task)
    if unfitted is None:
        raise InputError("this task has no documents", file=str(task.folder), hint="name a folder: `documents: docs/`")
    spec = {"use": "retrieval", **_kept(task), "documents": unfitted.documents, **fields}
    return cast(Knowledge, replace(build("layers", spec, beside=task.folder), folder=task.folder).knowledge)


def _kept(task: Task) -> dict[str, Any]:
    """The retrieval layer of the stack that the last climb froze, as data."""
    path = task.folder / STACK
    spec = read_yaml(path, "stack").value if path.is_file() else {}
    layers = spec.get("layers", []) if isinstance(spec, dict) else []
    found = [s for s in layers if isinstance(s, dict) and s.get("use") == "retrieval"]
    return {key: value for key, value in (found[0] if found else {}).items() if key != "corpus"}
