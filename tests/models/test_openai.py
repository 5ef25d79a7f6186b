"""The openai model takes whole replies only, and says of every failure what it was and whether it may be charged."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from types import ModuleType

import pytest

from suffice.budget import Budget
from suffice.calls import Calls
from suffice.errors import BudgetSpent, InputError, ModelError, UnknownPlugin, Unreachable
from suffice.model import resolve
from suffice.models.openai import Openai
from suffice.plugins import build
from suffice.price import most
from suffice.types import UNCOUNTED, Message, Request, Sampling, Tool, ToolCall, Usage


def _beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bad = _beside("misbehaving")
KEY = "sk-secret0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_key() -> Iterator[None]:
    """Tests start without a key or an address in the environment, and leave it as it was."""
    names = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "SUFFICE_KEY_HOSTS", "http_proxy", "HTTP_PROXY")
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    yield
    for name in names:
        os.environ.pop(name, None)
    os.environ.update(before)


def fault_of(*script: object, request: Request = Request("q"), timeout_s: float = 5.0) -> ModelError:
    with bad.serving(*script) as server, pytest.raises(ModelError) as wrong:
        Openai("m", server.url, timeout_s=timeout_s)(request)
    return wrong.value


def test_a_good_reply_is_read_whole() -> None:
    with bad.serving() as server:
        answer = Openai("m", server.url)(Request("q"))
    assert (answer.text, answer.usage, answer.cost, answer.status) == ("fine", Usage(11, 3, 8), None, "ok")
    assert answer.trace[0].name == "model"
    assert 0 < answer.ms < 1000


@pytest.mark.parametrize(
    "told", ['"usage": null', '"x": 0', '"usage": {}', '"usage": {"prompt_tokens": 9}', '"usage": {"total_tokens": 0}']
)
def test_a_budget_holds_where_the_server_counts_no_tokens(told: str) -> None:
    body = json.dumps({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]})[:-1] + f", {told}}}"
    with bad.serving(*[bad.reply(body.encode())] * 200) as server:
        model = Openai("gpt-4o", server.url, priced_as="gpt-4o")
        bound = most(model, Request("q 0"))
        assert bound is not None
        calls = Calls(model, budget=Budget(usd=3.5 * bound))
        first = calls(Request("q 0"))
        assert first.cost == pytest.approx(bound) and first.trace[0].notes == UNCOUNTED
        with pytest.raises(BudgetSpent):
            for number in range(1, 10):
                calls(Request(f"q {number}"))
        assert len(server.heard) == 3


def test_the_request_is_sent_as_the_form_says() -> None:
    request = Request(
        "q",
        instructions=("Be brief.",),
        history=(Message("assistant", "", (ToolCall("look", {"at": 1}, "c1"),)), Message("tool", "7", (), "c1")),
        tools=(Tool("look", "Looks.", {"type": "object", "properties": {"at": {"type": "integer"}}}),),
        sampling=Sampling(temperature=0.5, top_p=0.9, max_tokens=9, stop=("\n",), seed=3, sample=2, logprobs=True),
        id="secret id",
    )
    with bad.serving() as server:
        Openai("m", f"{server.url}/")(request)
    heard = server.heard[0]
    assert heard.path == "/v1/chat/completions"
    assert [m["role"] for m in heard.body["messages"]] == ["system", "assistant", "tool", "user"]
    assert json.loads(heard.body["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"at": 1}
    assert heard.body["messages"][2]["tool_call_id"] == "c1"
    assert heard.body["tools"][0]["function"]["name"] == "look"
    drawn = {k: heard.body[k] for k in ("temperature", "top_p", "max_tokens", "stop", "seed", "logprobs")}
    assert drawn == {"temperature": 0.5, "top_p": 0.9, "max_tokens": 9, "stop": ["\n"], "seed": 5, "logprobs": True}
    assert "secret id" not in str(heard.body)


def test_reasoning_models_get_the_names_they_want() -> None:
    body = Openai("gpt-5-mini", "http://127.0.0.1:1/v1").payload(Request("q"))
    assert body["max_completion_tokens"] == 256
    assert not {"temperature", "max_tokens", "top_p"} & set(body)


def test_a_bare_choice_travels_as_an_object_and_comes_back_bare() -> None:
    request = Request("q", schema={"enum": ["refund", "shipping"]})
    with bad.serving(
        bad.reply(bad.completion('{"answer": "refund"}')), bad.reply(bad.completion("shipping"))
    ) as server:
        model = Openai("m", server.url)
        assert [model(request).text, model(request).text] == ["refund", "shipping"]
    sent = server.heard[0].body["response_format"]["json_schema"]
    assert sent["schema"]["properties"]["answer"]["enum"] == ["refund", "shipping"]
    assert sent["strict"]


@pytest.mark.parametrize(
    ("shape", "strict"),
    [
        ({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, False),
        ({"type": "array", "items": {"type": "object", "properties": {}}}, False),
    ],
)
def test_strict_mode_is_asked_for_only_where_a_provider_takes_the_schema(
    shape: dict[str, object], strict: bool
) -> None:
    body = Openai("m", "http://127.0.0.1:1/v1").payload(Request("q", schema=shape))
    assert body["response_format"]["json_schema"] == {"name": "answer", "strict": strict, "schema": shape}


def test_tool_calls_log_probabilities_and_refusals_are_read() -> None:
    call = {"id": "c1", "function": {"name": "look", "arguments": '{"at": 1}'}}
    odd = {"id": "c2", "function": {"name": "look", "arguments": "{at: 1"}}
    body = json.loads(bad.completion(None, "tool_calls", tool_calls=[call, odd]))
    body["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -0.5}]}
    replies = [bad.reply(json.dumps(body).encode()), bad.reply(bad.completion(None, "stop", refusal="I will not"))]
    with bad.serving(*replies, bad.reply(bad.completion("cut", "length"))) as server:
        called, refused, cut = (Openai("m", server.url)(Request("q")) for _ in range(3))
    assert called.tool_calls == (ToolCall("look", {"at": 1}, "c1"), ToolCall("look", {"_unreadable": "{at: 1"}, "c2"))
    assert called.logprobs == (-0.5,)
    assert (refused.text, refused.status) == ("I will not", "refused")
    assert (cut.text, cut.status) == ("cut", "truncated")


FAULTS = {
    "429": (bad.error(429), "rate_limited", True, False),
    "500": (bad.error(500), "server_error", True, False),
    "502 page": (bad.reply(b"<html>Bad gateway</html>", 502), "server_error", True, False),
    "503": (bad.error(503), "unavailable", True, False),
    "529": (bad.error(529), "unavailable", True, False),
    "408": (bad.error(408), "timeout", True, False),
    "401": (bad.error(401), "unauthorized", False, False),
    "400": (bad.error(400), "rejected", False, False),
    "404": (bad.error(404), "unreachable", False, False),
    "307": (bad.reply(b"", 307, "Location: http://127.0.0.2/"), "rejected", False, False),
    "quota": (bad.error(429, "You exceeded", code="insufficient_quota"), "unauthorized", False, False),
    "error in a 200": (bad.error(200, "overloaded"), "server_error", True, False),
    "dropped": (bad.raw(b""), "dropped", True, True),
    "half a head": (bad.raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "empty", True, True),
    "no HTTP": (bad.raw(b"220 mail.example ESMTP\r\n\r\n"), "malformed", True, True),
    "short of its length": (bad.reply(bad.completion()[:40], length=400), "truncated", True, True),
    "broken chunks": (
        bad.raw(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf"),
        "truncated",
        True,
        True,
    ),
    "half the JSON": (bad.reply(bad.completion()[:40]), "malformed", True, True),
    "other JSON": (bad.reply(b'{"choices": []}'), "malformed", True, True),
    "no number of tokens": (bad.reply(bad.completion().replace(b": 11", b': "many"')), "malformed", True, True),
    "tokens below zero": (bad.reply(bad.completion().replace(b": 11", b": -5")), "malformed", True, True),
    "endless nesting": (bad.reply(b"[" * 200_000), "malformed", True, True),
    "a list": (bad.reply(b"[1]"), "malformed", True, True),
    "empty": (bad.reply(b""), "empty", True, True),
    "no end": (bad.reply(bad.completion("half", None)), "truncated", True, True),
    "silence": (bad.silence(1.0), "timeout", True, True),
    "a drip": (bad.drip(1.5), "timeout", True, True),
}


@pytest.mark.parametrize(("script", "fault", "retryable", "billed"), FAULTS.values(), ids=FAULTS.keys())
def test_every_fault_has_its_class(script: object, fault: str, retryable: bool, billed: bool) -> None:
    wrong = fault_of(script, timeout_s=0.5)
    assert (wrong.fault, wrong.retryable, wrong.billed) == (fault, retryable, billed)
    assert wrong.exit_code == 4


def test_nobody_there_is_unreachable_and_costs_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}/v1 cannot be reached") as wrong:
        Openai("m", f"http://127.0.0.1:{port}/v1")(Request("q"))
    assert (wrong.value.fault, wrong.value.retryable, wrong.value.billed) == ("unreachable", True, False)


def test_a_reply_without_bound_is_given_up() -> None:
    head = b"HTTP/1.1 200 X\r\n\r\n"
    wrong = fault_of(bad.raw(head + b" " * (33 * 2**20)), timeout_s=20.0)
    assert (wrong.fault, wrong.billed) == ("malformed", True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (("Retry-After: 7",), 7.0),
        (("Retry-After: 0", "retry-after-ms: 250"), 0.25),
        ((f"Date: {formatdate(1000, usegmt=True)}", f"Retry-After: {formatdate(1090, usegmt=True)}"), 90.0),
        ((f"Date: {formatdate(1000, usegmt=True)}", f"Retry-After: {formatdate(900, usegmt=True)}"), 0.0),
        (("Retry-After: -5",), None),
        (("Retry-After: soon",), None),
        ((), None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_on_the_servers_clock(
    headers: tuple[str, ...], seconds: float | None
) -> None:
    assert fault_of(bad.error(429, "slow down", *headers)).retry_after == seconds


def test_connections_are_kept_and_those_the_server_closed_are_not_used() -> None:
    with bad.serving(
        *[bad.reply(bad.completion())] * 3, bad.reply(bad.completion(), 200, "Connection: close")
    ) as server:
        model = Openai("m", server.url)
        for _ in range(4):
            model(Request("q"))
        assert server.connections == 1
        assert model(Request("q")).text == "fine"
        assert server.connections == 2
        server.script.append(bad.raw(bytes(bad.completion())))


def test_a_connection_that_the_server_closed_while_idle_is_replaced_unseen() -> None:
    def close_after(to: socket.socket, heard: object) -> None:
        bad.reply(bad.completion())(to, heard)
        to.shutdown(socket.SHUT_RDWR)

    with bad.serving(close_after) as server:
        model = Openai("m", server.url)
        model(Request("q"))
        time.sleep(0.05)
        assert model(Request("q")).text == "fine"
    assert len(server.heard) == 2


def test_64_threads_share_64_connections() -> None:
    def slowly(to: socket.socket, heard: object) -> None:
        time.sleep(0.01)
        bad.reply(bad.completion())(to, heard)

    with bad.serving(*[slowly] * 300) as server, ThreadPoolExecutor(64) as pool:
        assert {a.text for a in pool.map(Openai("m", server.url), [Request("q")] * 300)} == {"fine"}
    assert server.connections <= 64


def test_the_key_is_sent_and_is_in_nothing_that_is_kept() -> None:
    os.environ["OPENAI_API_KEY"] = KEY
    with bad.serving(bad.error(401, f"Incorrect API key provided: {KEY}, or sk-other9999.")) as server:
        model = Openai("m", server.url)
        with pytest.raises(ModelError) as wrong:
            model(Request("q"))
    assert server.heard[0].headers["authorization"] == f"Bearer {KEY}"
    shown = f"{wrong.value} {wrong.value.hint} {model!r} {model.spec} {model.digest} {model.payload(Request('q'))}"
    assert "sk-" not in shown
    assert "Incorrect API key provided: ***, or ***" in shown


def test_a_key_that_is_sent_back_is_in_no_answer_and_half_a_character_is_none() -> None:
    os.environ["OPENAI_API_KEY"] = KEY
    echo = bad.completion(f"your key is {KEY} \ud800")
    with bad.serving(bad.reply(echo)) as server:
        assert Openai("m", server.url)(Request("q")).text == "your key is *** \N{REPLACEMENT CHARACTER}"


def test_a_strangers_address_does_not_get_the_key() -> None:
    os.environ["OPENAI_API_KEY"] = KEY
    assert "Authorization" not in Openai("m", "https://stranger.example/v1")._headers()
    assert "Authorization" in Openai("m")._headers()
    os.environ["OPENAI_BASE_URL"] = "https://mine.example/v1"
    assert "Authorization" in Openai("m")._headers()
    assert "Authorization" in Openai("m", "https://mine.example/other")._headers()
    assert "Authorization" not in Openai("m", "https://api.openai.com/v1")._headers()
    os.environ["SUFFICE_KEY_HOSTS"] = "stranger.example"
    assert "Authorization" in Openai("m", "https://stranger.example/v1")._headers()


def test_the_key_does_not_travel_unencrypted_unless_the_user_says_so() -> None:
    os.environ |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://10.0.0.5:8000/v1"}
    with pytest.raises(ModelError, match="the key would travel unencrypted") as wrong:
        Openai("m")(Request("q"))
    assert (wrong.value.fault, wrong.value.retryable) == ("unauthorized", False)
    os.environ["SUFFICE_KEY_HOSTS"] = "http://10.0.0.5"
    assert "Authorization" in Openai("m")._headers()


@pytest.mark.parametrize(
    "url",
    ["ftp://host/v1", "host/v1", "http://", "https://user:word@host/v1", "https://host/v1?key=1", "http://h:99999/v1"],
)
def test_an_address_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(InputError, match="address"):
        Openai("m", url)


def test_it_is_found_by_address_and_rebuilt_from_its_spec() -> None:
    model = resolve("http://127.0.0.1:8000/v1#small")
    assert model.spec == {"use": "openai", "name": "small", "base_url": "http://127.0.0.1:8000/v1"}
    assert build("models", model.spec) == model
    assert resolve("openai/gpt-4o-mini").spec["base_url"] == "https://api.openai.com/v1"
    assert model.digest != resolve("http://127.0.0.1:8001/v1#small").digest
    for tuned in ("ft:gpt-4o-mini:acme::x", "org/m:free"):
        assert resolve(f"openai/{tuned}").name == tuned
    with pytest.raises(UnknownPlugin, match="no model called `opneai`"):
        resolve("opneai/ft:gpt-4o-mini:acme::x")


def test_list_prices_are_for_providers_not_for_this_machine() -> None:
    assert Openai("gpt-4o-mini").price_name == "gpt-4o-mini"
    here = Openai("gpt-4o-mini", "http://127.0.0.1:1/v1")
    assert here.price_name is None
    assert replace(here, priced_as="gpt-4o").price_name == "gpt-4o"


@pytest.mark.slow
def test_it_talks_to_llama_cpps_own_server(smollm2: Path) -> None:
    """A server we did not write, with its own key and port: the embedded engine's loopback door."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from suffice.models._engine import open_server\n"
        "from suffice.models.openai import Openai\n"
        "from suffice.types import Request, Sampling\n"
        "server = open_server(Path(sys.argv[1]), context=1024, threads=1, key='sk-mine')\n"
        "os.environ['OPENAI_API_KEY'] = 'sk-mine'\n"
        "model = Openai('smollm2', f'{server.listening_address}/v1')\n"
        "few = Sampling(max_tokens=24)\n"
        "said = model(Request('Say hello.', sampling=few))\n"
        "choice = model(Request('Is fire hot or cold?', sampling=few, schema={'enum': ['hot', 'cold']}))\n"
        "print(bool(said.text), said.usage.input_tokens > 5, choice.text in ('hot', 'cold'))\n"
        "os.environ['OPENAI_API_KEY'] = 'sk-other'\n"
        "try: model(Request('Again.'))\n"
        "except Exception as wrong: print(wrong.fault)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(smollm2)], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True", "True", "unauthorized"], done.stderr[-2000:]


HOSTS = [
    ("https://api.together.xyz/v1", "TOGETHER_API_KEY", True),
    ("https://europe-west4-aiplatform.googleapis.com/v1", "GOOGLE_ACCESS_TOKEN", True),
    ("http://api.together.xyz/v1", "TOGETHER_API_KEY", False),
    ("https://api.together.xyz.evil.example/v1", "TOGETHER_API_KEY", False),
    ("https://evil.example/v1", "FIREWORKS_API_KEY", False),
]


@pytest.mark.parametrize(("url", "variable", "sent"), HOSTS)
def test_a_host_with_a_key_of_its_own_gets_that_and_no_other(url: str, variable: str, sent: bool) -> None:
    os.environ |= {"OPENAI_API_KEY": KEY, variable: "own-secret-0123456789"}
    try:
        told = Openai("m", url)._headers().get("Authorization")
    finally:
        del os.environ[variable]
    assert told == ("Bearer own-secret-0123456789" if sent else None)
