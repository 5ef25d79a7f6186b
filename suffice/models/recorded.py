"""recorded: replies that somebody already has, read from a JSONL file and matched by example id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ..digest import file_digest
from ..errors import ModelError
from ..outputs import Recorded as Row
from ..outputs import read
from ..types import Answer, Json, Request


@dataclass(frozen=True)
class Recorded:
    """A model that can only say again what is in its file."""

    file: str
    folder: Path = field(default=Path(), repr=False, compare=False)
    """The folder that a relative `file` is taken from."""
    fixed: ClassVar[bool] = True
    """No new replies can be had: rungs that would need them are refused."""
    name: ClassVar[str] = "recorded"
    parallel: ClassVar[int] = 64
    """Reading takes no time; a judge of what is read may."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / Path(self.file).expanduser()

    @property
    def spec(self) -> Mapping[str, Json]:
        return {"use": "recorded", "file": self.file}

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the file's bytes, its rows checked."""
        return file_digest(self.path) if self.rows else ""

    @cached_property
    def rows(self) -> Mapping[str, Row]:
        """The rows by example id; what is wrong raises one `InputError`."""
        return read(self.path)

    def payload(self, request: Request) -> Json:
        return {"id": request.id}

    def __call__(self, request: Request) -> Answer:
        row = self.rows.get(request.id or "")
        if row is None:
            raise ModelError(f"nothing is recorded for `{request.id}`", fault="refused", hint=f"add it to {self.file}")
        if row.answer is None:
            said = f"`{row.id}` has a score but no output"
            raise ModelError(said, fault="refused", hint="compare can use it as it is")
        return row.answer
