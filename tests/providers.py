"""Servers on this machine that follow providers' documented wire formats, and fail in chosen ways."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = Any


@dataclass
class Heard:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body or b"null")

    @property
    def form(self) -> dict[str, bytes]:
        """The parts of a multipart form; the file's name stands under `filename`."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        found: dict[str, bytes] = {}
        for part in message_from_bytes(head + self.body).get_payload():  # type: ignore[union-attr]
            name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
            found[str(name)] = part.get_payload(decode=True)  # type: ignore[union-attr,assignment]
            if filename := part.get_filename():  # type: ignore[union-attr]
                found["filename"] = filename.encode()
        return found


@dataclass
class Fault:
    """What goes wrong with the next request that fits, once."""

    where: str
    """`METHOD /path` as a regular expression."""
    kind: str
    """lost (handled, but the reply is lost) · dropped (never handled) · a status · html"""
    headers: tuple[tuple[str, str], ...] = ()


Answer = tuple[int, Json]


@dataclass
class Provider:
    """State, and what was heard."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    files: dict[str, dict[str, Json]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Json]] = field(default_factory=dict)
    script: list[str] = field(default_factory=list)
    """The states that polls see, one after another; the last one stays."""

    def answer(self, heard: Heard) -> Answer:
        raise NotImplementedError

    def count(self, where: str) -> int:
        """How many requests of this form were made."""
        return sum(bool(re.fullmatch(where, f"{h.method} {h.path}")) for h in self.heard)

    def state(self, job: dict[str, Json]) -> str:
        """The state that this poll sees."""
        seen = job.setdefault("_seen", 0)
        job["_seen"] += 1
        return self.script[min(seen, len(self.script) - 1)]


class Together(Provider):
    """api.together.xyz/v1: files, fine-tunes, finetune/download."""

    allowed = True

    def answer(self, heard: Heard) -> Answer:
        match heard.method, heard.path.removeprefix("/v1").split("/")[1:]:
            case "GET", ["fine-tunes", "models", "supported"]:
                return 200, {"models": [{"model_name": "Qwen/Qwen3-8B"}]}
            case "GET", ["files"]:
                return 200, {"data": list(self.files.values())}
            case "POST", ["files", "upload"]:
                form = heard.form
                id_ = f"file-{len(self.files) + 1}"
                named = form["file_name"].decode()
                self.files[id_] = {"id": id_, "filename": named, "purpose": form["purpose"].decode(), "bytes": 1}
                self.files[id_]["_content"] = form["file"].decode()
                return 200, self.files[id_]
            case "POST", ["fine-tunes", "estimate-price"]:
                limit = 100.0 if self.allowed else 0.01
                told = {"estimated_total_price": 0.02, "user_limit": limit, "allowed_to_proceed": self.allowed}
                return 200, {**told, "estimation_available": True, "estimated_train_token_count": 1}
            case "POST", ["fine-tunes"]:
                id_, body = f"ft-{len(self.jobs) + 1}", heard.json
                self.jobs[id_] = {**body, "id": id_, "status": "pending", "events": []}
                return 200, self.jobs[id_]
            case "GET", ["fine-tunes"]:
                return 200, {"data": list(self.jobs.values())}
            case "GET", ["fine-tunes", id_] if id_ in self.jobs:
                job = self.jobs[id_]
                job["status"] = self.state(job)
                if job["status"] == "completed":
                    job["model_output_name"] = f"me/{job['model'].split('/')[-1]}-{job['suffix']}-1a2b3c4d"
                return 200, job
            case "POST", ["fine-tunes", id_, "cancel"] if id_ in self.jobs:
                self.script = ["cancelled"]
                return 200, self.jobs[id_]
            case "GET", ["finetune", "download"] if heard.query.get("checkpoint") == "adapter":
                return 302, f"{self.url}/weights/{heard.query['ft_id']}?signature=abc"
            case "GET", ["weights", _]:
                return 200, b"the packed adapter"
            case _:
                return 404, {"error": {"message": f"no route {heard.method} {heard.path}", "code": "not_found"}}


class OpenAI(Provider):
    """api.openai.com/v1: files, fine_tuning/jobs, models."""

    closed = ""
    """`training_not_available`, where the organisation may start no more."""

    def answer(self, heard: Heard) -> Answer:
        match heard.method, heard.path.removeprefix("/v1").split("/")[1:]:
            case "GET", ["models"]:
                known = {"gpt-4.1-mini-2025-04-14": "2027-01-14", "gpt-6-luna": None}
                return 200, {"data": [{"id": m, "object": "model", "shutdown_date": d} for m, d in known.items()]}
            case "GET", ["files"]:
                return 200, {"data": list(self.files.values())}
            case "POST", ["files"]:
                form = heard.form
                id_ = f"file-{len(self.files) + 1}"
                told = {"filename": form["filename"].decode(), "purpose": form["purpose"].decode()}
                self.files[id_] = {"id": id_, **told, "status": "processed", "_content": form["file"].decode()}
                return 200, self.files[id_]
            case "POST", ["fine_tuning", "jobs"] if self.closed:
                return 403, {"error": {"code": self.closed, "message": "Fine-tuning is no longer available."}}
            case "POST", ["fine_tuning", "jobs"]:
                id_ = f"ftjob-{len(self.jobs) + 1}"
                self.jobs[id_] = {**heard.json, "id": id_, "status": "validating_files", "fine_tuned_model": None}
                return 200, self.jobs[id_]
            case "GET", ["fine_tuning", "jobs"]:
                wanted = heard.query.get("metadata[suffice]")
                ours = [j for j in self.jobs.values() if wanted is None or j["metadata"].get("suffice") == wanted]
                return 200, {"object": "list", "data": ours, "has_more": False}
            case "GET", ["fine_tuning", "jobs", id_] if id_ in self.jobs:
                job = self.jobs[id_]
                job["status"] = self.state(job)
                if job["status"] == "succeeded":
                    job |= {"fine_tuned_model": f"ft:{job['model']}:acme::8rX", "trained_tokens": 1234}
                if job["status"] == "failed":
                    job["error"] = {"code": "invalid_training_file", "message": "line 3 is not a chat", "param": None}
                return 200, job
            case "POST", ["fine_tuning", "jobs", id_, "cancel"] if id_ in self.jobs:
                self.script = ["cancelled"]
                return 200, self.jobs[id_]
            case _:
                return 404, {"error": {"message": f"no route {heard.method} {heard.path}", "code": None}}


class Fireworks(Provider):
    """api.fireworks.ai/v1/accounts/me: datasets, supervisedFineTuningJobs, models."""

    slow = 0
    """How often a data set is asked for before it is ready."""

    def answer(self, heard: Heard) -> Answer:
        path = heard.path.removeprefix("/v1/accounts/")
        match heard.method, path.replace(":", "/").split("/"):
            case "POST", ["me", "datasets"]:
                id_ = heard.json["datasetId"]
                if id_ in self.files:
                    return 409, {"code": 6, "message": f"dataset {id_} already exists"}
                self.files[id_] = {"name": f"accounts/me/datasets/{id_}", "state": "UPLOADING", **heard.json["dataset"]}
                return 200, self.files[id_]
            case "POST", ["me", "datasets", id_, "upload"]:
                self.files[id_] |= {"state": "READY", "_content": heard.form["file"].decode()}
                return 200, {}
            case "GET", ["me", "datasets", id_]:
                if id_ not in self.files:
                    return 404, {"code": 5, "message": "not found"}
                self.slow -= 1
                return 200, self.files[id_] | ({"state": "UPLOADING"} if self.slow >= 0 else {})
            case "POST", ["me", "supervisedFineTuningJobs", "estimateCost"]:
                return 200, {"estimatedCost": {"currencyCode": "USD", "units": "1", "nanos": 250_000_000}}
            case "POST", ["me", "supervisedFineTuningJobs"]:
                id_ = heard.query["supervisedFineTuningJobId"]
                if id_ in self.jobs:
                    return 409, {"code": 6, "message": "job already exists"}
                named = f"accounts/me/supervisedFineTuningJobs/{id_}"
                self.jobs[id_] = {**heard.json, "name": named, "state": "JOB_STATE_CREATING"}
                return 200, self.jobs[id_]
            case "GET", ["me", "supervisedFineTuningJobs"]:
                return 200, {"supervisedFineTuningJobs": list(self.jobs.values())}
            case "GET", ["me", "supervisedFineTuningJobs", id_]:
                if id_ not in self.jobs:
                    return 404, {"code": 5, "message": "not found"}
                job = self.jobs[id_]
                job |= {"state": self.state(job), "jobProgress": {"percent": 40}}
                if job["state"] == "JOB_STATE_COMPLETED":
                    job["outputModel"] = f"accounts/me/models/{id_}"
                if job["state"] == "JOB_STATE_FAILED":
                    job["status"] = {"code": "INVALID_ARGUMENT", "message": "the data set is broken"}
                return 200, job
            case "POST", ["me", "supervisedFineTuningJobs", id_, "cancel"]:
                self.script = ["JOB_STATE_CANCELLED"]
                return 200, {}
            case "GET", ["me", "models", id_, "getDownloadEndpoint"]:
                names = ("adapter_model.safetensors", "adapter_config.json")
                return 200, {"filenameToSignedUrls": {n: f"{self.url}/signed/{n}?X-Goog-Signature=abc" for n in names}}
            case "GET", ["fireworks", "models", id_]:
                known = {"name": f"accounts/fireworks/models/{id_}", "tunable": id_ == "qwen3-8b"}
                return (404, {"code": 5, "message": "not found"}) if id_ == "gone" else (200, known)
            case "GET", ["", "signed", name]:
                return 200, f"bytes of {name}".encode()
            case _:
                return 404, {"code": 5, "message": f"no route {heard.method} {heard.path}"}


class Bedrock(Provider):
    """bedrock.REGION.amazonaws.com and s3.REGION.amazonaws.com in one; every request must be signed."""

    def answer(self, heard: Heard) -> Answer:
        if not heard.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential="):
            return 403, {"message": "Missing Authentication Token"}
        match heard.method, unquote(heard.path).split("/")[1:]:
            case "HEAD", ["data", *rest]:
                return (200, b"") if "/".join(rest) in self.files else (404, b"")
            case "PUT", ["data", *rest]:
                self.files["/".join(rest)] = {"_content": heard.body.decode()}
                return 200, b""
            case "GET", ["foundation-models"]:
                known = {"amazon.nova-micro-v1:0:128k": "ACTIVE", "meta.llama2-13b-v1:0:4k": "LEGACY"}
                listed = [{"modelId": m, "modelLifecycle": {"status": s}} for m, s in known.items()]
                return 200, {"modelSummaries": listed}
            case "GET", ["model-customization-jobs"]:
                ours = [j for j in self.jobs.values() if heard.query["nameContains"] in j["jobName"]]
                return 200, {"modelCustomizationJobSummaries": ours}
            case "POST", ["model-customization-jobs"]:
                body = heard.json
                same = [a for a, j in self.jobs.items() if j["clientRequestToken"] == body["clientRequestToken"]]
                arn = f"arn:aws:bedrock:eu-west-1:1:model-customization-job/{body['jobName']}"
                if not same:
                    self.jobs[arn] = {**body, "jobArn": arn}
                return 201, {"jobArn": arn}
            case "GET", ["model-customization-jobs", *rest] if "/".join(rest) in self.jobs:
                job = self.jobs["/".join(rest)]
                job["status"] = self.state(job)
                if job["status"] == "Completed":
                    job["outputModelArn"] = "arn:aws:bedrock:eu-west-1:1:custom-model/amazon.nova-micro-v1:0:128k/abc"
                if job["status"] == "Failed":
                    job["failureMessage"] = "the role cannot read the bucket"
                return 200, job
            case "POST", ["model-customization-jobs", *_, "stop"]:
                if self.script[-1] == "Completed":
                    return 409, {"message": "the job has ended"}
                self.script = ["Stopped"]
                return 200, {}
            case _:
                return 404, {"message": f"no route {heard.method} {heard.path}"}


class Vertex(Provider):
    """REGION-aiplatform.googleapis.com and storage.googleapis.com in one."""

    def answer(self, heard: Heard) -> Answer:
        if heard.headers.get("authorization") != "Bearer ya29.secret-token":
            return 401, {"error": {"code": 401, "message": "no credentials", "status": "UNAUTHENTICATED"}}
        match heard.method, heard.path.split("/")[1:]:
            case "GET", ["storage", "v1", "b", "data", "o", name]:
                known = self.files.get(unquote(name))
                return (
                    (200, {"name": unquote(name)})
                    if known
                    else (404, {"error": {"code": 404, "message": "No such object"}})
                )
            case "POST", ["upload", "storage", "v1", "b", "data", "o"]:
                name = heard.query["name"]
                if name in self.files and heard.query.get("ifGenerationMatch") == "0":
                    return 412, {"error": {"code": 412, "message": "conditionNotMet"}}
                self.files[name] = {"_content": heard.body.decode()}
                return 200, {"name": name}
            case "POST", ["v1", "projects", "me", "locations", "europe-west4", "tuningJobs"]:
                name = f"projects/1/locations/europe-west4/tuningJobs/{len(self.jobs) + 1}"
                self.jobs[name] = {**heard.json, "name": name, "state": "JOB_STATE_PENDING"}
                return 200, self.jobs[name]
            case "GET", ["v1", "projects", "me", "locations", "europe-west4", "tuningJobs"]:
                older = [{"name": "projects/1/locations/europe-west4/tuningJobs/0", "labels": {}}]
                if heard.query.get("pageToken") != "2":
                    return 200, {"tuningJobs": older, "nextPageToken": "2"}
                return 200, {"tuningJobs": list(self.jobs.values())}
            case "GET", ["v1", *rest] if "/".join(rest) in self.jobs:
                job = self.jobs["/".join(rest)]
                job["state"] = self.state(job)
                if job["state"] == "JOB_STATE_SUCCEEDED":
                    endpoint = "projects/1/locations/europe-west4/endpoints/9"
                    job["tunedModel"] = {"model": "projects/1/locations/europe-west4/models/8@1", "endpoint": endpoint}
                    job["tuningDataStats"] = {"supervisedTuningDataStats": {"totalBillableTokenCount": "4321"}}
                if job["state"] == "JOB_STATE_FAILED":
                    job["error"] = {"code": 3, "message": "row 2 has no contents"}
                return 200, job
            case "POST", ["v1", *_] if heard.path.endswith(":cancel"):
                self.script = ["JOB_STATE_CANCELLED"]
                return 200, {}
            case _:
                return 404, {"error": {"code": 404, "message": f"no route {heard.method} {heard.path}"}}


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """The provider, on a free port of this machine; `url` has no path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            _talk(self, provider)

        do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    running = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    running.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        running.join()


def _talk(to: BaseHTTPRequestHandler, provider: Provider) -> None:
    parts = urlsplit(to.path)
    body = to.rfile.read(int(to.headers.get("Content-Length") or 0))
    query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
    lower = {k.lower(): v for k, v in to.headers.items()}
    heard = Heard(to.command, parts.path, query, lower, body)
    provider.heard.append(heard)
    fault = next((f for f in provider.faults if re.fullmatch(f.where, f"{to.command} {parts.path}")), None)
    if fault is not None:
        provider.faults.remove(fault)
    if fault is not None and fault.kind == "dropped":
        return _hang_up(to)
    if fault is not None and fault.kind.isdigit():
        return _send(to, int(fault.kind), {"error": {"message": "not now"}}, fault.headers)
    if fault is not None and fault.kind == "html":
        return _send(to, 200, b"<html>a gateway speaks</html>", ())
    status, answer = provider.answer(heard)
    if fault is not None:
        return _hang_up(to)
    headers = (("Location", answer),) if 300 <= status < 400 else ()
    return _send(to, status, {} if headers else answer, headers)


def _hang_up(to: BaseHTTPRequestHandler) -> None:
    to.close_connection = True
    to.connection.shutdown(socket.SHUT_RDWR)


def _send(to: BaseHTTPRequestHandler, status: int, body: Json, headers: tuple[tuple[str, str], ...]) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    to.send_response(status)
    for name, value in headers:
        to.send_header(name, value)
    to.send_header("Content-Length", str(len(content)))
    to.end_headers()
    if to.command != "HEAD":
        to.wfile.write(content)
