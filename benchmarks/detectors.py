"""Detectors: how often are frozen facts and moving targets found where they were built in, and only there?

    python benchmarks/detectors.py [--only frozen moving] [--seeds 3] [--sizes 30 50 100 200 500] [--fails]

Reads public data from SUFFICE_DATA (default ../shared/data) and asks no model. Every kind of case is built several
times, on other draws and sizes; some data sets had no part in choosing any threshold and are counted apart (held out).
Facts: closed-book questions with answers from documents or gold contexts, paraphrased or mixed with behaviour. Not
facts: labels, extraction, rewrites, and answers whose passage is in the input. Moving: labels of some intents are other
ones since a day. Not moving: noise that is always there, and traffic whose kinds come and go. Histories: documents that
lose half of their sentences in two months, or in two years, looked at every month. `--fails` prints where each stops
working. A case counts as found where the decision is `facts`, `moving` or a rung is ruled out. Limits are exact ones
for independent cases; draws of one data set share items. Ends with `holds` where precision and recall are at least 0.9
for each detector, tuned and held out; exits 2 where there is no data.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from suffice.data import Context, Dataset, Example, Output
from suffice.documents import Corpus, Document, Section
from suffice.frozen import frozen
from suffice.moving import HALF_YEAR, answers_over_time, history_of
from suffice.stats.interval import proportion
from suffice.types import Json

DATA = Path(os.environ.get("SUFFICE_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
AIM = 0.9
PAGES = 600
"""Documents beside each case, those that hold its answers among them."""


@dataclass(frozen=True)
class Row:
    """One question: what is asked, what is right, and the page that holds it."""

    asked: Json
    answer: Json
    page: str = ""
    title: str = ""


@dataclass(frozen=True)
class Case:
    examples: Dataset
    documents: Sequence[Document] = ()


# Data sets


def lines(name: str) -> list[dict[str, Any]]:
    with (DATA / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@cache
def clapnq() -> list[Row]:
    rows = [r for r in lines("clapnq_dev/clapnq_dev.jsonl") if r["answerable"]]
    return [
        Row(r["input"], r["output"][0]["answer"], r["passages"][0]["text"], r["passages"][0]["title"]) for r in rows
    ]


@cache
def clapnq_quotes() -> list[Row]:
    """Answers that are sentences of the passage, word for word."""
    rows = [r for r in lines("clapnq_dev/clapnq_dev.jsonl") if r["answerable"]]
    quoted = [" ".join(r["output"][0]["selected_sentences"]) for r in rows]
    return [
        Row(r["input"], q, r["passages"][0]["text"], r["passages"][0]["title"])
        for r, q in zip(rows, quoted, strict=True)
        if q
    ]


@cache
def pubmedqa(field: str) -> list[Row]:
    return [Row(r["question"], r[field], "\n".join(r["contexts"])) for r in lines("pubmedqa_l/pqal.jsonl")]


@cache
def banking77() -> list[Row]:
    with (DATA / "banking77" / "train.csv").open(encoding="utf-8") as file:
        rows = [Row(r["text"], r["category"].replace("_", " ")) for r in csv.DictReader(file)]
    return shuffled(rows, 0)[:3000]


@cache
def clinc150() -> list[Row]:
    told = json.loads((DATA / "clinc150" / "data_full.json").read_text("utf-8"))
    return shuffled([Row(text, label.replace("_", " ")) for text, label in told["train"]], 0)[:6000]


@cache
def nq() -> list[Row]:
    return [
        Row(r["question"], r["answers"][0], r["passage"], r["title"])
        for r in lines("nq_open_oracle/nq_open_oracle.jsonl")
    ]


@cache
def xquad() -> list[Row]:
    told = json.loads((DATA / "xquad_en" / "xquad.en.json").read_text("utf-8"))["data"]
    parts = [p for article in told for p in article["paragraphs"]]
    return [Row(q["question"], q["answers"][0]["text"], p["context"]) for p in parts for q in p["qas"]]


@cache
def snips() -> list[Row]:
    """Slots as a record."""
    rows = [r for r in lines("snips_slots/snips.jsonl") if r["slots"]]
    return [Row(r["text"], {s["slot"]: s["value"] for s in r["slots"]}) for r in shuffled(rows, 0)[:4000]]


@cache
def snips_intents() -> list[Row]:
    return [Row(r["text"], r["intent"]) for r in shuffled(lines("snips_slots/snips.jsonl"), 0)[:3000]]


@cache
def restaurant8k() -> list[Row]:
    found = []
    for r in lines("restaurant8k/test.jsonl"):
        text = r["userInput"]["text"]
        spans = {
            x["slot"]: text[x["valueSpan"].get("startIndex", 0) : x["valueSpan"]["endIndex"]]
            for x in r.get("labels", [])
        }
        found += [Row(text, spans)] if spans else []
    return found


@cache
def wnut() -> list[Row]:
    """Names in noisy sentences, as a list in a record."""
    text = (DATA / "ner_conll" / "wnut17_train.conll").read_text("utf-8")
    found = []
    for block in text.split("\n\n"):
        pairs = [line.split("\t")[:2] for line in block.splitlines() if "\t" in line]
        names = [word for word, tag in pairs if tag != "O"]
        found += [Row(" ".join(word for word, _ in pairs), {"names": names})] if names else []
    return found


@cache
def spider() -> list[Row]:
    """Questions with their database's schema as the page."""
    tables = json.loads((DATA / "spider_dev" / "tables.json").read_text("utf-8"))
    known = {t["db_id"]: schema(t) for t in tables}
    rows = [r for r in lines("spider_dev/dev.jsonl") if r["db_id"] in known]
    return [Row(r["question"], r["query"], known[r["db_id"]], r["db_id"]) for r in rows]


def schema(told: Mapping[str, Any]) -> str:
    names = told["table_names_original"]
    columns: dict[int, list[str]] = defaultdict(list)
    for table, column in told["column_names_original"]:
        columns[table].append(column)
    return "\n".join(f"{name}({', '.join(columns[at])})" for at, name in enumerate(names))


def shuffled(rows: Sequence[Any], seed: int) -> list[Any]:
    found = list(rows)
    random.Random(seed).shuffle(found)
    return found


# Frozen facts: how a case is built

Build = Callable[[int, int], Case]


def pages(rows: Sequence[Row], others: Sequence[Row], seed: int) -> list[Document]:
    """The rows' pages among others, in any order."""
    told = dict.fromkeys((r.page, r.title) for r in (*rows, *shuffled(others, seed)) if r.page)
    kept = shuffled(list(told)[: max(PAGES, len({r.page for r in rows}))], seed)
    return [Document(f"{at}.md", "v", (Section(text, title),)) for at, (text, title) in enumerate(kept)]


def dataset(rows: Sequence[Row], output: Output = Output(), *, gold: bool = False) -> Dataset:
    cases = (
        Example(f"e{at}", r.asked, r.answer, context=(Context(None, r.page),) if gold else ())
        for at, r in enumerate(rows)
    )
    return Dataset(tuple(cases), output)


def drawn(rows: Sequence[Row], n: int, seed: int) -> list[Row]:
    return random.Random(f"{n} {seed}").sample(list(rows), min(n, len(rows)))


def closed(source: Callable[[], list[Row]], change: Callable[[Row, random.Random], Row] | None = None) -> Build:
    """Questions alone; the answers stand in documents."""

    def build(n: int, seed: int) -> Case:
        rng = random.Random(seed)
        rows = drawn(source(), n, seed)
        told = [change(r, rng) for r in rows] if change else rows
        return Case(dataset(told), pages(rows, source(), seed))

    return build


def gold(source: Callable[[], list[Row]]) -> Build:
    """Questions alone; the answers stand in each example's gold context, and there are no documents."""
    return lambda n, seed: Case(dataset(drawn(source(), n, seed), gold=True))


def opened(source: Callable[[], list[Row]]) -> Build:
    """Questions with their passage, which stands in the documents too."""

    def build(n: int, seed: int) -> Case:
        rows = drawn(source(), n, seed)
        told = [Row(f"{r.title}\n{r.page}\n\n{r.asked}", r.answer) for r in rows]
        return Case(dataset(told), pages(rows, source(), seed))

    return build


def beside(
    source: Callable[[], list[Row]],
    others: Callable[[], list[Row]],
    change: Callable[[Row, random.Random], Row] | None = None,
) -> Build:
    """A behaviour set beside documents that have nothing to do with it, or are made of its own inputs."""

    def build(n: int, seed: int) -> Case:
        rng = random.Random(seed)
        rows = [change(r, rng) if change else r for r in drawn(source(), n, seed)]
        shown = [Row("", "", r.page or str(r.asked), r.title) for r in others()]
        return Case(dataset(rows), pages([], shown, seed))

    return build


def labelled(source: Callable[[], list[Row]], *, contract: bool) -> Build:
    """Labels beside a page for each of them, made of its heading and of like requests."""

    def build(n: int, seed: int) -> Case:
        rows = drawn(source(), n, seed)
        heaps: dict[str, list[str]] = defaultdict(list)
        for r in source():
            heaps[str(r.answer)] += [str(r.asked)] if r not in rows else []
        documents = [
            Document(f"{at}.md", "v", (Section("\n".join(heaps[k]), k),)) for at, k in enumerate(sorted(heaps))
        ]
        output = Output("labels", tuple(sorted(heaps))) if contract else Output()
        return Case(dataset(rows, output), documents)

    return build


def mixed(facts: Callable[[], list[Row]], behaviour: Callable[[], list[Row]], share: float) -> Build:
    """Closed-book questions among examples of a behaviour."""

    def build(n: int, seed: int) -> Case:
        some, rest = drawn(facts(), round(n * share), seed), drawn(behaviour(), n - round(n * share), seed)
        return Case(dataset(shuffled([*some, *rest], seed)), pages(some, facts(), seed))

    return build


def paraphrased(row: Row, rng: random.Random) -> Row:
    """Sentences in another order, a fifth of the words left out, and something said around it."""
    sentences = [s.split() for s in str(row.answer).split(" . ")]
    rng.shuffle(sentences)
    kept = " ".join(w for s in sentences for w in s if rng.random() > 0.2)
    return Row(row.asked, f"As far as we know, {kept}. Please ask again should that not be clear.", row.page, row.title)


def wrapped(row: Row, rng: random.Random) -> Row:
    lead = rng.choice(["The answer is", "That would be", "Our records say"])
    return Row(row.asked, f"{lead} {row.answer}. Let me know whether that helps!", row.page, row.title)


def polite(row: Row, rng: random.Random) -> Row:
    lead = rng.choice(["Dear team, may I kindly ask:", "Good morning. I would be grateful for help with this:"])
    return Row(row.asked, f"{lead} {row.asked} With kind regards")


def telegram(row: Row, _: random.Random) -> Row:
    return Row(row.page or row.asked, " ".join(w for w in (row.page or str(row.asked)).upper().split() if len(w) > 3))


def sql_open(row: Row, _: random.Random) -> Row:
    return Row({"schema": row.page, "question": row.asked}, row.answer)


FACTS: Mapping[str, Mapping[str, Build]] = {
    "tuned": {
        "clapnq, closed book": closed(clapnq),
        "clapnq, gold contexts": gold(clapnq),
        "clapnq, paraphrased": closed(clapnq, paraphrased),
        "pubmedqa conclusions": closed(lambda: pubmedqa("long_answer")),
        "pubmedqa conclusions, gold": gold(lambda: pubmedqa("long_answer")),
        "clapnq 60 % + banking77": mixed(clapnq, banking77, 0.6),
    },
    "held out": {
        "nq, closed book": closed(nq),
        "nq, gold contexts": gold(nq),
        "nq, wrapped in a sentence": closed(nq, wrapped),
        "xquad, closed book": closed(xquad),
        "xquad, gold contexts": gold(xquad),
        "nq 60 % + snips slots": mixed(nq, snips, 0.6),
        "xquad 60 % + clinc150": mixed(xquad, clinc150, 0.6),
    },
}
BEHAVIOUR: Mapping[str, Mapping[str, Build]] = {
    "tuned": {
        "clapnq, passage in the input": opened(clapnq),
        "clapnq, quotes of the input": opened(clapnq_quotes),
        "pubmedqa yes, no, maybe": closed(lambda: pubmedqa("final_decision")),
        "pubmedqa yes, no, maybe, gold": gold(lambda: pubmedqa("final_decision")),
        "pubmedqa conclusions, open": opened(lambda: pubmedqa("long_answer")),
        "banking77 as text": beside(banking77, clapnq),
        "banking77 labels, page each": labelled(banking77, contract=True),
        "banking77 rewritten politely": beside(banking77, banking77, polite),
        "clapnq as telegrams": beside(clapnq, clapnq, telegram),
        "banking77 + clapnq 5 %": mixed(clapnq, banking77, 0.05),
    },
    "held out": {
        "nq, passage in the input": opened(nq),
        "xquad, passage in the input": opened(xquad),
        "snips slots, nq documents": beside(snips, nq),
        "snips slots, like requests": beside(snips, snips_intents),
        "restaurant8k slots": beside(restaurant8k, restaurant8k),
        "wnut17 names": beside(wnut, wnut),
        "clinc150 as text": beside(clinc150, nq),
        "clinc150 labels, page each": labelled(clinc150, contract=True),
        "clinc150 rewritten politely": beside(clinc150, clinc150, polite),
        "spider, schema in the input": beside(spider, spider, sql_open),
        "snips slots + nq 5 %": mixed(nq, snips, 0.05),
    },
}


def frozen_fails() -> dict[str, Build]:
    """Where it starts to fail."""
    shares = (0.1, 0.2, 0.3, 0.4, 0.5)
    return {
        **{f"clapnq {s:.0%} + banking77": mixed(clapnq, banking77, s) for s in shares},
        **{f"nq {s:.0%} + snips slots": mixed(nq, snips, s) for s in shares},
        "banking77 as text, page each (no facts)": labelled(banking77, contract=False),
        "clinc150 as text, page each (no facts)": labelled(clinc150, contract=False),
        "spider, schema in documents (disputable)": closed(spider),
    }


def is_frozen(build: Build, n: int, seed: int) -> bool:
    case = build(n, seed)
    return frozen(case.examples, case.documents, seed=seed).decision == "facts"


# Moving targets

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Drift:
    """What is planted: the share of examples whose kind has another label since a time, noise, and traffic."""

    share: float = 0.0
    noise: float = 0.0
    season: float = 0.0
    """0: steady traffic. Larger: kinds come and go; at 1 some are there for a part of the time only."""
    new: bool = False
    """Whether the other label is one that nobody has seen."""
    slow: float = 0.0
    """Over which part of the time the change is made, a growing share of examples at a time."""


def timeline(rows: Sequence[Row], told: Drift, n: int, seed: int, each: int = 20) -> list[Example]:
    """`each` examples of n / each kinds (or of all there are), over 300 days."""
    rng = random.Random(f"{n} {seed} {told}")
    kinds = sorted({str(r.answer) for r in rows})
    kinds = rng.sample(kinds, min(len(kinds), max(4, n // each)))
    found = shuffled([r for r in rows if str(r.answer) in kinds], seed)[:n]
    shape = {k: (1 + told.season * rng.uniform(-0.6, 3), 1 + told.season * rng.uniform(-0.6, 3)) for k in kinds}
    moved = dict(planted(found, kinds, told, rng))
    when = rng.uniform(0.3, 0.7)
    examples = []
    for at, r in enumerate(found):
        kind, place = str(r.answer), rng.betavariate(*shape[str(r.answer)])
        since = (place - when) / told.slow if told.slow else float(place >= when)
        label = moved[kind] if kind in moved and rng.random() < since else kind
        label = rng.choice(kinds) if rng.random() < told.noise else label
        examples.append(Example(f"e{at}", r.asked, label, time=(START + timedelta(days=300 * place)).isoformat()))
    return examples


def planted(rows: Sequence[Row], kinds: Sequence[str], told: Drift, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Kinds whose label changes, until they hold the share, and the other label."""
    held = 0
    for kind in rng.sample(list(kinds), len(kinds)):
        if held >= told.share * len(rows):
            return
        held += sum(str(r.answer) == kind for r in rows)
        yield kind, f"{kind} (new)" if told.new else rng.choice([k for k in kinds if k != kind])


MOVES: Mapping[str, Drift] = {
    "a fifth": Drift(0.2),
    "a fifth, to a new label": Drift(0.2, new=True),
    "a fifth, 10 % noise": Drift(0.2, 0.1),
    "two fifths, 20 % noise": Drift(0.4, 0.2),
    "a quarter, over 60 days": Drift(0.25, slow=0.2),
    "a quarter, seasons": Drift(0.25, season=0.5),
}
STAYS: Mapping[str, Drift] = {
    "steady": Drift(),
    "10 % noise": Drift(noise=0.1),
    "30 % noise": Drift(noise=0.3),
    "seasons": Drift(season=0.5),
    "strong seasons": Drift(season=1.0),
    "strong seasons, 10 % noise": Drift(noise=0.1, season=1.0),
}
INTENTS: Mapping[str, Mapping[str, Callable[[], list[Row]]]] = {
    "tuned": {"banking77": banking77},
    "held out": {"clinc150": clinc150, "snips": snips_intents},
}
SIZES_OVER_TIME = (100, 200, 400)


def is_moving(rows: Sequence[Row], told: Drift, n: int, seed: int, folder: Path, each: int = 20) -> bool:
    return answers_over_time(timeline(rows, told, n, seed, each), folder=folder, seed=seed).decision == "moving"


# Histories of documents


def history(rows: Sequence[Row], half_life: float, documents: int, seed: int, folder: Path) -> Corpus:
    """Copies every 30 days for a year; sentences are replaced by others of the same data, at a constant rate."""
    rng, place = random.Random(f"{half_life} {documents} {seed}"), folder / f"{half_life}-{documents}-{seed}"
    pool = [s for r in rows for s in r.page.split(" . ") if s.strip()]
    gone = 1 - 0.5 ** (30 / half_life)
    for at, r in enumerate(rng.sample(list(rows), documents)):
        said = [s for s in r.page.split(" . ") if s.strip()]
        for look in range(13):
            day = date(2026, 1, 1) + timedelta(days=30 * look)
            path = place / f"page{at}-{day}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(".\n".join(said), encoding="utf-8")
            said = [rng.choice(pool) if rng.random() < gone else s for s in said]
    return Corpus(place)


def is_short(rows: Sequence[Row], half_life: float, documents: int, seed: int, folder: Path) -> tuple[bool, bool]:
    """Whether tuning is ruled out, and whether the interval holds the truth."""
    life = history_of(history(rows, half_life, documents, seed, folder)).half_life
    assert life is not None
    covered = life.low <= half_life and (life.high is None or half_life <= life.high)
    return life.days is not None and life.days < HALF_YEAR, covered


# Printing


@dataclass
class Tally:
    """Cases that were flagged, of how many, for positives and negatives."""

    hit: int = 0
    positive: int = 0
    false: int = 0
    negative: int = 0

    def add(self, flags: Sequence[bool], *, positive: bool) -> None:
        if positive:
            self.hit, self.positive = self.hit + sum(flags), self.positive + len(flags)
        else:
            self.false, self.negative = self.false + sum(flags), self.negative + len(flags)

    @property
    def holds(self) -> bool:
        return self.hit >= AIM * self.positive and self.hit >= AIM * (self.hit + self.false)

    def __str__(self) -> str:
        precision, recall = rate(self.hit, self.hit + self.false), rate(self.hit, self.positive)
        return f"precision {precision}, recall {recall}, false alarms {rate(self.false, self.negative)}"


def rate(k: int, n: int) -> str:
    if not n:
        return "none"
    found = proportion(k, n)
    return f"{found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}] of {n}"


def row(name: str, flags: Mapping[int, Sequence[bool]]) -> list[bool]:
    """A line a kind: flagged in all, and by size."""
    together = [flag for some in flags.values() for flag in some]
    sizes = "  ".join(f"{n}: {sum(some)}/{len(some)}" for n, some in flags.items())
    print(f"    {name:42} {rate(sum(together), len(together)):28} {sizes}", flush=True)
    return together


def frozen_table(options: argparse.Namespace) -> bool:
    holds = True
    for part in ("tuned", "held out"):
        tally, start = Tally(), time.perf_counter()
        for title, kinds, positive in (("facts", FACTS[part], True), ("behaviour", BEHAVIOUR[part], False)):
            print(f"  frozen facts, {part}: {title}; flagged of all cases, and by size")
            for name, build in kinds.items():
                found = {n: [is_frozen(build, n, seed) for seed in range(options.seeds)] for n in options.sizes}
                tally.add(row(name, found), positive=positive)
        print(f"  frozen facts, {part}: {tally} ({time.perf_counter() - start:.0f} s)\n")
        holds &= tally.holds
    if options.fails:
        print("  frozen facts, where it starts to fail")
        for name, build in frozen_fails().items():
            row(name, {n: [is_frozen(build, n, seed) for seed in range(options.seeds)] for n in options.sizes})
    return holds


def moving_table(options: argparse.Namespace, folder: Path) -> bool:
    holds = True
    for part, sets in INTENTS.items():
        tally, start = Tally(), time.perf_counter()
        for title, kinds, positive in (("moving", MOVES, True), ("not moving", STAYS, False)):
            print(f"  moving target, {part}: {title}; flagged of all cases, and by size")
            for data, source in sets.items():
                for name, told in kinds.items():
                    found = {
                        n: [is_moving(source(), told, n, seed, folder) for seed in range(2 * options.seeds)]
                        for n in SIZES_OVER_TIME
                    }
                    tally.add(row(f"{data}, {name}", found), positive=positive)
        print(f"  moving target, {part}: {tally} ({time.perf_counter() - start:.0f} s)\n")
        holds &= tally.holds
    if options.fails:
        moving_fails(options, folder)
    return holds


def moving_fails(options: argparse.Namespace, folder: Path) -> None:
    print("  moving target, where it starts to fail (banking77, 200 and 400 examples)")
    told: dict[str, tuple[Drift, int]] = {f"{s:.0%} moved": (Drift(s), 20) for s in (0.05, 0.1, 0.15)}
    told |= {f"a fifth, {each} a kind": (Drift(0.2), each) for each in (5, 10, 15)}
    told |= {f"strong seasons, {each} a kind": (Drift(season=1.0), each) for each in (5, 10, 15)}
    for name, (drift, each) in told.items():
        found = {
            n: [is_moving(banking77(), drift, n, seed, folder, each) for seed in range(2 * options.seeds)]
            for n in (200, 400)
        }
        row(name, found)


def history_table(options: argparse.Namespace, folder: Path) -> bool:
    holds = True
    for part, source in (("tuned", clapnq), ("held out", nq)):
        tally, covered = Tally(), []
        print(f"  histories, {part}: tuning ruled out (half-life under {HALF_YEAR:.0f} days), by documents")
        for days in (20, 60, 120, 300, 700, 2000):
            found = {
                n: [is_short(source(), days, n, seed, folder) for seed in range(3 * options.seeds)] for n in (1, 5, 20)
            }
            covered += [c for some in found.values() for _, c in some]
            flags = row(f"half-life of {days} days", {n: [f for f, _ in some] for n, some in found.items()})
            tally.add(flags, positive=days < HALF_YEAR)
        print(f"  histories, {part}: {tally}; the interval holds the truth: {rate(sum(covered), len(covered))}\n")
        holds &= tally.holds
    return holds


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--only", nargs="+", choices=("frozen", "moving", "history"))
    told.add_argument("--seeds", type=int, default=3)
    told.add_argument("--sizes", type=int, nargs="+", default=[30, 50, 100, 200, 500])
    told.add_argument("--fails", action="store_true", help="print where the detectors stop working")
    options = told.parse_args()
    if not DATA.is_dir():
        print(f"no data sets at {DATA}: set SUFFICE_DATA to their folder")
        return 2
    asked, holds = options.only or ("frozen", "moving", "history"), []
    with tempfile.TemporaryDirectory(prefix="suffice-detectors-") as scratch:
        if "frozen" in asked:
            holds.append(frozen_table(options))
        if "moving" in asked:
            holds.append(moving_table(options, Path(scratch)))
        if "history" in asked:
            holds.append(history_table(options, Path(scratch)))
    print("holds" if all(holds) else f"does not hold: somewhere precision or recall is under {AIM}")
    return 0 if all(holds) else 1


if __name__ == "__main__":
    sys.exit(main())
