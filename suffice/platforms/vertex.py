"""vertex: supervised tuning of Gemini on Google's Vertex AI, by its REST interface; data goes by Cloud Storage."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote as quoted
from urllib.parse import urlencode

from ..demonstrations import Demonstration
from ..errors import InputError, ModelError
from ..http import Endpoint, Reply
from ..platform import Availability, Misfit, Order, Quote, Report, Result, Standing, common
from ..terms import terms_of
from ..types import Json, Message
from ._api import SECONDS, UPLOAD_SECONDS, body_of, check_trusted, clean, entries, named, refusal, said, text, whole
from ._chat import roles

STANDINGS: Mapping[str, Standing] = {
    "JOB_STATE_QUEUED": "queued",
    "JOB_STATE_PENDING": "queued",
    "JOB_STATE_SUCCEEDED": "done",
    "JOB_STATE_PARTIALLY_SUCCEEDED": "done",
    "JOB_STATE_FAILED": "failed",
    "JOB_STATE_EXPIRED": "failed",
    "JOB_STATE_CANCELLED": "cancelled",
}
RANKS = {1: "ONE", 2: "TWO", 4: "FOUR", 8: "EIGHT", 16: "SIXTEEN", 32: "THIRTY_TWO"}
"""Adapter sizes by the names of the interface (googleapis/python-genai, types.AdapterSize)."""
LABEL = "suffice"
PAGES = 200
"""Pages of the list of jobs that are looked through."""


@dataclass(frozen=True)
class Vertex:
    """The token comes from `GOOGLE_ACCESS_TOKEN`, or by google-auth from the application's default credentials."""

    project: str = ""
    """Empty takes `GOOGLE_CLOUD_PROJECT`."""
    location: str = ""
    """Empty takes `GOOGLE_CLOUD_LOCATION`, or else us-central1: where the data stays and the job runs."""
    bucket: str = ""
    """The Cloud Storage bucket for the data; empty takes `SUFFICE_GCS_BUCKET`."""
    base_url: str = ""
    """Another address for both services."""

    starts: ClassVar[bool] = True
    quotes: ClassVar[bool] = False

    @property
    def _location(self) -> str:
        return self.location or os.environ.get("GOOGLE_CLOUD_LOCATION", "us-central1")

    @property
    def _home(self) -> str:
        project = self.project or os.environ.get("GOOGLE_CLOUD_PROJECT", "")
        if not re.fullmatch(r"[a-z0-9:.-]+", project):
            raise InputError("no Google Cloud project is named", hint="set GOOGLE_CLOUD_PROJECT")
        return f"projects/{project}/locations/{self._location}"

    @property
    def _bucket(self) -> str:
        bucket = self.bucket or os.environ.get("SUFFICE_GCS_BUCKET", "")
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", bucket):
            raise InputError("no bucket is named", hint="vertex: {use: {bucket: …, project: …}} in platforms.yaml")
        return bucket

    @cached_property
    def _control(self) -> Endpoint:
        return Endpoint(self.base_url or f"https://{self._location}-aiplatform.googleapis.com")

    @cached_property
    def _store(self) -> Endpoint:
        return Endpoint(self.base_url or "https://storage.googleapis.com")

    def misfits(self, rows: Sequence[Demonstration], order: Order) -> tuple[Misfit, ...]:
        found = [*common(rows, order, terms_of("vertex"), len(self.data(rows)))]
        if order.rank is not None and order.rank not in RANKS:
            found.append(Misfit(f"rank {order.rank}", f"choose one of {', '.join(map(str, RANKS))}"))
        if order.learning_rate is not None or order.batch is not None:
            told = "a learning rate or batch size"
            found.append(Misfit(told, "neither can be chosen for Gemini here: leave them out"))
        if len(rows) < 100:
            told = f"{len(rows)} rows; Google recommends 100 to begin with"
            found.append(Misfit(told, "add demonstrations", fatal=False))
        return (*found, *roles(rows, alternate=True, tools=True))

    def data(self, rows: Sequence[Demonstration]) -> bytes:
        """One `systemInstruction`, `contents` and `tools` a line."""
        return b"".join(json.dumps(_contents(row), ensure_ascii=False).encode() + b"\n" for row in rows)

    def available(self, model: str = "") -> Availability:
        """Whether jobs can be listed; which models can be tuned is told by the documentation only."""
        reply = self._ask("GET", f"/v1/{self._home}/tuningJobs?pageSize=1")
        if reply.status in (403, 404, 410):
            return Availability(False, f"{reply.status} {said(reply)}")
        self._need(reply)
        told = f"jobs can be listed in {self._location}"
        return Availability(None if model else True, f"{told}; whether {model} can be tuned is not" if model else told)

    def uploaded(self, key: str) -> str | None:
        reply = self._stored("GET", f"/storage/v1/b/{self._bucket}/o/{quoted(self._object(key), safe='')}", b"")
        if reply.status == 404:
            return None
        self._need(reply)
        return f"gs://{self._bucket}/{self._object(key)}"

    def upload(self, content: bytes, key: str) -> str:
        """The object is made only where there is none (ifGenerationMatch=0)."""
        query = urlencode({"uploadType": "media", "name": self._object(key), "ifGenerationMatch": "0"})
        reply = self._stored("POST", f"/upload/storage/v1/b/{self._bucket}/o?{query}", content)
        if reply.status not in (200, 412):
            raise refusal(reply, self._store.url)
        return f"gs://{self._bucket}/{self._object(key)}"

    def _object(self, key: str) -> str:
        return f"suffice/{key}.jsonl"

    def quote(self, file: str, order: Order) -> Quote | None:
        return None

    def started(self, key: str) -> str | None:
        """Every page of the list is looked through: the platform keeps no key of ours but a label."""
        page = ""
        for _ in range(PAGES):
            query = urlencode({"pageSize": "100", **({"pageToken": page} if page else {})})
            body = self._need(self._ask("GET", f"/v1/{self._home}/tuningJobs?{query}"))
            ours = (text(j, "name") for j in entries(body, "tuningJobs") if text(j.get("labels"), LABEL) == key)
            page, found = text(body, "nextPageToken"), next(ours, None)
            if found or not page:
                return found
        raise ModelError(f"{self._control.url}: the list of jobs has no end", fault="malformed")

    def start(self, file: str, order: Order, key: str) -> str:
        chosen: dict[str, Json] = {"epochCount": str(order.epochs)}
        if order.rank is not None:
            chosen["adapterSize"] = f"ADAPTER_SIZE_{RANKS[order.rank]}"
        body = {
            "baseModel": order.model,
            "supervisedTuningSpec": {"trainingDatasetUri": file, "hyperParameters": chosen},
            "tunedModelDisplayName": (order.name or key)[:128],
            "labels": {LABEL: key},
        }
        return named(self._need(self._ask("POST", f"/v1/{self._home}/tuningJobs", body)), "name", self._control.url)

    def poll(self, job: str) -> Report:
        body = self._need(self._ask("GET", f"/v1/{_path(job)}"))
        told = text(body, "state")
        counted = body.get("tuningDataStats")
        stats = counted.get("supervisedTuningDataStats") if isinstance(counted, Mapping) else None
        return Report(
            standing=STANDINGS.get(told, "running"),
            told=told,
            model=text(body.get("tunedModel"), "endpoint") or text(body.get("tunedModel"), "model"),
            tokens=whole(stats.get("totalBillableTokenCount")) if isinstance(stats, Mapping) else None,
            message=clean(text(body.get("error"), "message")),
        )

    def cancel(self, job: str) -> None:
        reply = self._ask("POST", f"/v1/{_path(job)}:cancel", {})
        if reply.status not in (200, 400):
            raise refusal(reply, self._control.url)

    def fetch(self, job: str, folder: Path) -> Result:
        model = self.poll(job).model
        address = self.base_url or f"https://{self._location}-aiplatform.googleapis.com"
        served = {"use": "openai", "name": model, "base_url": f"{address}/v1/{self._home}/endpoints/openapi"}
        return Result(model, served, None, "its endpoint answers; the key is an access token that lasts an hour")

    def _ask(self, method: str, target: str, body: Json = None) -> Reply:
        content = None if body is None else json.dumps(body).encode()
        return self._control.send(method, target, content, _headers(self._control), timeout=SECONDS)

    def _stored(self, method: str, target: str, content: bytes) -> Reply:
        body = content if method == "POST" else None
        return self._store.send(method, target, body, _headers(self._store), timeout=UPLOAD_SECONDS)

    def _need(self, reply: Reply) -> Mapping[str, Json]:
        if reply.status != 200:
            raise refusal(reply, self._control.url)
        return body_of(reply, self._control.url)


def _headers(to: Endpoint) -> dict[str, str]:
    check_trusted(to, "googleapis.com", "GOOGLE_ACCESS_TOKEN")
    return {"Content-Type": "application/json", "Accept-Encoding": "identity", "Authorization": f"Bearer {_token()}"}


def _token() -> str:
    """An access token, for one call."""
    if given := os.environ.get("GOOGLE_ACCESS_TOKEN"):
        return given
    try:
        auth = import_module("google.auth")
        transport = import_module("google.auth.transport.requests")
    except ModuleNotFoundError as missing:
        hint = "export GOOGLE_ACCESS_TOKEN=$(gcloud auth print-access-token), or pip install google-auth requests"
        raise ModelError("GOOGLE_ACCESS_TOKEN is not set", fault="unauthorized", hint=hint) from missing
    own, _ = auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    own.refresh(transport.Request())
    return str(own.token)


def _contents(row: Demonstration) -> Json:
    instructions = [m.content for m in row.messages if m.role == "system"]
    names = {call.id: call.name for m in row.messages for call in m.tool_calls}
    turns = [m for m in (*row.messages, row.reply) if m.role != "system"]
    told: dict[str, Json] = {}
    if instructions:
        told["systemInstruction"] = {"role": "system", "parts": [{"text": t} for t in instructions]}
    told["contents"] = [_turn(m, names) for m in turns]
    if row.tools:
        offered = [{"name": t.name, "description": t.description, "parameters": dict(t.parameters)} for t in row.tools]
        told["tools"] = [{"functionDeclarations": offered}]
    return told


def _turn(message: Message, names: Mapping[str, str]) -> Json:
    if message.role == "tool":
        answer = {"name": names.get(message.tool_call_id or "", ""), "response": {"content": message.content}}
        return {"role": "user", "parts": [{"functionResponse": answer}]}
    parts: list[Json] = [{"text": message.content}] if message.content or not message.tool_calls else []
    parts += [{"functionCall": {"name": c.name, "args": dict(c.arguments)}} for c in message.tool_calls]
    return {"role": "model" if message.role == "assistant" else "user", "parts": parts}


def _path(name: str) -> str:
    """A resource's name as part of an address; one that is none is refused."""
    if not re.fullmatch(r"projects/[\w:.-]+/locations/[\w-]+/tuningJobs/[\w-]+", name):
        raise ModelError("the platform names something that is no tuning job", fault="malformed")
    return name
