"""The frame around every command: what goes to stdout, how an error reads, and which code the process leaves with.

0 done · 1 it does not hold · 2 input or usage is wrong · 3 a budget ran out · 4 a model could not be reached ·
70 a defect in Suffice itself · 130 interrupted · 141 nobody reads what is said
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from traceback import walk_tb
from typing import TYPE_CHECKING, NoReturn

from ..errors import SufficeError
from .say import red, spoken, write_json

if TYPE_CHECKING:
    from ..types import Json

DEFECT = 70
INTERRUPTED = 130
UNREAD = 141


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return the exit code. With `--json`, stdout gets exactly one JSON document."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" not in options:
        return _attempt(arguments, as_json=False)
    with _stdout_kept_clean(), spoken() as said:
        code = _attempt(arguments, as_json=True)
    with suppress(BrokenPipeError):
        for body in said:
            write_json(body)
    return code


def leave(code: int) -> NoReturn:
    """Leave with the code: at once where a request that nobody waits for any more is still inside a model."""
    from ..left import busy

    if not busy():
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    _flush_native()
    os._exit(code)


def _attempt(arguments: Sequence[str], *, as_json: bool) -> int:
    import typer

    from .app import command

    try:
        left = command().main(list(arguments), prog_name="suffice", standalone_mode=False)
        return _interrupted(as_json) if left == INTERRUPTED else left if isinstance(left, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(as_json)
    except (BrokenPipeError, SystemExit):  # the command line's own way of saying that nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return UNREAD
    except Exception as wrong:
        if os.environ.get("SUFFICE_DEBUG"):
            raise
        return _report(_described(wrong), _code(wrong), as_json)


def _interrupted(as_json: bool) -> int:
    return _report({"code": "interrupted", "message": "interrupted", "hint": left_behind()}, INTERRUPTED, as_json)


def left_behind(given_up: Sequence[str] = ()) -> str:
    """What an interrupt leaves, and how to go on; `given_up` says of calls that no reply was waited for."""
    kept = f"the replies that came back are kept; {'; '.join(given_up)}" if given_up else "what was paid for is kept"
    return f"{kept}; the same command goes on from there"


def _code(wrong: Exception) -> int:
    if isinstance(wrong, SufficeError):
        return wrong.exit_code
    return 2 if _is_usage(wrong) or isinstance(wrong, OSError) or _in_own_file(wrong) else DEFECT


def _is_usage(wrong: Exception) -> bool:
    from typer.exceptions import TyperException

    return isinstance(wrong, TyperException)


def _described(wrong: Exception) -> Mapping[str, Json]:
    if isinstance(wrong, SufficeError):
        told = {"code": wrong.code, "message": wrong.message, "file": wrong.file, "line": wrong.line}
        return {**told, "hint": wrong.hint}
    if _is_usage(wrong):
        where = getattr(getattr(wrong, "ctx", None), "command_path", "suffice")
        message = getattr(wrong, "format_message", wrong.__str__)()
        return {"code": "usage", "message": message, "hint": f"`{where} --help` shows what it takes"}
    if isinstance(wrong, OSError):
        return {"code": "system", "message": wrong.strerror or str(wrong), "file": wrong.filename, "hint": ""}
    told = {"message": f"{type(wrong).__name__}: {wrong}", "hint": "SUFFICE_DEBUG=1 shows the traceback"}
    if own := _in_own_file(wrong):
        return {"code": "input", **told, "file": own[0], "line": own[1]}
    return {"code": "defect", **told, "hint": f"this is a defect in Suffice; {told['hint']} to report"}


def _in_own_file(wrong: Exception) -> tuple[str, int] | None:
    """The line of the user's own plugin file that the error came through, if it did."""
    frames = [(frame.f_globals, frame.f_code.co_filename, line) for frame, line in walk_tb(wrong.__traceback__)]
    return next(((file, line) for names, file, line in reversed(frames) if "__suffice_file__" in names), None)


def _report(error: Mapping[str, Json], code: int, as_json: bool) -> int:
    full = {"code": "", "message": "", "file": None, "line": None, "hint": "", **error}
    if as_json:
        from .say import say

        say({"error": full})
    elif full["message"]:  # none where the help was shown instead
        red(full)
    return code


@contextmanager
def _stdout_kept_clean() -> Iterator[None]:
    """Whatever libraries print, native ones too, goes to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _flush_native()
        os.dup2(kept, 1)
        os.close(kept)


def _flush_native() -> None:
    """C libraries buffer what they print; it must leave before stdout is ours again."""
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)
