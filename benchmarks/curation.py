"""Curation: of what was planted into real data, how much is found, and how much else is named with it?

    python benchmarks/curation.py [--sets banking77 clinc150 snips_slots] [--rows 2000] [--test 400] [--seeds 0 1 2]
        [--rate 0.03] [--large 100000]

Reads public data from SUFFICE_DATA (default ../shared/data) and asks no model. Into rows of each set are planted, each
at the rate given: duplicates (same, other case and signs, a letter wrong, a word added), contradictions, flipped
labels, personal data and secrets of each kind, decoys that only look like them, copies of test items (same, other case,
quoted in a longer text), and rows that are far too long, no text, or whose reply breaks the contract. What is found
without planting is left out of the count, and its number told: nobody knows whether it is right. Precision and recall
are over all seeds, F1 is the mean over them with the lowest and highest. Ends with rows per CPU second on `--large`
rows, and with `holds` where every kind but flipped labels and names in running text reaches an F1 of 0.9 on every set;
exits 2 where there is no data.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from suffice.curate import Candidate, clean, doubts_of
from suffice.data import Dataset, Example, Output
from suffice.personal import marks
from suffice.plugins import find
from suffice.task import Task
from suffice.types import Json

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
AIM = 0.9
DESCRIBED = frozenset({"flipped label", "name in running text"})
"""Kinds that are told and not aimed at: labels are only doubted, and such names are said not to be recognised."""
SLOTS = {
    "type": "object",
    "properties": {"intent": {"type": "string"}, "slots": {"type": "object"}},
    "required": ["intent", "slots"],
}


def banking77() -> tuple[list[tuple[str, Json]], Output]:
    with (DATA / "banking77" / "train.csv").open(encoding="utf-8") as file:
        rows: list[tuple[str, Json]] = [(r["text"], r["category"]) for r in csv.DictReader(file)]
    return rows, Output("labels", tuple(sorted({str(label) for _, label in rows})))


def clinc150() -> tuple[list[tuple[str, Json]], Output]:
    told = json.loads((DATA / "clinc150" / "data_full.json").read_text("utf-8"))
    rows: list[tuple[str, Json]] = [(text, label) for text, label in told["train"]]
    return rows, Output("labels", tuple(sorted({str(label) for _, label in rows})))


def snips_slots() -> tuple[list[tuple[str, Json]], Output]:
    with (DATA / "snips_slots" / "snips.jsonl").open(encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    rows: list[tuple[str, Json]] = [
        (r["text"].strip(), {"intent": r["intent"], "slots": {s["slot"]: s["value"] for s in r["slots"]}})
        for r in found
    ]
    return rows, Output("schema", schema=SLOTS)


SETS: Mapping[str, Callable[[], tuple[list[tuple[str, Json]], Output]]] = {
    "banking77": banking77,
    "clinc150": clinc150,
    "snips_slots": snips_slots,
}


# Planting


@dataclass
class Planted:
    """Candidates, and by kind the ids that were planted."""

    candidates: list[Candidate]
    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    partners: dict[str, str] = field(default_factory=dict)
    """Of a planted copy, the row that it copies."""


def planted(rows: Sequence[Example], test: Sequence[Example], output: Output, rate: float, seed: int) -> Planted:
    """The rows with everything planted, shuffled."""
    drawn = random.Random(f"curation {seed}")
    found, count = Planted([]), max(5, round(rate * len(rows)))
    free = list(range(len(rows)))
    drawn.shuffle(free)
    changed = {e.id: e for e in rows}
    added: list[Example] = []

    def some(fits: Callable[[Example], bool] = lambda _: True) -> list[Example]:
        taken = [at for at in free if fits(rows[at])][:count]
        for at in taken:
            free.remove(at)
        return [rows[at] for at in taken]

    def add(kind: str, like: Example, text: str, expected: Json) -> None:
        new = Example(f"{kind}:{len(added)}", text, expected)
        added.append(new)
        found.ids[kind].add(new.id)
        found.partners[new.id] = like.id

    for kind, worded in COPIES.items():
        for e in some(lambda e: len(str(e.input).split()) >= 5):
            add(kind, e, worded(str(e.input), drawn), e.expected)
    for e in some():
        add("contradiction", e, str(e.input), _other(e.expected, rows, drawn))
    for e in some(lambda e: len(str(e.input).split()) >= 5):
        add("near contradiction", e, _cased(str(e.input), drawn), _other(e.expected, rows, drawn))
    for e in some() if output.kind == "labels" else ():
        changed[e.id] = replace(e, expected=_other(e.expected, rows, drawn))
        found.ids["flipped label"].add(e.id)
    for kind, made in {**PERSONAL, **SECRETS, **DECOYS}.items():
        for e in some()[: max(3, count // 4)]:
            changed[e.id] = replace(
                e, input=f"{e.input} {made(drawn)}" if drawn.random() < 0.7 else f"{made(drawn)}. {e.input}"
            )
            found.ids[kind].add(e.id)
    long = [t for t in test if len(str(t.input).split()) >= 9]
    for kind, items, worded in (
        ("test item", drawn.sample(list(test), count), lambda t: t),
        ("near test item", drawn.sample(list(test), count), lambda t: _cased(t, drawn)),
        ("quoted test item", drawn.sample(long, min(count, len(long))), _quoting),
    ):
        for e in items:
            add(kind, e, worded(str(e.input)), e.expected)
    for e in some():
        changed[e.id] = replace(e, input=" ".join(str(drawn.choice(rows).input) for _ in range(drawn.randint(60, 120))))
        found.ids["far too long"].add(e.id)
    for e in some():
        changed[e.id] = replace(e, input=_noise(drawn))
        found.ids["no text"].add(e.id)
    for e in some():
        broken: Json = f"{e.expected}?" if output.kind == "labels" else {"intent": 3}
        changed[e.id] = replace(e, expected=broken)
        found.ids["broken contract"].add(e.id)
    everything = [*changed.values(), *added]
    drawn.shuffle(everything)
    found.candidates = [Candidate(e) for e in everything]
    return found


def _other(expected: Json, rows: Sequence[Example], drawn: random.Random) -> Json:
    return next(e.expected for e in iter(lambda: drawn.choice(rows), None) if e.expected != expected)


def _cased(text: str, drawn: random.Random) -> str:
    made = drawn.choice((text.upper(), text.lower(), text.title()))
    return drawn.choice((f"{made}!", f" {made}", made.replace(" ", "  "), f"{made} ...", made.replace("'", "’")))


def _misspelt(text: str, drawn: random.Random) -> str:
    """One letter swapped, left out or doubled inside one word of six letters or more, else of the longest."""
    words = text.split()
    long = [at for at, w in enumerate(words) if w.isalpha() and len(w) >= 6]
    at = drawn.choice(long) if long else max(range(len(words)), key=lambda i: len(words[i]))
    word, place = words[at], drawn.randint(1, max(1, len(words[at]) - 2))
    kind = drawn.choice(("swap", "drop", "double"))
    swapped = word[:place] + word[place + 1 : place + 2] + word[place] + word[place + 2 :]
    words[at] = {
        "swap": swapped,
        "drop": word[:place] + word[place + 1 :],
        "double": word[:place] + word[place] + word[place:],
    }[kind]
    return " ".join(words)


def _slipped(text: str, drawn: random.Random) -> str:
    """One letter wrong in any word of four letters or more."""
    words = text.split()
    at = drawn.choice([i for i, w in enumerate(words) if len(w) >= 4] or [0])
    place = drawn.randint(1, max(1, len(words[at]) - 1))
    words[at] = words[at][:place] + drawn.choice("abcdefghijklmnopqrstuvwxyz") + words[at][place + 1 :]
    return " ".join(words)


def _added(text: str, drawn: random.Random) -> str:
    """A word of courtesy, where the text is long enough for it to be little."""
    return drawn.choice((f"please {text}", f"{text} please", f"hi {text}", f"{text} thanks"))


def _quoting(text: str) -> str:
    return f"A customer wrote to us this morning, and what she asked was: {text} What shall I tell her in return?"


def _noise(drawn: random.Random) -> str:
    signs = "".join(drawn.choice("=+/*#@|<>{}[]~^_%&$?!;") for _ in range(drawn.randint(15, 60)))
    tag = drawn.choice(("div", "span", "td", "li"))
    return drawn.choice(
        (
            f"{signs} {drawn.randint(0, 99)}",
            "caf? {} r?gl?e".replace("?", "\N{REPLACEMENT CHARACTER}").format(drawn.randint(0, 999)),
            f'<{tag} id="{drawn.randint(0, 9999)}"><p>&nbsp;</p></{tag}>' * drawn.randint(1, 4),
            f"{signs[:9]}{'?!' * drawn.randint(4, 12)}{drawn.randint(0, 99)}",
        )
    )


COPIES: Mapping[str, Callable[[str, random.Random], str]] = {
    "same": lambda text, _: text,
    "other case": _cased,
    "letter wrong": _misspelt,
    "letter wrong anywhere": _slipped,
    "word added": _added,
}
FIRST = ("Ada", "Grace", "Alan", "Katherine", "Edsger", "Barbara", "Niklaus", "Radia", "Leslie", "Frances")
LAST = ("Lovelace", "Hopper", "Turing", "Johnson", "Dijkstra", "Liskov", "Wirth", "Perlman", "Lamport", "Allen")


def _digits(n: int, drawn: random.Random) -> str:
    return str(drawn.randint(1, 9)) + "".join(drawn.choice("0123456789") for _ in range(n - 1))


def _checked(n: int, right: Callable[[str], bool], drawn: random.Random) -> str:
    """A number of n digits that its own rule accepts."""
    return next(made for made in iter(lambda: _digits(n, drawn), None) if right(made))


def _luhn(text: str) -> bool:
    total = 0
    for place, sign in enumerate(reversed(text)):
        doubled = int(sign) * (2 if place % 2 else 1)
        total += doubled // 10 + doubled % 10
    return total % 10 == 0


def _iban(drawn: random.Random, wrong: int = 0) -> str:
    country, length = drawn.choice((("DE", 18), ("NL", 0), ("FR", 23), ("ES", 20), ("AT", 16)))
    inner = "ABNA" + _digits(10, drawn) if country == "NL" else _digits(length, drawn)
    value = int("".join(str(int(c, 36)) for c in f"{inner}{country}00"))
    check = (98 - value % 97 + wrong - 2) % 97 + 2 if wrong else 98 - value % 97
    whole = f"{country}{check:02}{inner}"
    return " ".join(whole[i : i + 4] for i in range(0, len(whole), 4)) if drawn.random() < 0.5 else whole


def _name(drawn: random.Random) -> str:
    return f"{drawn.choice(FIRST)} {drawn.choice(LAST)}"


def _card(drawn: random.Random) -> str:
    made = _checked(15, lambda t: _luhn(f"4{t}"), drawn)
    whole = f"4{made}"
    return drawn.choice((whole, " ".join(whole[i : i + 4] for i in range(0, 16, 4))))


def _ssn(drawn: random.Random) -> str:
    return f"{drawn.randint(100, 665)}-{drawn.randint(10, 99)}-{drawn.randint(1000, 9999)}"


def _cpf(drawn: random.Random) -> str:
    nine = [int(d) for d in _digits(9, drawn)]
    for n in (10, 11):
        rest = sum(d * w for d, w in zip(nine, range(n, 1, -1), strict=False)) % 11
        nine.append(0 if rest < 2 else 11 - rest)
    text = "".join(map(str, nine))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def _dni(drawn: random.Random) -> str:
    number = _digits(8, drawn)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[int(number) % 23]}"


def _bsn(drawn: random.Random) -> str:
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    right = lambda t: sum(int(d) * w for d, w in zip(t, weights, strict=True)) % 11 == 0  # noqa: E731
    return _checked(9, right, drawn)


def _phone(drawn: random.Random) -> str:
    return drawn.choice(
        (
            f"+49 30 {_digits(7, drawn)}",
            f"+44 20 {_digits(4, drawn)} {_digits(4, drawn)}",
            f"({drawn.randint(201, 989)}) {drawn.randint(200, 999)}-{drawn.randint(1000, 9999)}",
            f"{drawn.randint(201, 989)}-{drawn.randint(200, 999)}-{drawn.randint(1000, 9999)}",
            f"0{drawn.randint(20, 99)}{_digits(8, drawn)}",
        )
    )


SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def _token(n: int, drawn: random.Random, letters: str = SIGNS) -> str:
    return "".join(drawn.choice(letters) for _ in range(n - 1)) + drawn.choice("234567")


def _email(drawn: random.Random) -> str:
    host = drawn.choice(("example.com", "mail.example.org", "firma.example.de"))
    return f"{drawn.choice(FIRST).lower()}.{drawn.choice(LAST).lower()}{drawn.randint(1, 99)}@{host}"


def _address(drawn: random.Random) -> str:
    four = f"{drawn.randint(11, 223)}.{drawn.randint(0, 255)}.{drawn.randint(0, 255)}.{drawn.randint(1, 254)}"
    return drawn.choice((four, f"2001:db8::{drawn.randint(1, 9999):x}:{drawn.randint(1, 9999):x}"))


def _birth(drawn: random.Random) -> str:
    day, month, year = drawn.randint(1, 28), drawn.randint(1, 12), drawn.randint(1950, 2005)
    return drawn.choice((f"I was born on {day}.{month}.{year}", f"DOB: {year}-{month:02}-{day:02}"))


def _introduced(drawn: random.Random) -> str:
    told = drawn.choice(("my name is {}", "Name: {}", "I'm called {}", "\nRegards,\n{}\n", "this is {} from Leeds"))
    return drawn.choice((told.format(_name(drawn)), f"ask for Mrs. {drawn.choice(LAST)}"))


def _key(drawn: random.Random) -> str:
    known = (("sk-", 32), ("ghp_", 36), ("AIza", 35), ("api_key=", 32))
    mark, n = drawn.choice(known)
    return f"{mark}{_token(n, drawn)}"


def _password(drawn: random.Random) -> str:
    return drawn.choice((f"password: {_token(12, drawn)}", f"postgres://app:{_token(10, drawn)}@db.example.com/x"))


def _decoy(drawn: random.Random) -> str:
    numbers = [drawn.randint(0, 9) for _ in range(4)]
    time_ = f"{drawn.randint(0, 23):02}:{drawn.randint(10, 59)}:{drawn.randint(10, 59)}"
    return drawn.choice(
        (
            f"order {_digits(drawn.choice((6, 9, 12)), drawn)}",
            f"version {'.'.join(map(str, numbers))}",
            f"on {drawn.randint(2020, 2026)}-{drawn.randint(1, 12):02}-{drawn.randint(1, 28):02} at {time_}",
            f"it cost {drawn.randint(1, 999)},{drawn.randint(100, 999)}.{drawn.randint(10, 99)} dollars",
            f"reference {_iban(drawn, wrong=drawn.randint(1, 95))}",
            f"item {_checked(16, lambda t: not _luhn(t), drawn)}",
            f"the token is lost and the password was {drawn.choice(('reset', 'wrong', 'changed'))}",
            "Dear team, this is Great News",
        )
    )


Maker = Callable[[random.Random], str]
PERSONAL: Mapping[str, Maker] = {
    "email": lambda r: f"write to {_email(r)}",
    "phone": lambda r: f"call me on {_phone(r)}",
    "iban": lambda r: f"my account is {_iban(r)}",
    "card number": lambda r: f"the card is {_card(r)}",
    "ip address": lambda r: f"from {_address(r)}",
    "us ssn": lambda r: f"my social is {_ssn(r)}",
    "br cpf": lambda r: f"documento {_cpf(r)}",
    "es dni": lambda r: f"mi DNI es {_dni(r)}",
    "nl bsn": lambda r: f"mijn BSN is {_bsn(r)}",
    "birth date": _birth,
    "name": _introduced,
    "name in running text": lambda r: f"as {_name(r)} told me yesterday",
}
SECRETS: Mapping[str, Maker] = {
    "api key": _key,
    "aws key": lambda r: f"AKIA{_token(16, r, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}",
    "token": lambda r: f"Authorization: Bearer {_token(40, r)}",
    "password": _password,
}
DECOYS: Mapping[str, Maker] = {"decoy": _decoy}


# Measuring


@dataclass
class Found:
    """Ids found by kind of finding."""

    duplicate: set[str]
    conflict: set[str]
    leaked: set[str]
    outlier: set[str]
    contract: set[str]
    doubted: set[str]
    marked: dict[str, set[str]]


def found_in(
    candidates: Sequence[Candidate], task: Task, test: Sequence[Example], embedder: str | None
) -> tuple[Found, float]:
    """What curation finds, and its CPU seconds (doubting labels is timed apart, and not among them)."""
    start = time.process_time()
    cleaned = clean(candidates, task, judging=test)
    spent = time.process_time() - start
    marked: dict[str, set[str]] = {}
    for c in candidates:
        marked[c.id] = {m.kind for m in marks(c.example.text)}
    by = {step: {d.candidate.id for d in cleaned.left_out(step)} for step in ("contract", "contamination", "outlier")}
    # of a row and its copy either may be the one that stays
    duplicate = {i for d in cleaned.left_out("duplicate") for i in (d.candidate.id, *d.beside)}
    conflict = {i for d in cleaned.left_out("conflict") for i in (d.candidate.id, *d.beside)}
    doubted = {s.id for s in doubts_of(cleaned.kept, task, embedder)[0]}
    return Found(duplicate, conflict, by["contamination"], by["outlier"], by["contract"], doubted, marked), spent


Score = tuple[int, int, int]
"""Planted ones that were found, planted ones, and others that were named."""


def scores(found: Found, before: Found, p: Planted) -> dict[str, Score]:
    """By kind; what was found before planting is no false alarm."""
    originals = set(p.partners.values())
    copies = set().union(*(p.ids[kind] for kind in COPIES))
    against = p.ids["contradiction"] | p.ids["near contradiction"]
    leaks = p.ids["test item"] | p.ids["near test item"] | p.ids["quoted test item"]
    made: dict[str, Score] = {}

    def told(kinds: Sequence[str], named: set[str], natural: set[str], planted_: set[str]) -> None:
        others = named - planted_ - natural - originals
        for kind in kinds:
            made[kind] = len(p.ids[kind] & named), len(p.ids[kind]), len(others)

    told(list(COPIES), found.duplicate, before.duplicate, copies | leaks)
    told(["contradiction", "near contradiction"], found.conflict, before.conflict, against | copies)
    told(["test item", "near test item", "quoted test item"], found.leaked, before.leaked, leaks)
    odd = p.ids["far too long"] | p.ids["no text"]
    named = found.outlier | (found.contract & p.ids["no text"])
    told(["far too long", "no text"], named, before.outlier, odd)
    told(["broken contract"], found.contract, before.contract, p.ids["broken contract"])
    if p.ids["flipped label"]:
        told(["flipped label"], found.doubted, before.doubted, p.ids["flipped label"])
    for kind in (*PERSONAL, *SECRETS):
        sought = kind.removesuffix(" in running text")
        named = {id_ for id_, kinds in found.marked.items() if sought in kinds}
        natural = {id_ for id_, kinds in before.marked.items() if sought in kinds}
        own = p.ids[kind] | (p.ids["name"] if sought == "name" else set())
        # a card in a card-shaped place, copies and leaks of marked rows are marked rightly
        told([kind], named, natural | odd, own)
    return made


def measured(name: str, options: argparse.Namespace, folder: Path) -> dict[str, list[Score]]:
    """Scores by kind, one a seed."""
    rows, output = SETS[name]()
    told: dict[str, list[Score]] = defaultdict(list)
    embedder = "minilm" if options.meaning else None
    for seed in options.seeds:
        drawn = list(rows)
        random.Random(seed).shuffle(drawn)
        cases = [
            Example(f"q{at:05}", text, value) for at, (text, value) in enumerate(drawn[: options.rows + options.test])
        ]
        test, dev = cases[: options.test], cases[options.test :]
        scorer = find("scorers", "label" if output.kind == "labels" else "json")()
        task = Task(name, name, Dataset(tuple(dev), output, scorer), output=output, folder=folder, seed=seed)
        before, _ = found_in([Candidate(e) for e in dev], task, test, embedder)
        p = planted(dev, test, output, options.rate, seed)
        found, spent = found_in(p.candidates, task, test, embedder)
        for kind, score in scores(found, before, p).items():
            told[kind].append(score)
        natural = [len(x) for x in (before.duplicate, before.conflict, before.leaked, before.outlier, before.doubted)]
        print(
            f"  seed {seed}: {len(p.candidates)} rows, {len(p.candidates) / spent:.0f} rows per CPU second; unplanted: "
            f"{natural[0]} duplicates, {natural[1]} contradictions, {natural[2]} test items, {natural[3]} outliers, "
            f"{natural[4]} doubted labels"
        )
    return told


def f1(score: Score) -> float:
    hit, planted_, others = score
    return 2 * hit / (hit + planted_ + others) if planted_ else 1.0


def shown(kind: str, told: Sequence[Score]) -> str:
    hit, planted_, others = (sum(s[at] for s in told) for at in range(3))
    precision = hit / (hit + others) if hit + others else 0.0
    each = [f1(s) for s in told]
    return (
        f"  {kind:22} {planted_:5} planted  precision {precision:.2f}  recall {hit / max(1, planted_):.2f}  "
        f"F1 {sum(each) / len(each):.2f} [{min(each):.2f}, {max(each):.2f}]"
    )


def large(n: int, folder: Path) -> None:
    """Rows per CPU second where there are many: rows of all sets, most of them lengthened by other rows' words."""
    drawn = random.Random(0)
    texts = [text for name in SETS for text, _ in SETS[name]()[0]]
    made = [
        f"{drawn.choice(texts)} {drawn.choice(texts)}" if drawn.random() < 0.7 else drawn.choice(texts)
        for _ in range(n)
    ]
    candidates = [Candidate(Example(f"q{at}", text, text[:20])) for at, text in enumerate(made)]
    test = [Example(f"t{at}", drawn.choice(texts), "x") for at in range(500)]
    task = Task("large", "large", Dataset(tuple(c.example for c in candidates)), folder=folder)
    start = time.process_time()
    cleaned = clean(candidates, task, judging=test)
    spent = time.process_time() - start
    print(f"{n} rows: {spent:.0f} CPU seconds, {n / spent:.0f} rows a second, {len(cleaned.kept)} kept")


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    told.add_argument("--rows", type=int, default=2000)
    told.add_argument("--test", type=int, default=400)
    told.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    told.add_argument("--rate", type=float, default=0.03)
    told.add_argument("--meaning", action="store_true", help="doubt labels by meanings too, as curation does; slow")
    told.add_argument("--large", type=int, default=0)
    options = told.parse_args()
    if not DATA.is_dir():
        print(f"no data sets at {DATA}: set SUFFICE_DATA to their folder")
        return 2
    low: list[str] = []
    with tempfile.TemporaryDirectory(prefix="suffice-curation-") as scratch:
        for name in options.sets:
            print(f"{name}, {options.rate:.0%} planted of each kind, seeds {options.seeds}")
            for kind, each in measured(name, options, Path(scratch)).items():
                print(shown(kind, each))
                mean = sum(map(f1, each)) / len(each)
                low += [f"{name}: {kind} {mean:.2f}"] if mean < AIM and kind not in DESCRIBED else []
        if options.large:
            large(options.large, Path(scratch))
    print("holds" if not low else f"does not hold: {'; '.join(low)}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
