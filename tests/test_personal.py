"""What is personal in a text, each number by its issuer's own check, and what only looks like it."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from suffice.personal import marks, scrubbed, scrubbed_in


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail ada.l@example.com or +49 30 901820", "mail [email] or [phone]"),
        ("call me on 5774038277 or 758-575-4080x35138", "call me on [phone] or [phone]"),
        ("to DE89 3704 0044 0532 0130 00, please", "to [iban], please"),
        ("GB82WEST12345698765432", "[iban]"),
        ("card 4111 1111 1111 1111", "card [card number]"),
        ("card 2223003122003222", "card [card number]"),
        ("ssn 123-45-6789", "ssn [us ssn]"),
        ("my NINO is AB123456C", "my NINO is [uk nino]"),
        ("NHS number 943 476 5919", "NHS number [uk nhs]"),
        ("mijn BSN is 111222333", "mijn BSN is [nl bsn]"),
        ("DNI 12345678Z, NIE X1234567L", "DNI [es dni], NIE [es dni]"),
        ("RSSMRA85T10A562S", "[it codice fiscale]"),
        ("NIR 2 55 08 14 168 025 38", "NIR [fr nir]"),
        ("Steuer-ID 86095742719", "Steuer-ID [de steuer-id]"),
        ("CPF 529.982.247-25", "CPF [br cpf]"),
        ("aadhaar 2341 2341 2346", "aadhaar [in aadhaar]"),
        ("PESEL 44051401359", "PESEL [pl pesel]"),
        ("811218-9876 lives there", "[se personnummer] lives there"),
        ("131052-308T", "[fi hetu]"),
        ("130 692 544", "[ca sin]"),
        ("TFN 123 456 782", "TFN [au tfn]"),
        ("AHV 756.9217.0769.85", "AHV [ch ahv]"),
        ("passport C01X00T47", "passport [passport]"),
        ("from 192.168.10.5 and 2001:db8::ff00:42:8329", "from [ip address] and [ip address]"),
        ("born on 12.03.1984 in Rome", "born on [birth date] in Rome"),
        ("My name is Ada Lovelace, hello", "My name is [name], hello"),
        ("Dear Grace,\nthanks", "Dear [name],\nthanks"),
        ("It works.\nRegards,\nGrace Hopper", "It works.\nRegards,\n[name]"),
        ("postgres://app:hunter22@db.example.com/x", "postgres://app:[password]@db.example.com/x"),
        ("key sk-abcdefghijklmnopqrstuvwx1", "key [api key]"),
    ],
)
def test_personal_data_and_secrets_are_masked_by_their_kind(text: str, masked: str) -> None:
    assert scrubbed(text)[0] == masked
    assert scrubbed(masked)[0] == masked


@pytest.mark.parametrize(
    "text",
    [
        "DE88 3704 0044 0532 0130 00",  # its check digits are wrong
        "card 4111 1111 1111 1112",
        "DNI 12345678A",
        "RSSMRA85T10A562T",
        "811218-9877",
        "131052-308U",
        "order 44051401359 of 2026-01-31 at 12:30:45",
        "version 1.2.3.4 costs 10 000 000 dollars",
        "a table on 10/24/2028 for two",
        "Dear team, Hello World! Hi there,",
        "the password was reset and the token is lost",
        "Add this tune to This Is Nicky Jam",
        ":::: ... ?!",
        "",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert scrubbed(text) == (text, {})


def test_every_text_of_a_value_is_masked_and_counted() -> None:
    value = {"to": "ada@example.com", "more": ["+49 30 901820", 3, None, {"deep": "bob@example.com"}]}
    masked, found = scrubbed_in(value)
    assert masked == {"to": "[email]", "more": ["[phone]", 3, None, {"deep": "[email]"}]}
    assert found == {"email": 2, "phone": 1}


@pytest.mark.parametrize("unit", ["a@b.cc ", ":", "1 ", "Dear A", "1.1.1.1.", "Aa ", "AB12 1234 ", "regards\n", "0x1:"])
def test_a_hostile_text_takes_no_longer_than_its_length_allows(unit: str) -> None:
    text = f"my name is {unit * (300_000 // len(unit))}"
    start = time.process_time()
    found = marks(text)
    assert time.process_time() - start < 5
    assert all(a.end <= b.start for a, b in pairwise(found))
