"""One HTTP endpoint: kept-alive connections of the standard library, whole replies only, every failure classed.

From 64 threads the standard library costs about half the CPU of the connection pools built on it.
"""

from __future__ import annotations

import http.client
import select
import ssl
import time
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from .errors import Fault, InputError, ModelError, Unreachable

CONNECT_SECONDS = 10.0
LARGEST_REPLY = 32 * 2**20

Connections = deque[http.client.HTTPConnection]


class _InOnePiece(http.client.HTTPConnection):
    """Sends head and body together: a packet less for the network, a system call and a wake-up less at both ends."""

    _pieces: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        pieces = self._pieces = []
        super().request(*args, **kwargs)
        self._pieces = None
        self.send(b"".join(pieces))

    def send(self, data: Any) -> None:
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)


class _Plain(_InOnePiece, http.client.HTTPConnection):
    pass


class _Secure(_InOnePiece, http.client.HTTPSConnection):
    pass


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply: status, headers by their lower-case names, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """Seconds the server asks us to wait. A date is read against the server's own clock, where it sends one."""
        try:
            if "retry-after-ms" in self.headers:
                return max(0.0, float(self.headers["retry-after-ms"]) / 1000)
            return max(0.0, self._seconds(self.headers["retry-after"]))
        except (KeyError, ValueError, TypeError, OverflowError):
            return None

    def _seconds(self, text: str) -> float:
        if text.strip().replace(".", "", 1).isdigit():
            return float(text)
        now = parsedate_to_datetime(self.headers["date"]).timestamp() if "date" in self.headers else time.time()
        return parsedate_to_datetime(text).timestamp() - now


@dataclass(frozen=True)
class Endpoint:
    """A base URL, checked, and the connections to it that are free."""

    url: str

    def __post_init__(self) -> None:
        try:
            parts = self.parts
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise InputError(f"`{self.url}` is not an http(s) address", hint="write http://host:port/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InputError("an address holds no user, password or query", hint="keys are set in the environment")

    @cached_property
    def parts(self) -> SplitResult:
        """The address in parts."""
        return urlsplit(self.url.rstrip("/"))

    @property
    def host(self) -> str:
        """The host's name, in lower case."""
        return (self.parts.hostname or "").lower()

    @cached_property
    def loopback(self) -> bool:
        """Whether the address is this machine."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    @cached_property
    def _free(self) -> Connections:
        free: Connections = deque()
        weakref.finalize(self, _close_all, free)
        return free

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Reply:
        """Send `body` once and return the whole reply, whatever its status; raise a classed `ModelError` otherwise."""
        return self.send("POST", path, body, headers, timeout=timeout)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], *, timeout: float) -> Reply:
        """The same with any method: one attempt, the whole reply."""
        connection = self._connection(timeout)
        sent, keep = False, False
        try:
            connection.request(method, self._target(path), body, dict(headers))
            sent = True
            reply, keep = _whole(connection, time.monotonic() + timeout)
            return reply
        except TimeoutError as wrong:
            raise self._fault("timeout", f"no whole reply within {timeout:g} s", billed=sent) from wrong
        except http.client.IncompleteRead as wrong:
            raise self._fault("truncated", "the reply broke off", billed=True) from wrong
        except (http.client.RemoteDisconnected, OSError) as wrong:
            raise self._fault("dropped", "the connection was closed without a reply", billed=sent) from wrong
        except (http.client.HTTPException, ValueError) as wrong:
            raise self._fault("malformed", f"no HTTP: {type(wrong).__name__}", billed=sent) from wrong
        finally:
            if keep:
                self._free.append(connection)
            else:
                connection.close()

    def download(self, path: str, headers: Mapping[str, str], to: Path, *, timeout: float, largest: int) -> Reply:
        """Write the body of a reply of status 200 to a file, whole or not at all; any other reply is returned whole.

        `timeout` is for each piece; `largest` bounds the file, in bytes.
        """
        connection = self._connect(timeout)
        try:
            connection.request("GET", self._target(path), None, dict(headers))
            got = connection.getresponse()
            told = {name.lower(): value for name, value in got.getheaders()}
            if got.status != 200:
                return Reply(got.status, told, _body(got, time.monotonic() + timeout))
            _written(got, to, largest)
            return Reply(200, told, b"")
        except TimeoutError as wrong:
            raise self._fault("timeout", f"nothing came for {timeout:g} s", billed=False) from wrong
        except http.client.IncompleteRead as wrong:
            raise self._fault("truncated", "the file broke off", billed=False) from wrong
        except (http.client.HTTPException, OSError, ValueError) as wrong:
            raise self._fault("dropped", f"the file could not be read: {wrong}", billed=False) from wrong
        finally:
            connection.close()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        """A free connection that the server has not closed meanwhile, or a new one."""
        while self._free:
            try:
                connection = self._free.pop()
            except IndexError:
                break
            if connection.sock is not None and not _readable(connection):
                connection.sock.settimeout(timeout)
                return connection
            connection.close()
        return self._connect(timeout)

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        connection = self._made()
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as wrong:
            connection.close()
            raise self._gone(f"its certificate is not trusted ({wrong.verify_message})", retryable=False) from wrong
        except (OSError, http.client.HTTPException, UnicodeError) as wrong:
            connection.close()
            raise self._gone(str(wrong) or type(wrong).__name__) from wrong
        connection.sock.settimeout(timeout)
        return connection

    def _made(self) -> http.client.HTTPConnection:
        parts, proxy = self.parts, self._proxy
        if parts.scheme == "http":
            at = (proxy.hostname, proxy.port) if proxy else (parts.hostname, parts.port)
            return _Plain(at[0] or "", at[1], timeout=CONNECT_SECONDS)
        context = ssl.create_default_context()
        if proxy is None:
            return _Secure(self.host, parts.port, timeout=CONNECT_SECONDS, context=context)
        tunnel = _Secure(proxy.hostname or "", proxy.port, timeout=CONNECT_SECONDS, context=context)
        tunnel.set_tunnel(self.host, parts.port or 443)
        return tunnel

    @cached_property
    def _proxy(self) -> SplitResult | None:
        """The proxy of the environment, where one is meant for this host."""
        found = None if self.loopback or proxy_bypass(self.host) else getproxies().get(self.parts.scheme)
        return urlsplit(found if "://" in found else f"http://{found}") if found else None

    def _target(self, path: str) -> str:
        whole = f"{self.parts.path}{path}"
        return f"http://{self.parts.netloc}{whole}" if self._proxy and self.parts.scheme == "http" else whole

    def _fault(self, fault: Fault, said: str, *, billed: bool) -> ModelError:
        return ModelError(f"{self.url}: {said}", fault=fault, retryable=True, billed=billed)

    def _gone(self, said: str, *, retryable: bool = True) -> Unreachable:
        hint = "start the server, or check the address and the network"
        return Unreachable(f"{self.url} cannot be reached: {said}", fault="unreachable", retryable=retryable, hint=hint)


def _whole(connection: http.client.HTTPConnection, deadline: float) -> tuple[Reply, bool]:
    """The reply, read to its end within a bound of bytes and time, and whether the connection can serve again."""
    got = connection.getresponse()
    try:
        promised, body = got.length, _body(got, deadline)
    finally:
        got.close()
    if promised is not None and len(body) < promised:
        raise http.client.IncompleteRead(b"", promised - len(body))
    headers = {name.lower(): value for name, value in got.getheaders()}
    return Reply(got.status, headers, body), not got.will_close


def _body(got: http.client.HTTPResponse, deadline: float) -> bytes:
    chunks, size = [], 0
    while chunk := got.read1(1 << 16):
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_REPLY:
            raise ValueError("the reply is larger than any reply should be")
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(chunks)


def _written(got: http.client.HTTPResponse, to: Path, largest: int) -> None:
    """The body in a file beside `to`, which takes its place once every promised byte is there."""
    promised, size = got.length, 0
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f".{to.name}.part")
    try:
        with part.open("wb") as file:
            while chunk := got.read(1 << 20):
                size += len(chunk)
                if size > largest:
                    raise ValueError(f"it is larger than {largest >> 20} MB")
                file.write(chunk)
        if promised is not None and size < promised:
            raise http.client.IncompleteRead(b"", promised - size)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _readable(connection: http.client.HTTPConnection) -> bool:
    """Whether there is something to read before anything was asked: the server has closed, or is confused."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _close_all(free: Connections) -> None:
    while free:
        free.pop().close()
