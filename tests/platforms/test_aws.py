"""Signatures are those of Amazon's own published examples."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from suffice.platforms._aws import Credentials, signed

SUITE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
STORE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
FRIDAY = datetime(2013, 5, 24, tzinfo=UTC)


def signature(told: dict[str, str]) -> str:
    return told["authorization"].rpartition("Signature=")[2]


def test_the_suites_simplest_request() -> None:
    """get-vanilla of the aws-sig-v4 test suite."""
    told = signed(
        "GET", "/", {"Host": "example.amazonaws.com"}, b"", service="service", region="us-east-1", own=SUITE, now=AT
    )
    assert signature(told) == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "expected"),
    [
        (
            "GET",
            "/test.txt",
            {"Range": "bytes=0-9"},
            b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "/test%24file.text",
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "/?lifecycle", {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("GET", "/?max-keys=2&prefix=J", {}, b"", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_examples_of_the_s3_documentation(
    method: str, target: str, headers: dict[str, str], body: bytes, expected: str
) -> None:
    sent = {**headers, "Host": "examplebucket.s3.amazonaws.com"}
    told = signed(method, target, sent, body, service="s3", region="us-east-1", own=STORE, now=FRIDAY)
    assert signature(told) == expected


def test_a_session_is_signed_too() -> None:
    own = Credentials("AKIDEXAMPLE", "secret", "session")
    told = signed("GET", "/", {"Host": "a"}, b"", service="bedrock", region="eu-west-1", own=own, now=AT)
    assert told["x-amz-security-token"] == "session"
    assert "x-amz-security-token" in told["authorization"]
    assert "secret" not in repr(own)
