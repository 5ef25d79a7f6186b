"""What a provider sends is not trusted: addresses, file names, sizes, texts."""

from __future__ import annotations

from pathlib import Path

import providers as fake
import pytest

from suffice.errors import ModelError
from suffice.http import Endpoint
from suffice.platforms._api import Api, multipart, save, split, whole
from suffice.platforms.fireworks import Fireworks
from suffice.platforms.vertex import Vertex


@pytest.mark.parametrize(
    ("url", "near", "fine"),
    [
        ("https://storage.example/a?sig=1", False, True),
        ("http://storage.example/a", False, False),
        ("http://127.0.0.1:80/admin", False, False),
        ("https://localhost/admin", False, False),
        ("http://127.0.0.1:80/a", True, True),
        ("https://storage.example/a", True, False),
    ],
)
def test_a_signed_address_is_the_providers_own_and_encrypted(url: str, near: bool, fine: bool) -> None:
    if fine:
        endpoint, path = split(url, near=near)
        assert f"{endpoint.url}{path}" == url
    else:
        with pytest.raises(ModelError, match="not encrypted, or not its own"):
            split(url, near=near)


def test_a_ring_of_addresses_ends(tmp_path: Path) -> None:
    with fake.serving(fake.Provider()) as server:
        server.answer = lambda _: (302, f"{server.url}/again")  # type: ignore[method-assign]
        with pytest.raises(ModelError, match="from address to address"):
            save(f"{server.url}/a", tmp_path / "file", near=True)
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_not_passed_on_with_a_redirect(tmp_path: Path) -> None:
    with fake.serving(fake.Provider()) as server:
        server.answer = lambda h: (200, b"x") if h.path == "/b" else (302, f"{server.url}/b")  # type: ignore[method-assign]
        save(f"{server.url}/a", tmp_path / "file", {"Authorization": "Bearer secret"}, near=True)
        assert [h.headers.get("authorization") for h in server.heard] == ["Bearer secret", None]


def test_a_file_larger_than_allowed_leaves_nothing(tmp_path: Path) -> None:
    with fake.serving(fake.Provider()) as server:
        server.answer = lambda _: (200, b"x" * 5000)  # type: ignore[method-assign]
        with pytest.raises(ModelError, match="larger than"):
            Endpoint(server.url).download("/", {}, tmp_path / "file", timeout=5, largest=1000)
    assert list(tmp_path.iterdir()) == []


def test_weights_land_under_safe_names_only(tmp_path: Path) -> None:
    with fake.serving(fake.Fireworks(script=["JOB_STATE_COMPLETED"])) as server:
        usual = server.answer
        names = ("../../evil", "..", ".hidden", "a/b/adapter_config.json", "ok.safetensors")

        def answer(heard: fake.Heard) -> fake.Answer:
            if heard.path.endswith("getDownloadEndpoint"):
                return 200, {"filenameToSignedUrls": dict.fromkeys(names, f"{server.url}/signed/x")}
            return usual(heard)

        server.answer = answer  # type: ignore[method-assign]
        server.jobs["k"] = {"name": "accounts/me/supervisedFineTuningJobs/k"}
        Fireworks("me", server.url).fetch("accounts/me/supervisedFineTuningJobs/k", tmp_path / "w")
    found = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert found == ["w/adapter_config.json", "w/evil", "w/ok.safetensors"]


@pytest.mark.parametrize("name", ["accounts/me/../../admin", "https://evil", "", "accounts/me/x?y=z"])
def test_a_resource_that_is_none_is_not_asked_for(name: str) -> None:
    with pytest.raises(ModelError, match="no resource"):
        Fireworks("me", "http://127.0.0.1:1").poll(name)
    with pytest.raises(ModelError, match="no tuning job"):
        Vertex("me", "x", "data", "http://127.0.0.1:1").poll(name)


@pytest.mark.parametrize(
    "body", [[], {}, {"status": 3, "events": "x", "progress": [1]}, {"token_count": "many"}, "text", None]
)
def test_replies_of_any_shape_are_read_or_refused_cleanly(body: object) -> None:
    from suffice.platforms.openai import Openai
    from suffice.platforms.together import Together

    with fake.serving(fake.Provider()) as server:
        server.answer = lambda _: (200, body)  # type: ignore[method-assign]
        platforms = (Together(f"{server.url}/v1"), Openai(f"{server.url}/v1"), Fireworks("me", server.url))
        for platform in platforms:
            for call in (lambda p=platform: p.poll("accounts/me/x"), lambda p=platform: p.uploaded("k")):
                try:
                    call()
                except ModelError as wrong:
                    assert wrong.message


def test_a_form_holds_any_content() -> None:
    body, headers = multipart({"purpose": "fine-tune"}, "a.jsonl", b"--x\r\n\r\nContent-Disposition: form-data\r\n")
    heard = fake.Heard("POST", "/", {}, {"content-type": headers["Content-Type"]}, body)
    assert heard.form["file"] == b"--x\r\n\r\nContent-Disposition: form-data\r\n"
    assert (heard.form["purpose"], heard.form["filename"]) == (b"fine-tune", b"a.jsonl")


@pytest.mark.parametrize(
    ("value", "count"), [("12", 12), (12, 12), (None, None), (True, None), ("x", None), ([], None)]
)
def test_counts_are_read_however_they_are_written(value: object, count: int | None) -> None:
    assert whole(value) == count


def test_a_reply_that_is_not_strict_json_is_refused() -> None:
    with fake.serving(fake.Provider()) as server:
        server.answer = lambda _: (200, b'{"a": NaN}')  # type: ignore[method-assign]
        with pytest.raises(ModelError, match="no JSON"):
            Api(server.url, "x", "NOBODYS_KEY").get("/")
