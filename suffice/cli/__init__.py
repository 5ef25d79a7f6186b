"""The command line: one command, or a few that belong together, a file."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, and leave with its exit code."""
    from .frame import run
    from .say import any_encoding

    any_encoding()
    sys.exit(run(sys.argv[1:]))
