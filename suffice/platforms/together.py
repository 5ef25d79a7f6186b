"""together: Together AI's fine-tuning, by its REST interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote as quoted

from ..demonstrations import Demonstration
from ..platform import Availability, Misfit, Order, Quote, Report, Result, Standing, common
from ..terms import terms_of
from ..types import Json
from ._api import Api, bearer, clean, entries, multipart, named, save, text, whole
from ._chat import chat, roles

STANDINGS: Mapping[str, Standing] = {
    "pending": "queued",
    "queued": "queued",
    "running": "running",
    "compressing": "running",
    "uploading": "running",
    "cancel_requested": "running",
    "cancelled": "cancelled",
    "error": "failed",
    "user_error": "failed",
    "completed": "done",
}
NAME = 40
"""Characters of a suffix."""


@dataclass(frozen=True)
class Together:
    """The key comes from `TOGETHER_API_KEY`; it is no field, and in no error, record or log."""

    base_url: str = "https://api.together.xyz/v1"
    starts: ClassVar[bool] = True
    quotes: ClassVar[bool] = True

    @cached_property
    def _api(self) -> Api:
        return Api(self.base_url, "api.together.xyz", "TOGETHER_API_KEY")

    def misfits(self, rows: Sequence[Demonstration], order: Order) -> tuple[Misfit, ...]:
        found = common(rows, order, terms_of("together"), len(self.data(rows)))
        return (*found, *roles(rows, alternate=True, tools=True))

    def data(self, rows: Sequence[Demonstration]) -> bytes:
        return chat(rows)

    def available(self, model: str = "") -> Availability:
        """The list of models that can be tuned; a key that may not see it is refused there."""
        known = [
            text(m, "model_name") or text(m, "name") or text(m, "id")
            for m in entries(self._api.get("/fine-tunes/models/supported"), "models", "data")
        ]
        if model and known and model not in known:
            return Availability(False, f"{model} is not among the {len(known)} models that can be tuned")
        return Availability(True, f"{len(known)} models can be tuned" if known else "the service answers")

    def uploaded(self, key: str) -> str | None:
        found = entries(self._api.get("/files"), "data")
        return next((text(f, "id") for f in found if text(f, "filename") == f"{key}.jsonl"), None)

    def upload(self, content: bytes, key: str) -> str:
        name = f"{key}.jsonl"
        form = {"purpose": "fine-tune", "file_name": name, "file_type": "jsonl"}
        body, headers = multipart(form, name, content)
        return named(self._api.need(self._api.ask("POST", "/files/upload", body, headers)), "id", self.base_url)

    def quote(self, file: str, order: Order) -> Quote | None:
        """Given once the platform has read the file; until then there is none."""
        wanted = ("training_file", "model", "n_epochs", "training_method", "training_type")
        body = {k: v for k, v in self._order(file, order, "").items() if k in wanted}
        told = self._api.post("/fine-tunes/estimate-price", body)
        if told.get("estimation_available") is False:
            return None
        usd = told.get("estimated_total_price")
        allowed = told.get("allowed_to_proceed") is not False
        message = "" if allowed else f"more than the account's limit of ${told.get('user_limit')}"
        return Quote(float(usd) if isinstance(usd, int | float) else None, allowed, message)

    def started(self, key: str) -> str | None:
        found = entries(self._api.get("/fine-tunes"), "data")
        ours = (j for j in found if text(j, "suffix") == _suffix(key) or _suffix(key) in text(j, "model_output_name"))
        return next((text(j, "id") for j in ours), None)

    def start(self, file: str, order: Order, key: str) -> str:
        return named(self._api.post("/fine-tunes", self._order(file, order, key)), "id", self.base_url)

    def _order(self, file: str, order: Order, key: str) -> dict[str, Json]:
        lora: dict[str, Json] = {"type": "Lora"}
        if order.rank is not None:
            lora |= {"lora_r": order.rank, "lora_alpha": 2 * order.rank}
        body = {
            "training_file": file,
            "model": order.model,
            "n_epochs": order.epochs,
            "suffix": _suffix(key) or None,
            "learning_rate": order.learning_rate,
            "batch_size": "max" if order.batch is None else order.batch,
            "random_seed": order.seed,
            "training_method": {"method": "sft", "train_on_inputs": False},
            "training_type": lora,
        }
        return {k: v for k, v in body.items() if v is not None}

    def poll(self, job: str) -> Report:
        body = self._api.get(f"/fine-tunes/{quoted(job, safe='')}")
        told = text(body, "status")
        events, ahead = entries(body.get("events")), body.get("progress")
        sure = ahead if isinstance(ahead, Mapping) and ahead.get("estimate_available") is True else None
        return Report(
            standing=STANDINGS.get(told, "running"),
            told=told,
            progress=_share(body),
            eta=None if sure is None else float(whole(sure.get("seconds_remaining")) or 0),
            model=text(body, "model_output_name"),
            tokens=whole(body.get("token_count")),
            message=clean(text(events[-1], "message")) if events and STANDINGS.get(told) == "failed" else "",
        )

    def cancel(self, job: str) -> None:
        self._api.need(self._api.ask("POST", f"/fine-tunes/{quoted(job, safe='')}/cancel", {}), 400)

    def fetch(self, job: str, folder: Path) -> Result:
        """The name, and the adapter as the archive that the platform packs (.tar.zst)."""
        model = self.poll(job).model
        url = f"{self.base_url}/finetune/download?ft_id={quoted(job, safe='')}&checkpoint=adapter"
        weights = save(url, folder / "adapter.tar.zst", bearer(self._api), near=self._api.endpoint.loopback)
        served = {"use": "openai", "name": model, "base_url": self.base_url}
        return Result(model, served, weights, "deploy it on a dedicated endpoint, billed by the minute, to ask it")


def _suffix(key: str) -> str:
    return key[:NAME]


def _share(body: Mapping[str, Json]) -> float | None:
    done, total = whole(body.get("steps_completed")), whole(body.get("total_steps"))
    return min(1.0, done / total) if done is not None and total else None
