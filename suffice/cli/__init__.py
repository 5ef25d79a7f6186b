"""The command line: one command, or a few that belong together, a file."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, and leave with its exit code."""
    from .frame import leave, run
    from .say import any_encoding

    any_encoding()
    leave(run(sys.argv[1:]))
