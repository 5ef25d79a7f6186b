"""The command line as people start it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def suffice() -> Command:
    """Start `suffice` with these arguments, in a process of its own; keywords are added to the environment."""

    def started(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "suffice", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=600)

    return started
