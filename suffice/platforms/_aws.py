"""Signature Version 4 of Amazon Web Services, and the credentials of the environment."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from urllib.parse import parse_qsl, quote

from ..errors import ModelError


@dataclass(frozen=True, repr=False)
class Credentials:
    """Never written down: they live for one call."""

    id: str
    secret: str
    session: str = ""


def credentials() -> Credentials:
    """Those in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`."""
    found = [os.environ.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
    if not (found[0] and found[1]):
        hint = "export them, for example with `aws configure export-credentials --format env`"
        raise ModelError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set", fault="unauthorized", hint=hint)
    return Credentials(*found)


def signed(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    service: str,
    region: str,
    own: Credentials,
    now: datetime | None = None,
) -> dict[str, str]:
    """The headers of a signed request. `target` is the path, percent-encoded, with its query; `headers` has the host.

    S3 signs the path as it is sent and the digest of the body as a header; other services encode the path once more.
    """
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    told = {**{k.lower(): " ".join(v.split()) for k, v in headers.items()}, "x-amz-date": moment}
    if service == "s3":
        told["x-amz-content-sha256"] = digest
    if own.session:
        told["x-amz-security-token"] = own.session
    path, _, query = target.partition("?")
    names = ";".join(sorted(told))
    canonical = "\n".join(
        [
            method,
            path if service == "s3" else quote(path, safe="/~"),
            _query(query),
            *(f"{name}:{told[name]}" for name in sorted(told)),
            "",
            names,
            digest,
        ]
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
    key = reduce(_hmac, scope.split("/"), f"AWS4{own.secret}".encode())
    signature = _hmac(key, text).hex()
    told["authorization"] = f"AWS4-HMAC-SHA256 Credential={own.id}/{scope},SignedHeaders={names},Signature={signature}"
    return told


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _query(query: str) -> str:
    pairs = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{k}={v}" for k, v in pairs)
