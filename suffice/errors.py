"""Every error raised on purpose, as one tree:

SufficeError                 code, file, line, hint; exit_code says what the command line returns
  InputError          (2)    what the user wrote is wrong: a task file, a row, a flag, a document
    UnknownPlugin            no such file on the shelf
    MissingExtra             the plugin exists, its dependency is not installed
    OwnCode                  Python that nobody allowed to run
  Disproved           (1)    the thing asked does not hold (a verdict that no longer recomputes)
  BudgetSpent         (3)    a cap on money or calls was reached; what was paid for is kept
  ModelError          (4)    a model or service failed; `retryable` says whether to try again
    Unreachable              nobody answers there, or the breaker is open
  Damaged             (4)    a stored file does not have the content its digest promises
  Interrupted         (130)  somebody stopped what begins anew next time
"""

from __future__ import annotations

from typing import Literal

Fault = Literal[
    "rate_limited",
    "server_error",
    "unavailable",
    "timeout",
    "dropped",
    "malformed",
    "truncated",
    "empty",
    "refused",
    "rejected",
    "unauthorized",
    "unreachable",
]


class SufficeError(Exception):
    """What went wrong, where, and what to do about it."""

    code = "error"
    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", file: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file = file
        self.line = line

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        return f"{where}{self.message}"


class InputError(SufficeError):
    """The task file, a row, a flag or a document is wrong."""

    code = "input"


class UnknownPlugin(InputError):
    """No plugin of that name on the shelf."""

    code = "unknown_plugin"


class MissingExtra(InputError):
    """The plugin exists, but a library it needs is not installed."""

    code = "missing_extra"


class OwnCode(InputError):
    """A plugin is somebody's own Python, and nobody has said that it may run."""

    code = "own_code"


class Interrupted(SufficeError):
    """Somebody stopped it, and the same command does not simply go on from there."""

    code = "interrupted"
    exit_code = 130


class Disproved(SufficeError):
    """The thing asked does not hold."""

    code = "disproved"
    exit_code = 1


class BudgetSpent(SufficeError):
    """A cap on money or calls was reached before the work was done: `done` of `total` examples."""

    code = "budget_spent"
    exit_code = 3
    done = 0
    total = 0


class ModelError(SufficeError):
    """One attempt at a model failed. `fault` classes it; `billed` says whether the provider will charge for it."""

    code = "model"
    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        fault: Fault,
        retryable: bool = False,
        billed: bool = False,
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.fault: Fault = fault
        self.retryable = retryable
        self.billed = billed
        self.retry_after = retry_after
        """Seconds the provider asked us to wait, or None."""


class Unreachable(ModelError):
    """Nobody answers at that address, or the breaker is open."""

    code = "unreachable"


class Damaged(SufficeError):
    """A stored file does not have the content its digest promises."""

    code = "damaged"
    exit_code = 4
