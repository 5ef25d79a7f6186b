"""Clusters: a private PostgreSQL server for tests, on a free port of this machine, started, killed and restarted."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest

USER = "postgres"
"""Whom the server runs as where tests are root: it refuses to run as root."""


@dataclass
class Cluster:
    """A server whose files are in one folder; nothing outside it is touched."""

    binaries: Path
    folder: Path
    port: int
    made: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start it, also after it was killed; return once it answers."""
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -c unix_socket_directories={self.folder}"
        given = ("-D", str(self.folder / "data"), "-o", options, "-l", str(self.folder / "log"), "-w", "start")
        for left in range(30, -1, -1):  # what a killed server shared with its children is let go of when they end
            if (done := self._run("pg_ctl", *given)).returncode == 0:
                return
            time.sleep(0.2)
            assert left, done.stdout + (self.folder / "log").read_text()

    def kill(self) -> None:
        """Kill the server outright, as a power failure of its process would."""
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"ledger{len(self.made)}"
        done = self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tester", name)
        assert done.returncode == 0, done.stdout
        self.made.append(name)
        return f"postgresql+psycopg://tester@127.0.0.1:{self.port}/{name}"

    def _run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        as_whom: dict[str, Any] = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        return _said(self.binaries / name, arguments, as_whom)


def _said(program: Path, arguments: Sequence[str], as_whom: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run to the end; what is said goes through a file, because a server that is started keeps a pipe open."""
    with tempfile.TemporaryFile("w+") as out:
        done = subprocess.run(
            [program, *arguments], cwd="/tmp", stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True, **as_whom
        )
        out.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read(), "")


def absent(said: str) -> NoReturn:
    """Skip what finds no server, or fail it where one must be there."""
    must = "postgres" in os.environ.get("SUFFICE_MUST_HAVE", "").split()
    if must:
        pytest.fail(said)
    pytest.skip(said)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server of its own, gone afterwards. Skips the test where there is none and none can be installed.

    Fails it instead where SUFFICE_MUST_HAVE names postgres.
    """
    binaries = _installed() or _fetched()
    if binaries is None:
        absent("no PostgreSQL here (/usr/lib/postgresql/*/bin): as root, the tests install Debian's postgresql")
    folder = Path(tempfile.mkdtemp(prefix="suffice-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = Cluster(binaries, folder, port)
    try:
        made = found._run(
            "initdb", "-D", str(folder / "data"), "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C"
        )
        assert made.returncode == 0, made.stdout
        found.start()
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _installed() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


def _fetched() -> Path | None:
    """Debian's own package, where this is root on a Debian with a way to its archive."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (("update",), ("install", "-y", "--no-install-recommends", "postgresql")):
        if subprocess.run(["apt-get", "-q", *step], env=quiet, capture_output=True).returncode != 0:
            return None
    return _installed()
