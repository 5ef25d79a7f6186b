"""bedrock: model customization of Amazon Bedrock, by its REST interface; the data goes through S3."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote as quoted

from ..demonstrations import Demonstration
from ..errors import InputError
from ..http import Endpoint, Reply
from ..platform import Availability, Misfit, Order, Quote, Report, Result, Standing, common
from ..terms import terms_of
from ..types import Json, Message
from ._api import SECONDS, UPLOAD_SECONDS, body_of, check_trusted, clean, entries, named, refusal, said, text
from ._aws import credentials, signed
from ._chat import roles

STANDINGS: Mapping[str, Standing] = {
    "InProgress": "running",
    "Completed": "done",
    "Failed": "failed",
    "Stopping": "running",
    "Stopped": "cancelled",
}
RESERVED = re.compile(r"^\s*(User|Bot|Assistant|System):|<image>|<video>|\[EOS\]")
"""Words with which a job on Nova models fails (docs.aws.amazon.com/nova, fine-tune-prepare-data-understanding)."""


@dataclass(frozen=True)
class Bedrock:
    """Credentials come from `AWS_ACCESS_KEY_ID` and its siblings; they are in no field, error, record or log."""

    bucket: str = ""
    """The S3 bucket for the data and what the job writes; empty takes `SUFFICE_S3_BUCKET`."""
    role: str = ""
    """The ARN of the role that Bedrock takes on to read the bucket; empty takes `SUFFICE_BEDROCK_ROLE`."""
    region: str = ""
    """Empty takes `AWS_REGION`, or else us-east-1."""
    base_url: str = ""
    """Another address for both services, such as a private endpoint."""

    starts: ClassVar[bool] = True
    quotes: ClassVar[bool] = False

    @property
    def _region(self) -> str:
        return self.region or os.environ.get("AWS_REGION", "us-east-1")

    @cached_property
    def _control(self) -> Endpoint:
        return Endpoint(self.base_url or f"https://bedrock.{self._region}.amazonaws.com")

    @cached_property
    def _store(self) -> Endpoint:
        return Endpoint(self.base_url or f"https://s3.{self._region}.amazonaws.com")

    @property
    def _home(self) -> str:
        bucket = self.bucket or os.environ.get("SUFFICE_S3_BUCKET", "")
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
            raise InputError("no S3 bucket is named", hint="bedrock: {use: {bucket: …, role: arn:…}} in platforms.yaml")
        return bucket

    @property
    def _role(self) -> str:
        role = self.role or os.environ.get("SUFFICE_BEDROCK_ROLE", "")
        if not role.startswith("arn:"):
            raise InputError("no role is named", hint="bedrock: {use: {bucket: …, role: arn:…}} in platforms.yaml")
        return role

    def misfits(self, rows: Sequence[Demonstration], order: Order) -> tuple[Misfit, ...]:
        found = [*common(rows, order, terms_of("bedrock"), len(self.data(rows)))]
        if order.rank is not None:
            found.append(Misfit("a LoRA rank", "it cannot be chosen here: leave it out"))
        if "nova" in order.model and len(rows) < 100:
            told = "Nova's documentation recommends 100 rows or more"
            found.append(Misfit(f"{len(rows)} rows; {told}", "add demonstrations", fatal=False))
        nova = "nova" in order.model
        found += [m for line, row in enumerate(rows, 1) for m in _row(row, line, nova)]
        return (*found, *roles(rows, alternate=True, tools=False))

    def data(self, rows: Sequence[Demonstration]) -> bytes:
        """One conversation of the Converse schema a line."""
        return b"".join(json.dumps(_conversation(row), ensure_ascii=False).encode() + b"\n" for row in rows)

    def available(self, model: str = "") -> Availability:
        """Whether the base model is listed for fine-tuning in this region, and whether it is being retired."""
        reply = self._ask("GET", "/foundation-models?byCustomizationType=FINE_ORDER")
        if reply.status in (403, 404, 410):
            return Availability(False, f"{reply.status} {said(reply)}")
        listed = entries(self._need(reply), "modelSummaries")
        found = next((m for m in listed if model and text(m, "modelId").startswith(model)), None)
        if model and found is None:
            return Availability(False, f"{model} is not among {len(listed)} models for fine-tuning in {self._region}")
        cycle = found.get("modelLifecycle") if found else None
        legacy = text(cycle, "status") == "LEGACY"
        told = f"{len(listed)} models can be tuned in {self._region}"
        return Availability(not legacy, f"{model} is being retired" if legacy else told)

    def uploaded(self, key: str) -> str | None:
        reply = self._s3("HEAD", key, b"")
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise refusal(reply, self._store.url)
        return self._uri(key)

    def upload(self, content: bytes, key: str) -> str:
        """The object's name is ours: uploading it again leaves one object."""
        reply = self._s3("PUT", key, content)
        if reply.status != 200:
            raise refusal(reply, self._store.url)
        return self._uri(key)

    def _uri(self, key: str) -> str:
        return f"s3://{self._home}/suffice/{key}/train.jsonl"

    def quote(self, file: str, order: Order) -> Quote | None:
        return None

    def started(self, key: str) -> str | None:
        body = self._need(self._ask("GET", f"/model-customization-jobs?nameContains={key}"))
        found = entries(body, "modelCustomizationJobSummaries")
        return next((text(j, "jobArn") for j in found if text(j, "jobName") == key), None)

    def start(self, file: str, order: Order, key: str) -> str:
        """`clientRequestToken` makes the platform itself start it no more than once."""
        chosen = {
            "epochCount": str(order.epochs),
            "learningRate": None if order.learning_rate is None else str(order.learning_rate),
            "batchSize": None if order.batch is None else str(order.batch),
        }
        body = {
            "jobName": key,
            "customModelName": f"{order.name}-{key}"[:63] if order.name else key,
            "clientRequestToken": key,
            "roleArn": self._role,
            "baseModelIdentifier": order.model,
            "customizationType": "FINE_ORDER",
            "trainingDataConfig": {"s3Uri": file},
            "outputDataConfig": {"s3Uri": f"s3://{self._home}/suffice/{key}/output/"},
            "hyperParameters": {k: v for k, v in chosen.items() if v is not None},
        }
        return named(self._need(self._ask("POST", "/model-customization-jobs", body)), "jobArn", self._control.url)

    def poll(self, job: str) -> Report:
        body = self._need(self._ask("GET", f"/model-customization-jobs/{quoted(job, safe='')}"))
        told = text(body, "status")
        model = text(body, "outputModelArn") or text(body, "outputModelName")
        return Report(STANDINGS.get(told, "running"), told, model=model, message=clean(text(body, "failureMessage")))

    def cancel(self, job: str) -> None:
        """A job that has ended cannot be stopped, which is a conflict and no error."""
        reply = self._ask("POST", f"/model-customization-jobs/{quoted(job, safe='')}/stop", {})
        if reply.status not in (200, 202, 409):
            raise refusal(reply, self._control.url)

    def fetch(self, job: str, folder: Path) -> Result:
        model = self.poll(job).model
        note = "make a custom model deployment or buy throughput for it; it is asked by AWS's own interface"
        return Result(model, None, None, note)

    def _ask(self, method: str, target: str, body: Json = None) -> Reply:
        content = b"" if body is None else json.dumps(body).encode()
        kind = {"content-type": "application/json"} if body is not None else {}
        return self._send(self._control, method, target, content, kind, "bedrock", SECONDS)

    def _s3(self, method: str, key: str, content: bytes) -> Reply:
        target = f"/{self._home}/suffice/{key}/train.jsonl"
        return self._send(self._store, method, target, content, {}, "s3", UPLOAD_SECONDS)

    def _send(
        self,
        to: Endpoint,
        method: str,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        service: str,
        seconds: float,
    ) -> Reply:
        own = credentials()
        check_trusted(to, "amazonaws.com", "AWS_SECRET_ACCESS_KEY")
        told = {**headers, "host": to.parts.netloc}
        sent = signed(method, target, told, body, service=service, region=self._region, own=own)
        return to.send(method, target, body if method in ("POST", "PUT") else None, sent, timeout=seconds)

    def _need(self, reply: Reply) -> Mapping[str, Json]:
        if reply.status not in (200, 201, 202):
            raise refusal(reply, self._control.url)
        return body_of(reply, self._control.url)


def _conversation(row: Demonstration) -> Json:
    instructions = [m.content for m in row.messages if m.role == "system"]
    turns = [m for m in (*row.messages, row.reply) if m.role != "system"]
    told: dict[str, Json] = {"schemaVersion": "bedrock-conversation-2024"}
    if instructions:
        told["system"] = [{"text": text_} for text_ in instructions]
    return told | {"messages": [{"role": m.role, "content": [{"text": m.content}]} for m in turns]}


def _row(row: Demonstration, line: int, nova: bool) -> list[Misfit]:
    prompts: list[Message] = [m for m in row.messages if m.role in ("system", "user")]
    words = next((m for m in (RESERVED.search(p.content) for p in prompts) if m), None) if nova else None
    if words is None:
        return []
    told = f"`{words.group().strip()}`, on which a Nova job fails"
    return [Misfit(told, "write it in another way", line, row.id)]
