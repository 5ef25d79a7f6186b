"""Personal data: addresses, phones, accounts, government numbers and introduced names in a text, found and masked.

Numbers are taken for what they look like only where their check digits are right or a word before them says so. A name
is found where something introduces it (`my name is`, `Dear`, `Regards,`, `Mr`, `Name:`). Not recognised: names in
running text, street addresses, dates of birth without a word that says so, anything in pictures or files.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from .secrets import EMAIL, PHONE, impersonal, secrets
from .types import Json

SECRETS = frozenset({"private key", "api key", "aws key", "token", "password"})
"""The kinds that are never kept, whatever the policy for personal data."""
CUED = 40
"""Characters before a number in which a word must stand that says what it is, where the number alone does not."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where something that must not be learned stands in a text, and what it is."""

    kind: str
    start: int
    end: int


def marks(text: str) -> tuple[Mark, ...]:
    """The secrets and the personal data in a text, in order, none inside another."""
    found = [Mark(s.kind, s.start, s.end) for s in secrets(text)]
    found += _mailed(text)
    if sum(map(str.isdigit, text)) >= FEWEST_DIGITS or ":" in text:
        found += [*_numbered(text), *_networked(text), *_born(text)]
        found += [Mark("phone", *m.span()) for m in PHONE.finditer(text) if _dialled(m[0])]
    return tuple(_apart([*found, *_named(text)]))


def scrubbed(text: str) -> tuple[str, Counter[str]]:
    """The text with each mark replaced by its kind (`[email]`), and how many there were of each."""
    found = marks(text)
    parts, at = [], 0
    for mark in found:
        parts += [text[at : mark.start], f"[{mark.kind}]"]
        at = mark.end
    return "".join([*parts, text[at:]]), Counter(mark.kind for mark in found)


def scrubbed_in(value: Json) -> tuple[Json, Counter[str]]:
    """The same of every text in a JSON value; keys are left as they are, and so are roles."""
    if isinstance(value, str):
        return scrubbed(value)
    found: Counter[str] = Counter()
    if isinstance(value, Mapping):
        made: dict[str, Json] = {}
        for key, item in value.items():
            made[key], more = scrubbed_in(item)
            found += more
        return made, found
    if isinstance(value, list | tuple):
        several = [scrubbed_in(item) for item in value]
        return [item for item, _ in several], sum((more for _, more in several), found)
    return value, found


def _dialled(number: str) -> bool:
    """Whether it is a telephone number, and none of those that only look like one."""
    return impersonal(number).startswith("[phone]") and not NO_PHONE.fullmatch(number.strip())


# Numbers


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a number looks like, what must hold of it, and the words of which one must stand before it."""

    kind: str
    pattern: re.Pattern[str]
    right: Callable[[str], bool]
    cue: re.Pattern[str] | None = None


FEWEST_DIGITS = 4
NO_PHONE = re.compile(
    r"[1-9][0-9]{0,2}(?:[ .][0-9]{3})*[ .]000"
    r"|[0-3]?[0-9][/.-][0-3]?[0-9][/.-](?:(?:19|20)[0-9]{2}|[0-9]{2})|(?:19|20)[0-9]{2}[/.][0-1]?[0-9][/.][0-3]?[0-9]"
    r"|[0-9]{4}(?:[ -][0-9]{4}){1,3}(?:[ -][0-9]{1,3})?"
)
"""Thousands written apart, dates, and numbers in fours, as cards and accounts have them."""
ALONE, END = r"(?<![0-9A-Za-z.,/_-])", r"(?![0-9A-Za-z_]|[-.,/][0-9])"


def _digits(text: str) -> list[int]:
    return [int(sign) for sign in text if "0" <= sign <= "9"]


def _weighed(weights: Sequence[int], modulus: int) -> Callable[[str], bool]:
    """Whether the digits times their weights add up to a multiple; one digit repeated is nobody's number."""

    def right(text: str) -> bool:
        digits = _digits(text)
        total = sum(d * w for d, w in zip(digits, weights, strict=False))
        return len(digits) == len(weights) and total % modulus == 0 and len(set(digits)) > 1

    return right


def _luhn(text: str) -> bool:
    digits = _digits(text)
    doubled = [d * 2 - 9 if d > 4 else d * 2 for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _iban(text: str) -> bool:
    """ISO 13616: four signs to the end, letters as numbers, the rest by 97 is 1."""
    plain = "".join(c for c in text if c.isalnum()).upper()
    moved = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _dated(text: str) -> bool:
    """A Swedish number: a date, then four digits of which the last checks the rest."""
    digits = _digits(text)[-10:]
    return _real(1904, digits[2] * 10 + digits[3], digits[4] * 10 + digits[5]) and _luhn("".join(map(str, digits)))


def _real(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _spanish(text: str) -> bool:
    plain = "".join(c for c in text if c.isalnum()).upper()
    number = plain[:-1].replace("X", "0").replace("Y", "1").replace("Z", "2")
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _italian(text: str) -> bool:
    odd = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (*_ODD[:10], *_ODD), strict=True))
    plain = text.upper()
    total = sum(odd[c] if at % 2 == 0 else (int(c) if c.isdigit() else ord(c) - 65) for at, c in enumerate(plain[:15]))
    return chr(65 + total % 26) == plain[15]


_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)


def _french(text: str) -> bool:
    plain = "".join(c for c in text if c.isalnum()).upper().replace("2A", "19").replace("2B", "18")
    return plain.isdigit() and len(plain) == 15 and 97 - int(plain[:13]) % 97 == int(plain[13:])


def _german(text: str) -> bool:
    """The tax number: ISO 7064, mod 11, 10."""
    digits, product = _digits(text), 10
    for digit in digits[:10]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return len(digits) == 11 and digits[0] > 0 and (11 - product) % 10 == digits[10]


def _brazilian(text: str) -> bool:
    digits = _digits(text)
    checks = [sum(d * w for d, w in zip(digits, range(n, 1, -1), strict=False)) * 10 % 11 % 10 for n in (10, 11)]
    return len(digits) == 11 and checks == digits[9:] and len(set(digits)) > 1


def _finnish(text: str) -> bool:
    rest = int(text[:6] + text[7:10]) % 31
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[rest] == text[10].upper() and _real(1904, int(text[2:4]), int(text[:2]))


def _british(text: str) -> bool:
    return text[:2].upper() not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def _indian(text: str) -> bool:
    """Verhoeff's check over twelve digits."""
    at = 0
    for place, digit in enumerate(reversed(_digits(text))):
        at = _TURNED[at][_MIXED[place % 8][digit]]
    return at == 0


def _dihedral(a: int, b: int) -> int:
    """The multiplication of the dihedral group of ten elements, on which Verhoeff's check stands."""
    turned = (a + b) % 5 if a < 5 else (a - b) % 5
    return turned + (5 if (a < 5) != (b < 5) else 0)


_TURNED = [[_dihedral(a, b) for b in range(10)] for a in range(10)]
_MIXED = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
while len(_MIXED) < 8:
    _MIXED.append([_MIXED[-1][d] for d in _MIXED[1]])


def _always(_: str) -> bool:
    return True


def _shape(kind: str, pattern: str, right: Callable[[str], bool] = _always, cue: str = "", flags: int = 0) -> _Shape:
    cued = re.compile(rf"(?:{cue})", re.IGNORECASE) if cue else None
    return _Shape(kind, re.compile(ALONE + pattern + END, flags), right, cued)


SHAPES = (
    _shape("iban", r"[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?", _iban),
    _shape("us ssn", r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}"),
    _shape("us ssn", r"(?!000|666|9)[0-9]{3}[ ]?(?!00)[0-9]{2}[ ]?(?!0000)[0-9]{4}", cue=r"\bssn\b|social security"),
    _shape("uk nino", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", _british),
    _shape("uk nhs", r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", _weighed((10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 11), r"\bnhs\b"),
    _shape("nl bsn", r"[0-9]{8,9}", lambda t: _weighed((9, 8, 7, 6, 5, 4, 3, 2, -1), 11)(t.zfill(9)), "bsn|burgerserv"),
    _shape("es dni", r"(?:[XYZxyz][- ]?[0-9]{7}|[0-9]{8})[- ]?[A-HJ-NP-TV-Za-hj-np-tv-z]", _spanish),
    _shape("it codice fiscale", r"[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", _italian, "", re.IGNORECASE),
    _shape(
        "fr nir",
        r"[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        _french,
    ),
    _shape("de steuer-id", r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", _german, r"steuer|\btax\b|idnr|\btin\b"),
    _shape("br cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", _brazilian),
    _shape("br cpf", r"[0-9]{11}", _brazilian, r"\bcpf\b"),
    _shape("in aadhaar", r"[2-9][0-9]{3}[ -][0-9]{4}[ -][0-9]{4}", _indian),
    _shape("in aadhaar", r"[2-9][0-9]{11}", _indian, "aadha|uidai"),
    _shape("in pan", r"[A-Z]{3}[ABCFGHLJPT][A-Z][0-9]{4}[A-Z]", cue=r"\bpan\b"),
    _shape("pl pesel", r"[0-9]{11}", _weighed((1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10), "pesel"),
    _shape("se personnummer", r"(?:19|20)?[0-9]{6}[-+][0-9]{4}", _dated),
    _shape("fi hetu", r"[0-9]{6}[-+A][0-9]{3}[0-9A-Y]", _finnish),
    _shape("ca sin", r"[1-79][0-9]{2}[- ][0-9]{3}[- ][0-9]{3}", _luhn),
    _shape("ca sin", r"[1-79][0-9]{8}", _luhn, r"\bsin\b|social insurance"),
    _shape("au tfn", r"[0-9]{3} ?[0-9]{3} ?[0-9]{3}", _weighed((1, 4, 3, 7, 5, 8, 6, 9, 10), 11), r"\btfn\b|tax file"),
    _shape("ch ahv", r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", _weighed((1, 3) * 6 + (1,), 10)),
    _shape("card number", r"2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9 -]{12,15}", _luhn),
    _shape("phone", r"\+?(?:1[-. ])?\(?[2-9][0-9]{2}\)?[-. ]?[0-9]{3}[-. ]?[0-9]{4} ?(?:x|ext\.? ?)[0-9]{1,6}"),
    _shape("phone", r"\+?[0-9]{9,12}", cue=r"\b(?:call|phone|tel|mobile|cell|whatsapp|dial|fax|telefon)"),
    _shape("passport", r"(?=[A-Z0-9]{0,4}[0-9]{2})[A-Z0-9]{7,9}", cue=r"passport"),
)
"""Numbers of people and accounts by country, with the checks that their issuers publish."""


def _numbered(text: str) -> Iterator[Mark]:
    for shape in sorted(SHAPES, key=lambda s: s.cue is None):
        for found in shape.pattern.finditer(text):
            before = text[max(0, found.start() - CUED) : found.start()]
            if (shape.cue is None or shape.cue.search(before)) and shape.right(found[0]):
                yield Mark(shape.kind, *found.span())


# Networks


V4 = re.compile(r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z]|\.[0-9])")
V6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{2,39}(?![0-9A-Za-z:])")
NET = re.compile(r"\bip\b|address|server|host|\bdns\b|router|ping", re.IGNORECASE)


def _networked(text: str) -> Iterator[Mark]:
    for found in V4.finditer(text):
        parts = [int(part) for part in found[0].split(".")]
        cued = max(parts) > 9 or NET.search(text[max(0, found.start() - CUED) : found.start()])
        if max(parts) < 256 and cued:
            yield Mark("ip address", *found.span())
    for found in V6.finditer(text) if text.count(":") > 1 else ():
        if found[0].count(":") < 2 or not any(sign.isalnum() for sign in found[0]):
            continue
        try:
            ipaddress.IPv6Address(found[0])
        except ValueError:
            continue
        yield Mark("ip address", *found.span())


# Words


BIRTH = re.compile(
    r"(?:\bborn(?: on)?|date of birth|\bdob\b|\bbirth ?da(?:te|y)(?: is)?)\W{0,4}"
    r"(?P<date>[0-9]{1,4}[./ -][0-9]{1,2}[./ -][0-9]{2,4}|[0-9]{1,2}(?:st|nd|rd|th)? [A-Z][a-z]{2,8},? [0-9]{4}"
    r"|[A-Z][a-z]{2,8} [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4})",
    re.IGNORECASE,
)
_CAPITAL = r"[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'’-]{1,20}(?:[A-Z][a-z]{1,20})?"
_NAME = rf"(?P<name>{_CAPITAL}(?:[ ](?:(?:van|von|de|del|della|der|den|da|di|bin|al|el|la) ){{0,2}}{_CAPITAL}){{0,3}})"
_THEN = r"(?=[ ]{0,3}(?:,|(?:from|calling|speaking|here|and I)\b))"
NAMES = (
    re.compile(rf"\b(?i:my (?:full )?name(?:'s| is)|(?:i am|i'm) called|name\s?[:=]|customer\s?[:=])\s{{0,3}}{_NAME}"),
    re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Monsieur|Madame|Señora?|Sig|Signora)\.?[ ]{_NAME}"),
    re.compile(rf"^(?i:dear|hi|hello|hey)[ ]{_NAME}(?=[ ]{{0,3}}[,!:.\n])", re.MULTILINE),
    re.compile(
        rf"\b(?i:regards|sincerely|cheers|thanks|thank you|yours|best wishes),?[ ]{{0,3}}\n\s{{0,4}}{_NAME}"
        r"[ ]{0,3}(?:\n|$)"
    ),
    re.compile(rf"\b(?:[Tt]his is|I am|i am|I'm|i'm|[Ss]peaking with)[ ](?P<name>{_CAPITAL}[ ]{_CAPITAL}){_THEN}"),
)
"""What introduces a name, and the name."""
NO_NAMES = frozenset(
    (
        *("all", "everyone", "everybody", "team", "sir", "madam", "customer", "customers", "support", "there"),
        *("friend", "friends", "colleague", "colleagues", "manager", "service", "world", "user", "guest", "folks"),
    )
)


def _born(text: str) -> Iterator[Mark]:
    return (Mark("birth date", *found.span("date")) for found in BIRTH.finditer(text))


def _mailed(text: str) -> Iterator[Mark]:
    return (Mark("email", *found.span()) for found in EMAIL.finditer(text)) if "@" in text else iter(())


def _named(text: str) -> Iterator[Mark]:
    for pattern in NAMES:
        for found in pattern.finditer(text):
            if not NO_NAMES & set(found["name"].casefold().split()):
                yield Mark("name", *found.span("name"))


def _apart(found: Sequence[Mark]) -> Iterator[Mark]:
    """In order; of marks that overlap a secret, then the longest, and of equal ones the first that was told."""
    taken: list[tuple[int, int]] = []
    kept: list[Mark] = []
    for mark in sorted(found, key=lambda m: (m.kind not in SECRETS, m.start - m.end)):
        at = bisect_left(taken, (mark.start, mark.end))
        free = (at == 0 or taken[at - 1][1] <= mark.start) and (at == len(taken) or taken[at][0] >= mark.end)
        if free:
            taken.insert(at, (mark.start, mark.end))
            kept.append(mark)
    yield from sorted(kept, key=lambda m: m.start)
