"""Plain text: one section, as it stands."""

from __future__ import annotations

from pathlib import Path

from ..documents import Section
from ..plaintext import decoded


def text(path: Path) -> tuple[Section, ...]:
    """The file's whole text as one section; none when it is blank."""
    body = decoded(path).strip()
    return (Section(body),) if body else ()
