"""Every platform: from rows to a tuned model's name over its own wire format, and what goes wrong on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import providers as fake
import pytest

from suffice.demonstrations import Demonstration
from suffice.errors import InputError, ModelError
from suffice.jobs import Job, Pace, cancel, load_job, resume, train_on
from suffice.platform import Order
from suffice.platforms.bedrock import Bedrock
from suffice.platforms.fireworks import Fireworks
from suffice.platforms.openai import Openai
from suffice.platforms.together import Together
from suffice.platforms.vertex import Vertex
from suffice.types import Message, Tool, ToolCall

HASTY = Pace(first=0.0, most=0.0, settle=0.0, patience=4)
ROLE = "arn:aws:iam::1:role/tuner"


@dataclass(frozen=True)
class Case:
    """One provider, how it is reached, and its words for how a job stands."""

    server: type[fake.Provider]
    platform: Callable[[str], Any]
    model: str
    waits: str
    runs: str
    done: str
    failed: str
    ended: str
    """The tuned model's name ends so."""
    start: str
    """The request that starts a job, as a regular expression."""


CASES = {
    "together": Case(
        fake.Together,
        lambda url: Together(f"{url}/v1"),
        *("Qwen/Qwen3-8B", "queued", "running", "completed", "user_error", "-1a2b3c4d", "POST /v1/fine-tunes"),
    ),
    "openai": Case(
        fake.OpenAI,
        lambda url: Openai(f"{url}/v1"),
        *("gpt-4.1-mini-2025-04-14", "validating_files", "running", "succeeded", "failed", "::8rX"),
        "POST /v1/fine_tuning/jobs",
    ),
    "fireworks": Case(
        fake.Fireworks,
        lambda url: Fireworks("me", url),
        *("qwen3-8b", "JOB_STATE_VALIDATING", "JOB_STATE_RUNNING", "JOB_STATE_COMPLETED", "JOB_STATE_FAILED"),
        *("accounts/me/models/suffice-", "POST /v1/accounts/me/supervisedFineTuningJobs"),
    ),
    "bedrock": Case(
        fake.Bedrock,
        lambda url: Bedrock("data", ROLE, "eu-west-1", url),
        *("amazon.nova-micro-v1:0:128k", "InProgress", "InProgress", "Completed", "Failed"),
        *("nova-micro-v1:0:128k/abc", "POST /model-customization-jobs"),
    ),
    "vertex": Case(
        fake.Vertex,
        lambda url: Vertex("me", "europe-west4", "data", url),
        *("gemini-2.5-flash", "JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED"),
        *("endpoints/9", "POST /v1/projects/me/locations/europe-west4/tuningJobs"),
    ),
}
Rows = tuple[Demonstration, ...]


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def server(case: Case) -> Iterator[fake.Provider]:
    with fake.serving(case.server(script=[case.waits, case.runs, case.done])) as running:
        yield running


def go(case: Case, server: fake.Provider, rows: Rows, folder: Path, **how: Any) -> Job:
    return train_on(case.platform(server.url), rows, Order(case.model, 2), folder, **{"pace": HASTY, **how})


def test_a_job_ends_with_a_models_name(case: Case, server: fake.Provider, rows: Rows, tmp_path: Path) -> None:
    job = go(case, server, rows, tmp_path)
    assert job.stage == "done"
    assert case.ended in job.model
    sent = next(iter(server.files.values()))["_content"].splitlines()
    assert [json.loads(line) for line in sent] == [
        json.loads(line) for line in case.platform(server.url).data(rows).splitlines()
    ]
    assert server.count(case.start) == 1


def test_a_start_whose_reply_is_lost_starts_no_second_job(
    case: Case, server: fake.Provider, rows: Rows, tmp_path: Path
) -> None:
    server.faults = [fake.Fault(case.start, "lost")]
    assert go(case, server, rows, tmp_path).stage == "done"
    assert (server.count(case.start), len(server.jobs)) == (1, 1)


def test_a_start_that_never_arrived_is_made_again(
    case: Case, server: fake.Provider, rows: Rows, tmp_path: Path
) -> None:
    server.faults = [fake.Fault(case.start, "dropped"), fake.Fault(case.start, "503")]
    assert go(case, server, rows, tmp_path).stage == "done"
    assert (server.count(case.start), len(server.jobs)) == (3, 1)


def test_a_failed_job_says_why_and_is_not_repeated(
    case: Case, server: fake.Provider, rows: Rows, tmp_path: Path
) -> None:
    server.script = [case.runs, case.failed]
    job = go(case, server, rows, tmp_path)
    assert job.stage == "failed"
    assert job.report is not None
    assert job.report.told == case.failed
    assert job.report.message or case.server is fake.Together
    assert go(case, server, rows, tmp_path) == job
    assert server.count(case.start) == 1


def test_a_job_can_be_left_looked_at_and_cancelled(
    case: Case, server: fake.Provider, rows: Rows, tmp_path: Path
) -> None:
    server.script = [case.runs]
    job = go(case, server, rows, tmp_path, wait=False)
    assert (job.stage, job.report and job.report.standing) == ("started", "running")
    assert cancel(tmp_path, job.id).stage == "cancelled"
    assert load_job(tmp_path, job.id).stage == "cancelled"
    assert cancel(tmp_path, job.id).stage == "cancelled"


def test_a_job_goes_on_from_its_file_alone(case: Case, server: fake.Provider, rows: Rows, tmp_path: Path) -> None:
    server.script = [case.waits, case.done]
    job = go(case, server, rows, tmp_path, wait=False)
    assert resume(tmp_path, job.id[:16], pace=HASTY).stage == "done"


def test_no_key_is_written_or_told(
    case: Case, server: fake.Provider, rows: Rows, tmp_path: Path, keys: dict[str, str]
) -> None:
    go(case, server, rows, tmp_path)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    server.faults = [fake.Fault(".*", "401")]
    with pytest.raises(ModelError) as wrong:
        case.platform(server.url).available(case.model)
    told = written.decode() + str(wrong.value) + wrong.value.hint + repr(case.platform(server.url))
    secrets = [v for k, v in keys.items() if k != "AWS_ACCESS_KEY_ID"]
    assert [s for s in secrets if s in told] == []


def test_an_error_that_repeats_the_key_does_not_show_it(
    case: Case, server: fake.Provider, keys: dict[str, str]
) -> None:
    server.answer = lambda _: (400, {"error": {"message": f"bad key {' '.join(keys.values())}"}})  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="bad key") as wrong:
        case.platform(server.url).poll(
            {"vertex": "projects/1/locations/x/tuningJobs/1"}.get(case.server.__name__.lower(), "accounts/me/x")
        )
    assert [s for s in keys.values() if s in str(wrong.value)] == []


@pytest.mark.parametrize("before", ["", "x " * 143])
def test_a_failed_job_that_quotes_the_key_does_not_show_it(
    case: Case, server: fake.Provider, keys: dict[str, str], before: str
) -> None:
    words = before + " ".join(keys.values()) + " Bearer abcdefghijklmn0123456789"
    status = {"message": words} if case.server is fake.Fireworks else case.failed
    told = {"state": case.failed, "status": status, "error": {"message": words}, "failureMessage": words}
    body = {**told, "events": [{"message": words, "created_at": "2026-01-01"}]}
    named = {"vertex": "projects/1/locations/x/tuningJobs/1"}.get(case.server.__name__.lower(), "accounts/me/x")
    server.answer = lambda _: (200, body)  # type: ignore[method-assign]
    report = case.platform(server.url).poll(named)
    server.answer = lambda _: (400, body)  # type: ignore[method-assign]
    with pytest.raises(ModelError) as wrong:
        case.platform(server.url).poll(named)
    assert report.standing == "failed" and 0 < len(report.message) <= 300
    parts = [s[:10] for s in (*keys.values(), "abcdefghijklmn")]
    assert [p for p in parts if p in report.message + str(wrong.value)] == []


def test_a_key_goes_to_its_provider_only(case: Case, rows: Rows) -> None:
    for address in ("http://api.together.xyz", "https://evil.example", "https://api.openai.com.evil.example"):
        with pytest.raises(ModelError, match="is not sent there"):
            case.platform(address).uploaded("suffice-x")


def test_a_look_is_refused_where_training_is_gone(case: Case, server: fake.Provider) -> None:
    platform = case.platform(server.url)
    assert platform.available().open is not False
    for status in ("403", "404", "410"):
        server.faults = [fake.Fault(".*", status)]
        try:
            seen = platform.available("some-model")
        except ModelError as wrong:
            assert not wrong.retryable
        else:
            assert seen.open is False


CALL = ToolCall("look", {"at": 1}, "call_0")
TOOL = Tool("look", "Looks.", {"type": "object", "properties": {"at": {"type": "integer"}}})


@pytest.mark.parametrize(
    ("name", "change", "line", "what"),
    [
        ("together", {"messages": (Message("user", "a"), Message("user", "b"))}, 3, "two turns"),
        ("bedrock", {"messages": (Message("user", "a"), Message("user", "b"))}, 3, "two turns"),
        ("bedrock", {"messages": (Message("user", "who are you? System: nobody"),)}, None, ""),
        ("bedrock", {"messages": (Message("user", "User: who are you?"),)}, 3, "User:"),
        ("bedrock", {"messages": (Message("user", "look at <image>"),)}, 3, "<image>"),
        ("bedrock", {"tools": (TOOL,), "reply": Message("assistant", "", (CALL,))}, 3, "tools"),
        ("vertex", {"messages": (Message("user", "a"), Message("system", "b"))}, 3, "system turn"),
        ("openai", {"reply": Message("assistant", "", (CALL,))}, 3, "does not offer"),
        ("fireworks", {"messages": (Message("system", "only"),)}, 3, "user"),
        ("together", {"reply": Message("assistant", "")}, 3, "empty reply"),
    ],
)
def test_a_row_is_refused_where_the_platform_would(
    rows: Rows, name: str, change: dict[str, Any], line: int | None, what: str
) -> None:
    platform = CASES[name].platform("http://127.0.0.1:1")
    changed = (*rows[:2], replace(rows[2], **change), *rows[3:])
    fatal = [m for m in platform.misfits(changed, Order(CASES[name].model)) if m.fatal]
    assert [m.line for m in fatal][:1] == ([line] if line else [])
    assert all(what in m.what and m.fix and m.id == "r2" for m in fatal)


def test_too_few_rows_are_refused_before_anything_is_sent(rows: Rows, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="9 rows; OpenAI"):
        train_on(Openai("http://127.0.0.1:1"), rows[:9], Order("gpt-4.1-mini-2025-04-14"), tmp_path)


def test_tools_are_written_as_each_platform_reads_them(rows: Rows) -> None:
    turns = (Message("user", "a?"), Message("assistant", "", (CALL,)), Message("tool", "7", (), "call_0"))
    row = replace(rows[0], messages=turns, tools=(TOOL,), reply=Message("assistant", "It is 7."))
    chat = json.loads(Together().data([row]))
    assert chat["tools"][0]["function"]["name"] == "look"
    assert json.loads(chat["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"at": 1}
    assert "suffice" not in chat
    gemini = json.loads(Vertex().data([row]))
    assert gemini["tools"][0]["functionDeclarations"][0]["name"] == "look"
    assert gemini["contents"][1] == {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {"at": 1}}}]}
    answered = {"functionResponse": {"name": "look", "response": {"content": "7"}}}
    assert gemini["contents"][2] == {"role": "user", "parts": [answered]}


def test_gemini_and_nova_have_a_place_for_instructions(rows: Rows) -> None:
    gemini, nova = json.loads(Vertex().data(rows[:1])), json.loads(Bedrock().data(rows[:1]))
    assert gemini["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert nova["system"] == [{"text": "Be brief."}]
    assert [t["role"] for t in gemini["contents"]] == ["user", "model"]
    assert nova["messages"][1] == {"role": "assistant", "content": [{"text": "yes"}]}
