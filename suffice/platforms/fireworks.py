"""fireworks: Fireworks AI's supervised fine-tuning, by its REST interface."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ..demonstrations import Demonstration
from ..errors import InputError, ModelError
from ..platform import Availability, Misfit, Order, Quote, Report, Result, Standing, common
from ..terms import terms_of
from ..types import Json
from ._api import Api, clean, multipart, named, put, save, text, whole
from ._chat import chat, roles

STANDINGS: Mapping[str, Standing] = {
    "JOB_STATE_CREATING": "queued",
    "JOB_STATE_CREATING_INPUT_DATASET": "queued",
    "JOB_STATE_PENDING": "queued",
    "JOB_STATE_RE_QUEUEING": "queued",
    "JOB_STATE_VALIDATING": "queued",
    "JOB_STATE_COMPLETED": "done",
    "JOB_STATE_EARLY_STOPPED": "done",
    "JOB_STATE_FAILED": "failed",
    "JOB_STATE_EXPIRED": "failed",
    "JOB_STATE_DELETING": "failed",
    "JOB_STATE_DELETING_CLEANING_UP": "failed",
    "JOB_STATE_DELETED": "failed",
    "JOB_STATE_CANCELLED": "cancelled",
}
FILE = re.compile(r"\w[\w.-]{0,100}")
"""Names under which weights are kept."""
DIRECT = 150 * 10**6
"""Bytes that are uploaded in one form; larger files go to a signed address."""


@dataclass(frozen=True)
class Fireworks:
    """The key comes from `FIREWORKS_API_KEY`; it is no field, and in no error, record or log."""

    account: str = ""
    """The account's id; empty takes `FIREWORKS_ACCOUNT_ID`."""
    base_url: str = "https://api.fireworks.ai"

    starts: ClassVar[bool] = True
    quotes: ClassVar[bool] = True

    @cached_property
    def _api(self) -> Api:
        return Api(self.base_url, "fireworks.ai", "FIREWORKS_API_KEY")

    @property
    def _mine(self) -> str:
        account = self.account or os.environ.get("FIREWORKS_ACCOUNT_ID", "")
        if not account or not all(c.isalnum() or c in "-_" for c in account):
            raise InputError("no Fireworks account is named", hint="set FIREWORKS_ACCOUNT_ID to the account's id")
        return f"accounts/{account}"

    def misfits(self, rows: Sequence[Demonstration], order: Order) -> tuple[Misfit, ...]:
        found = common(rows, order, terms_of("fireworks"), len(self.data(rows)))
        return (*found, *roles(rows, alternate=False, tools=True))

    def data(self, rows: Sequence[Demonstration]) -> bytes:
        return chat(rows)

    def available(self, model: str = "") -> Availability:
        """Whether the model is marked as tunable; without a model, whether jobs can be listed."""
        if not model:
            self._api.get(f"/v1/{self._mine}/supervisedFineTuningJobs?pageSize=1")
            return Availability(True, "jobs can be listed")
        reply = self._api.ask("GET", f"/v1/{_model(model)}")
        if reply.status in (404, 410):
            return Availability(False, f"{model} is not there")
        body = self._api.need(reply)
        day = _day(body.get("deprecationDate"))
        marks = ("tunable", "supervisedLoraTunable")
        tunable = any(body.get(mark) is True for mark in marks)
        told = f"{model} is {'' if tunable else 'not '}tunable"
        return Availability(tunable, told, {model: day} if day else {})

    def uploaded(self, key: str) -> str | None:
        """A data set whose upload was broken off is not ready, and does not count."""
        reply = self._api.ask("GET", f"/v1/{self._mine}/datasets/{key}")
        if reply.status == 404:
            return None
        body = self._api.need(reply)
        return f"{self._mine}/datasets/{key}" if text(body, "state") == "READY" else None

    def upload(self, content: bytes, key: str) -> str:
        """The data set's name is ours, so that creating it twice is refused and no harm."""
        rows = content.count(b"\n")
        body = {"datasetId": key, "dataset": {"userUploaded": {}, "exampleCount": str(rows), "displayName": key}}
        self._api.need(self._api.ask("POST", f"/v1/{self._mine}/datasets", body), 409)
        if len(content) < DIRECT:
            form, headers = multipart({}, f"{key}.jsonl", content)
            self._api.need(self._api.ask("POST", f"/v1/{self._mine}/datasets/{key}:upload", form, headers))
        else:
            self._signed(content, key)
        if self.uploaded(key) is None:
            raise ModelError(f"{self.base_url}: the data set is not ready yet", fault="unavailable", retryable=True)
        return f"{self._mine}/datasets/{key}"

    def _signed(self, content: bytes, key: str) -> None:
        name = f"{key}.jsonl"
        path = f"/v1/{self._mine}/datasets/{key}"
        told = self._api.post(f"{path}:getUploadEndpoint", {"filenameToSize": {name: len(content)}})
        urls = told.get("filenameToSignedUrls")
        put(
            named(urls, name, self.base_url), content, {"x-goog-content-length-range": f"{len(content)},{len(content)}"}
        )
        self._api.post(f"{path}:validateUpload", {})

    def quote(self, file: str, order: Order) -> Quote | None:
        reply = self._api.ask("POST", f"/v1/{self._mine}/supervisedFineTuningJobs:estimateCost", _order(file, order))
        if reply.status in (404, 501):
            return None
        body = self._api.need(reply)
        return Quote(_money(body.get("estimatedCost")))

    def started(self, key: str) -> str | None:
        reply = self._api.ask("GET", f"/v1/{self._job(key)}")
        return None if reply.status == 404 else text(self._api.need(reply), "name") or self._job(key)

    def start(self, file: str, order: Order, key: str) -> str:
        """The job's id is ours: starting it twice is refused by the platform itself."""
        path = f"/v1/{self._mine}/supervisedFineTuningJobs?supervisedFineTuningJobId={key}"
        reply = self._api.ask("POST", path, _order(file, order) | {"displayName": order.name or key})
        if reply.status == 409:
            return self._job(key)
        return named(self._api.need(reply), "name", self.base_url)

    def _job(self, key: str) -> str:
        return f"{self._mine}/supervisedFineTuningJobs/{key}"

    def poll(self, job: str) -> Report:
        body = self._api.get(f"/v1/{_path(job)}")
        told = text(body, "state")
        ahead = body.get("jobProgress")
        percent = whole(ahead.get("percent")) if isinstance(ahead, Mapping) else None
        return Report(
            standing=STANDINGS.get(told, "running"),
            told=told,
            progress=None if percent is None else min(1.0, percent / 100),
            model=text(body, "outputModel"),
            usd=_money(body.get("estimatedCost")),
            message=clean(text(body.get("status"), "message")) if STANDINGS.get(told) == "failed" else "",
        )

    def cancel(self, job: str) -> None:
        self._api.need(self._api.ask("POST", f"/v1/{_path(job)}:cancel", {}), 400)

    def fetch(self, job: str, folder: Path) -> Result:
        """The name, and the adapter's files by signed addresses, which are packed one beside the other."""
        model = self.poll(job).model
        told = self._api.get(f"/v1/{_path(model)}:getDownloadEndpoint")
        urls = told.get("filenameToSignedUrls")
        listed = urls if isinstance(urls, Mapping) else {}
        found = {n: u for n, u in listed.items() if isinstance(u, str) and FILE.fullmatch(Path(n).name)}
        for name, url in found.items():
            save(url, folder / Path(name).name, near=self._api.endpoint.loopback)
        served = {"use": "openai", "name": model, "base_url": f"{self.base_url}/inference/v1"}
        note = "deploy it, billed by the GPU-second, to ask it"
        return Result(model, served, folder if found else None, note)


def _order(file: str, order: Order) -> dict[str, Json]:
    body: dict[str, Json] = {
        "dataset": file,
        "baseModel": _model(order.model),
        "epochs": order.epochs,
        "learningRate": order.learning_rate,
        "loraRank": order.rank,
        "batchSizeSamples": order.batch,
    }
    return {k: v for k, v in body.items() if v is not None}


def _model(name: str) -> str:
    return name if name.startswith("accounts/") else f"accounts/fireworks/models/{name}"


def _path(name: str) -> str:
    """A resource's name as part of an address; one that is none is refused."""
    if not name.startswith("accounts/") or not all(c.isalnum() or c in "-_./" for c in name) or ".." in name:
        raise ModelError("the platform names something that is no resource", fault="malformed")
    return name


def _day(value: Json) -> str:
    """Google's date, in parts or as text; empty where there is none."""
    if not isinstance(value, Mapping):
        return value if isinstance(value, str) else ""
    year, month, day = (whole(value.get(part)) for part in ("year", "month", "day"))
    return f"{year:04}-{month:02}-{day:02}" if year and month and day else ""


def _money(value: Json) -> float | None:
    """Google's money: whole units as text, and billionths."""
    if not isinstance(value, Mapping):
        return None
    return (whole(value.get("units")) or 0) + (whole(value.get("nanos")) or 0) / 1e9
