"""Left: threads of ours that may still be inside a model when a command has said all it has to say.

Native code that comes back to an interpreter which is gone ends the process with a signal, whatever the command's code.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

WITHIN_S = 1.0
"""How long threads that are about to end are waited for."""

_STARTED: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def worker(target: Callable[..., object], name: str, *given: Any) -> threading.Thread:
    """A daemon thread, not yet started, that `busy` knows of."""
    thread = threading.Thread(target=target, name=name, args=given, daemon=True)
    _STARTED.add(thread)
    return thread


def busy(within: float = WITHIN_S) -> bool:
    """Whether any of these threads is still at work after so many seconds."""
    until = time.monotonic() + within
    for thread in [t for t in _STARTED if t.is_alive()]:
        thread.join(max(0.0, until - time.monotonic()))
    return any(t.is_alive() for t in list(_STARTED))
