"""A job at a platform survives whatever is lost on the way; nothing is uploaded or paid for twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import providers as fake
import pytest

from suffice.demonstrations import Demonstration
from suffice.errors import BudgetSpent, InputError, ModelError
from suffice.jobs import Job, Pace, cancel, findings, jobs, load_job, platform_of, resume, train_on
from suffice.platform import Order, estimate
from suffice.platforms.fireworks import Fireworks
from suffice.platforms.tinker import Tinker
from suffice.platforms.together import Together
from suffice.platforms.vertex import Vertex
from suffice.terms import terms_of
from suffice.types import Message

KEY = "tg-secret-0123456789"
ORDER = Order("Qwen/Qwen3-8B", epochs=3)
ROWS = tuple(
    Demonstration(
        f"r{n}", (Message("system", "Be brief."), Message("user", f"question {n}")), Message("assistant", "yes")
    )
    for n in range(12)
)
HASTY = Pace(first=0.0, most=0.0, settle=0.0, patience=4)


@pytest.fixture(autouse=True)
def _key() -> Iterator[None]:
    before = dict(os.environ)
    os.environ["TOGETHER_API_KEY"] = KEY
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def provider() -> Iterator[fake.Together]:
    with fake.serving(fake.Together(script=["pending", "running", "completed"])) as server:
        yield server


def go(provider: fake.Together, folder: Path, **how: object) -> Job:
    given = {"pace": HASTY, **how}
    return train_on(Together(f"{provider.url}/v1"), ROWS, ORDER, folder, **given)  # type: ignore[arg-type]


def test_a_job_runs_from_rows_to_a_models_name(provider: fake.Together, tmp_path: Path) -> None:
    seen: list[str] = []
    job = go(provider, tmp_path, watch=lambda j: seen.append(j.stage))
    assert (job.stage, job.model) == ("done", f"me/Qwen3-8B-{job.id}-1a2b3c4d")
    assert (tmp_path / job.weights).read_bytes() == b"the packed adapter"
    assert [s for at, s in enumerate(seen) if s not in seen[:at]] == [
        "uploading",
        "uploaded",
        "starting",
        "started",
        "done",
    ]
    order = next(h for h in provider.heard if (h.method, h.path) == ("POST", "/v1/fine-tunes")).json
    assert (order["model"], order["n_epochs"], order["training_type"]["type"]) == ("Qwen/Qwen3-8B", 3, "Lora")
    sent = provider.files["file-1"]["_content"].splitlines()
    assert json.loads(sent[0])["messages"][-1] == {"role": "assistant", "content": "yes"}
    assert len(sent) == 12


def test_the_same_call_again_asks_nobody(provider: fake.Together, tmp_path: Path) -> None:
    first = go(provider, tmp_path)
    before = len(provider.heard)
    assert go(provider, tmp_path) == first
    assert len(provider.heard) == before


def test_another_attempt_is_another_job(provider: fake.Together, tmp_path: Path) -> None:
    assert go(provider, tmp_path).id != go(provider, tmp_path, attempt=1).id
    assert len(provider.jobs) == 2


LOST = [
    ("POST /v1/files/upload", "lost"),
    ("POST /v1/files/upload", "dropped"),
    ("POST /v1/files/upload", "503"),
    ("GET /v1/files", "dropped"),
    ("POST /v1/fine-tunes", "lost"),
    ("POST /v1/fine-tunes", "dropped"),
    ("POST /v1/fine-tunes", "502"),
    ("POST /v1/fine-tunes", "html"),
    ("POST /v1/fine-tunes/estimate-price", "500"),
    ("GET /v1/fine-tunes", "429"),
    ("GET /v1/fine-tunes/ft-1", "lost"),
    ("GET /v1/fine-tunes/ft-1", "html"),
    ("GET /weights/ft-1", "dropped"),
]


@pytest.mark.parametrize(("where", "kind"), LOST)
def test_whatever_is_lost_on_the_way_nothing_is_done_twice(
    provider: fake.Together, tmp_path: Path, where: str, kind: str
) -> None:
    provider.faults = [fake.Fault(where, kind), fake.Fault(where, kind)]
    job = go(provider, tmp_path)
    assert job.stage == "done"
    assert (len(provider.files), len(provider.jobs)) == (1, 1)
    assert provider.faults == [] or (kind == "lost" and len(provider.faults) == 1)


EVERY_REQUEST = [pytest.param(at, marks=() if at == 5 else pytest.mark.slow) for at in range(1, 12)]
"""The fifth starts the job."""


@pytest.mark.parametrize("at", EVERY_REQUEST)
def test_a_process_killed_at_any_request_goes_on(provider: fake.Together, tmp_path: Path, at: int) -> None:
    """The kill is a real one: the child dies by SIGKILL while the server holds its reply back, already handled."""
    code = f"""
import os, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_jobs import ROWS, ORDER, HASTY, Together, train_on
train_on(Together({provider.url + "/v1"!r}), ROWS, ORDER, Path({str(tmp_path)!r}), pace=HASTY)
"""
    answered, killed = provider.answer, []

    def answer(heard: fake.Heard) -> fake.Answer:
        found = answered(heard)
        if len(provider.heard) == at and not killed:
            killed.append(True)
            child.kill()
            child.wait()
        return found

    provider.answer = answer
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    child.wait()
    job = go(provider, tmp_path)
    assert job.stage == "done"
    assert (len(provider.files), len(provider.jobs)) == (1, 1)


def test_a_budget_stops_before_anything_is_sent(provider: fake.Together, tmp_path: Path) -> None:
    with pytest.raises(BudgetSpent, match="may cost up to") as spent:
        go(provider, tmp_path, budget=0.0001)
    assert spent.value.exit_code == 3
    assert provider.heard == []
    assert jobs(tmp_path) == ()


def test_the_platforms_own_quote_counts_before_the_start(provider: fake.Together, tmp_path: Path) -> None:
    with pytest.raises(BudgetSpent, match=r"is quoted at \$0.02"):
        go(provider, tmp_path, budget=0.01)
    assert (len(provider.files), len(provider.jobs)) == (1, 0)
    assert go(provider, tmp_path, budget=0.05).stage == "done"
    assert len(provider.files) == 1


def test_an_account_that_may_not_spend_it_starts_nothing(provider: fake.Together, tmp_path: Path) -> None:
    provider.allowed = False
    with pytest.raises(BudgetSpent, match="does not allow"):
        go(provider, tmp_path)
    assert provider.jobs == {}


def test_a_price_nobody_knows_cannot_hold_a_budget_and_nothing_is_uploaded(tmp_path: Path) -> None:
    with fake.serving(fake.Vertex(script=["JOB_STATE_SUCCEEDED"])) as server:
        os.environ["GOOGLE_ACCESS_TOKEN"] = "ya29.secret-token"  # noqa: S105
        platform = Vertex("me", "europe-west4", "data", server.url)
        with pytest.raises(InputError, match="no price of gemini"):
            train_on(platform, ROWS, Order("gemini-2.5-flash"), tmp_path, budget=5.0, pace=HASTY)
        assert (server.jobs, server.files, server.heard, jobs(tmp_path)) == ({}, {}, [], ())


@pytest.mark.parametrize("platform", ["bedrock", "openai", "vertex"])
def test_platforms_that_quote_nothing_are_not_sent_what_a_budget_cannot_hold(platform: str, tmp_path: Path) -> None:
    rows = tuple(replace(r, id=f"{r.id}:{n}") for n in range(10) for r in ROWS)
    with pytest.raises(InputError, match="no price of some-model"):
        train_on(platform_of(platform), rows, Order("some-model"), tmp_path, budget=5.0, pace=HASTY)
    assert jobs(tmp_path) == ()


def test_a_job_begun_without_a_budget_is_not_uploaded_under_one_that_cannot_hold(tmp_path: Path) -> None:
    with fake.serving(fake.Vertex(script=["JOB_STATE_SUCCEEDED"])) as server:
        os.environ["GOOGLE_ACCESS_TOKEN"] = "ya29.secret-token"  # noqa: S105
        platform = Vertex("me", "europe-west4", "data", server.url)
        given = (platform, ROWS, Order("gemini-2.5-flash"), tmp_path)
        server.faults = [fake.Fault("GET .*", "400")]
        with pytest.raises(ModelError):
            train_on(*given, pace=HASTY)
        before = len(server.heard)
        with pytest.raises(InputError, match="no price of gemini"):
            train_on(*given, budget=5.0, pace=HASTY)
        assert len(server.heard) == before


def test_a_price_that_only_the_platform_knows_is_waited_for(provider: fake.Together, tmp_path: Path) -> None:
    (tmp_path / "platforms.yaml").write_text("together: {prices: []}\n")
    with pytest.raises(BudgetSpent, match=r"is quoted at \$0.02"):
        train_on(Together(f"{provider.url}/v1"), ROWS, ORDER, tmp_path, budget=0.01, pace=HASTY)
    assert (len(provider.files), len(provider.jobs)) == (1, 0)


def test_two_processes_do_not_go_on_with_one_job(provider: fake.Together, tmp_path: Path) -> None:
    seen: list[str] = []

    def watch(job: Job) -> None:
        if not seen:
            with pytest.raises(InputError, match="another process"):
                resume(tmp_path, job.id, pace=HASTY)
            seen.append(job.id)

    assert go(provider, tmp_path, watch=watch).stage == "done"
    assert seen


def test_a_lost_connection_is_given_up_in_the_end_and_gone_on_with(provider: fake.Together, tmp_path: Path) -> None:
    provider.faults = [fake.Fault("GET /v1/fine-tunes/ft-1", "dropped") for _ in range(4)]
    with pytest.raises(ModelError, match="closed without a reply"):
        go(provider, tmp_path)
    assert jobs(tmp_path)[0].stage == "started"
    assert resume(tmp_path, jobs(tmp_path)[0].id, pace=HASTY).stage == "done"
    assert len(provider.jobs) == 1


def test_waiting_grows_and_heeds_the_platform(provider: fake.Together, tmp_path: Path) -> None:
    slept: list[float] = []
    provider.script = ["running"] * 5 + ["completed"]
    provider.faults = [fake.Fault("GET /v1/fine-tunes/ft-1", "429", (("Retry-After", "7"),))]
    go(provider, tmp_path, pace=Pace(first=2.0, most=5.0, settle=0.0, sleep=slept.append))
    assert slept == [7.0, 2.0, 3.0, 4.5, 5.0, 5.0]


def test_a_job_of_an_ended_process_before_its_start_can_be_dropped(provider: fake.Together, tmp_path: Path) -> None:
    provider.faults = [fake.Fault("POST /v1/files/upload", "400")]
    with pytest.raises(ModelError):
        go(provider, tmp_path)
    assert cancel(tmp_path, jobs(tmp_path)[0].id).stage == "cancelled"
    assert (provider.files, provider.jobs) == ({}, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "[]",
        lambda _: "{",
        lambda body: json.dumps({**body, "format": 2}),
        lambda body: json.dumps({**body, "stage": "paid"}),
        lambda body: json.dumps({**body, "surprise": 1}),
        lambda body: json.dumps({**body, "report": {"standing": "fine"}}),
        lambda body: json.dumps({**body, "order": {"model": 3}}),
        lambda body: json.dumps({k: v for k, v in body.items() if k != "estimate"}),
        lambda body: json.dumps({**body, "estimate": 5}),
        lambda body: json.dumps({**body, "id": "../../../elsewhere"}),
    ],
)
def test_a_broken_job_file_is_one_clean_error(provider: fake.Together, tmp_path: Path, change: object) -> None:
    job = go(provider, tmp_path)
    path = tmp_path / ".suffice" / "jobs" / f"{job.id}.json"
    path.write_text(change(json.loads(path.read_text())), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(InputError, match="cannot be read"):
        load_job(tmp_path, job.id)


@pytest.mark.parametrize("id_", ["", "../x", "*", "nobody"])
def test_an_id_that_is_none_is_refused(tmp_path: Path, id_: str) -> None:
    with pytest.raises(InputError):
        load_job(tmp_path, id_)


def test_a_job_read_back_is_the_same(provider: fake.Together, tmp_path: Path) -> None:
    job = go(provider, tmp_path)
    assert load_job(tmp_path, job.id) == job
    assert jobs(tmp_path) == (job,)


def test_tinker_is_not_started_from_here(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not started from here") as wrong:
        train_on(Tinker(), ROWS, Order("Qwen/Qwen3-8B"), tmp_path)
    assert "export --for tinker" in wrong.value.hint


def test_tinkers_script_is_python_whatever_the_models_name() -> None:
    script = Tinker().script(Order('a"); import os; ("', epochs=3, rank=16, learning_rate=1e-4)).decode()
    compile(script, "train.py", "exec")
    assert "num_epochs=3" in script
    assert "lora_rank=16" in script
    assert "MODEL = 'a\"); import os; (\"'" in script


def test_warnings_come_after_what_is_fatal() -> None:
    rows = (ROWS[0], replace(ROWS[1], reply=Message("assistant", "")), *ROWS[2:])
    found = findings(Vertex(), rows, Order("gemini-2.5-flash"))
    assert [m.fatal for m in found] == [True, False]


def test_the_estimate_holds_the_tokens_of_a_real_tokenizer(minilm: Path) -> None:
    from tokenizers import Tokenizer

    words = Tokenizer.from_file(str(minilm.with_name("tokenizer.json")))
    words.no_padding()
    texts = [
        f"Order {n} has not arrived; the café on Main St. 12 wants $3.50 back, JSON: {{'a': [1, 2]}}" for n in range(50)
    ]
    rows = [Demonstration(str(n), (Message("user", t),), Message("assistant", "refund")) for n, t in enumerate(texts)]
    counted = sum(len(words.encode(t, add_special_tokens=False).ids) + 1 for t in texts)
    found = estimate(rows, Order("m", epochs=1), terms_of("together"))
    assert found.tokens_low <= counted <= found.tokens_high
    assert estimate(rows, Order("m", epochs=3), terms_of("together")).tokens == pytest.approx(3 * found.tokens, abs=3)


def test_the_time_to_go_is_reckoned_from_what_is_done(tmp_path: Path) -> None:
    seen: list[float | None] = []
    os.environ["FIREWORKS_API_KEY"] = "fw-secret-0123456789"
    with fake.serving(fake.Fireworks(script=["JOB_STATE_RUNNING", "JOB_STATE_COMPLETED"])) as server:
        platform = Fireworks("me", server.url)
        job = train_on(
            platform,
            ROWS,
            Order("qwen3-8b"),
            tmp_path,
            pace=HASTY,
            watch=lambda j: seen.append(j.report and j.report.eta),
        )
    assert job.stage == "done"
    assert job.quoted == 1.25
    told = [eta for eta in seen if eta is not None]
    assert told
    assert all(0 <= eta < 600 for eta in told)


def test_a_data_set_that_is_not_ready_is_waited_for(tmp_path: Path) -> None:
    os.environ["FIREWORKS_API_KEY"] = "fw-secret-0123456789"
    with fake.serving(fake.Fireworks(script=["JOB_STATE_COMPLETED"])) as server:
        server.slow = 2
        assert train_on(Fireworks("me", server.url), ROWS, Order("qwen3-8b"), tmp_path, pace=HASTY).stage == "done"
        assert len(server.files) == 1
