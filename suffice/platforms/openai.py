"""openai: OpenAI's fine-tuning, by its REST interface, for those who may still use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote as quoted
from urllib.parse import urlencode

from ..demonstrations import Demonstration
from ..errors import ModelError
from ..http import Reply
from ..platform import Availability, Misfit, Order, Quote, Report, Result, Standing, common
from ..terms import terms_of
from ..types import Json
from ._api import Api, body_of, clean, entries, multipart, named, refusal, said, text, whole
from ._chat import chat, roles

STANDINGS: Mapping[str, Standing] = {
    "validating_files": "queued",
    "queued": "queued",
    "running": "running",
    "paused": "running",
    "succeeded": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}
CLOSED = "training_not_available"
"""What OpenAI answers organisations that may start no more jobs."""


@dataclass(frozen=True)
class Openai:
    """The key comes from `OPENAI_API_KEY`; it is no field, and in no error, record or log."""

    base_url: str = "https://api.openai.com/v1"

    starts: ClassVar[bool] = True
    quotes: ClassVar[bool] = False

    @cached_property
    def _api(self) -> Api:
        return Api(self.base_url, "api.openai.com", "OPENAI_API_KEY")

    def misfits(self, rows: Sequence[Demonstration], order: Order) -> tuple[Misfit, ...]:
        found = [*common(rows, order, terms_of("openai"), len(self.data(rows)))]
        if order.learning_rate is not None or order.rank is not None:
            found.append(Misfit("a learning rate or rank", "neither can be chosen here: leave them out"))
        return (*found, *roles(rows, alternate=False, tools=True))

    def data(self, rows: Sequence[Demonstration]) -> bytes:
        return chat(rows)

    def available(self, model: str = "") -> Availability:
        """The list of jobs shows whether tuning is open at all; the list of models, until when each is there."""
        reply = self._api.ask("GET", "/fine_tuning/jobs?limit=1")
        if reply.status in (403, 404, 410) or CLOSED in said(reply):
            return Availability(False, f"{reply.status} {said(reply)}")
        self._api.need(reply)
        listed = entries(self._api.get("/models"), "data")
        days = {text(m, "id"): text(m, "shutdown_date") for m in listed if text(m, "shutdown_date")}
        if model and model not in {text(m, "id") for m in listed}:
            return Availability(False, f"{model} is not among the models of this key", days)
        told = f"; {model} shuts down on {days[model]}" if model in days else ""
        unsure = "the jobs can be listed; whether a new one may be started shows only when one is"
        return Availability(None, unsure + told, days)

    def uploaded(self, key: str) -> str | None:
        """Files that the platform could not read do not count."""
        found = entries(self._api.get("/files?purpose=fine-tune&limit=10000"), "data")
        ours = (f for f in found if text(f, "filename") == f"{key}.jsonl" and text(f, "status") != "error")
        return next((text(f, "id") for f in ours), None)

    def upload(self, content: bytes, key: str) -> str:
        body, headers = multipart({"purpose": "fine-tune"}, f"{key}.jsonl", content)
        return named(self._api.need(self._api.ask("POST", "/files", body, headers)), "id", self.base_url)

    def quote(self, file: str, order: Order) -> Quote | None:
        return None

    def started(self, key: str) -> str | None:
        found = entries(self._api.get(f"/fine_tuning/jobs?{urlencode({'metadata[suffice]': key})}"), "data")
        return next((text(j, "id") for j in found if text(j.get("metadata"), "suffice") == key), None)

    def start(self, file: str, order: Order, key: str) -> str:
        chosen = {"n_epochs": order.epochs, "batch_size": order.batch}
        body: dict[str, Json] = {
            "training_file": file,
            "model": order.model,
            "method": {
                "type": "supervised",
                "supervised": {"hyperparameters": {k: v for k, v in chosen.items() if v is not None}},
            },
            "metadata": {"suffice": key},
            "suffix": order.name or None,
            "seed": order.seed,
        }
        reply = self._api.ask("POST", "/fine_tuning/jobs", {k: v for k, v in body.items() if v is not None})
        if reply.status != 200:
            raise self._closed(reply)
        return named(body_of(reply, self.base_url), "id", self.base_url)

    def _closed(self, reply: Reply) -> ModelError:
        wrong = refusal(reply, self.base_url)
        if CLOSED in said(reply):
            wrong.hint = "OpenAI starts no more jobs for this organisation: `suffice platforms` compares the others"
            wrong.retryable = False
        return wrong

    def poll(self, job: str) -> Report:
        body = self._api.get(f"/fine_tuning/jobs/{quoted(job, safe='')}")
        told = text(body, "status")
        return Report(
            standing=STANDINGS.get(told, "running"),
            told=told,
            model=text(body, "fine_tuned_model"),
            tokens=whole(body.get("trained_tokens")),
            message=clean(text(body.get("error"), "message")),
        )

    def cancel(self, job: str) -> None:
        self._api.need(self._api.ask("POST", f"/fine_tuning/jobs/{quoted(job, safe='')}/cancel", {}), 400)

    def fetch(self, job: str, folder: Path) -> Result:
        model = self.poll(job).model
        return Result(model, {"use": "openai", "name": model, "base_url": self.base_url})
