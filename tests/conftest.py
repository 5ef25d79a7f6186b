"""What all tests share: no network but this machine's, slow tests last, real weights and real data where they are."""

from __future__ import annotations

import ipaddress
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import Cluster, cluster

from suffice import weights
from suffice.errors import Unreachable

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("SUFFICE_DATA") or ROOT / ".." / "shared" / "data")


class NetworkForbidden(RuntimeError):
    """A test reached for an address outside this machine. Give it a local server instead."""


def _only_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """The seam is Python's own audit hook: it sees every connect of this process, and none is patched.

    Child processes are not watched: the weights come through the user's own pip, in one.
    """
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _check(arguments[1][0])
    elif event == "socket.getaddrinfo" and arguments[0]:
        _check(arguments[0])


def _check(host: str | bytes) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in ("localhost", ""):
        return
    try:
        local = ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        local = False
    if not local:
        raise NetworkForbidden(f"a test reached for {name}")


sys.addaudithook(_only_this_machine)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script, Python leaves interrupts ignored, and so would every child of a test.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests run last, so that the quick ones speak first; where workers share them, first, to end together."""
    first = "PYTEST_XDIST_WORKER" in os.environ
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None) is first)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of public data sets, named by SUFFICE_DATA."""
    if not DATA.is_dir():
        pytest.skip(f"no data sets at {DATA}: set SUFFICE_DATA to their folder")
    return DATA


def _weights(name: str) -> Path:
    try:
        return weights.fetch(name)
    except Unreachable as nobody:
        pytest.skip(f"the weights `{name}` are not here and cannot be fetched: {nobody}")


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The embedded model's weights."""
    return _weights("smollm2")


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The embedded embedder's weights."""
    return _weights("minilm")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of the tests' own."""
    with cluster() as found:
        yield found
