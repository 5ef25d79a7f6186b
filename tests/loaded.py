"""A load run: three stacks over the metered endpoint, priced from a sample, then billed for other requests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from metered import Meter

from suffice.bills import Prices, Tariff, bill_of
from suffice.cost import Cost, cost_of
from suffice.data import Dataset, Example
from suffice.digest import plain
from suffice.evidence import Evidence, Reading
from suffice.layer import Layer
from suffice.layers.few_shot import FewShot
from suffice.layers.prompt import Prompt
from suffice.layers.rules import Rules
from suffice.models.openai import Openai
from suffice.pricebook import book
from suffice.run import run
from suffice.scorers.exact import Exact
from suffice.stack import Stack
from suffice.types import Sampling, Shot

PROFILE = {"requests_per_day": 10_000, "knowledge_changes": None, "stable_months": None}
ASKS = "Answer the question in one sentence that ends with a full stop."


@dataclass(frozen=True)
class Billed:
    """What was predicted of one stack, and what the meter said."""

    name: str
    predicted: Cost
    usd: float
    """US dollars a request of the load run, by the meter."""
    requests: int
    calls: int

    @property
    def off(self) -> float:
        """How far the prediction is off, as a share."""
        return self.predicted.stages["model"].estimate / self.usd - 1

    @property
    def inside(self) -> bool:
        """Whether the meter's figure lies within the prediction's limits."""
        told = self.predicted.stages["model"]
        return told.low <= self.usd <= told.high


def questions(count: int, seed: int) -> Dataset:
    """Questions of lognormal length, as people write them: a median of 60 words."""
    draw = random.Random(seed)
    made = []
    for at in range(count):
        words = [
            f"{draw.choice('abcdefgh')}{draw.randrange(1000)}" for _ in range(round(draw.lognormvariate(4.1, 0.4)))
        ]
        made.append(Example(f"{seed}-{at}", f"{' '.join(words)} {seed}-{at}?", "x"))
    return Dataset(tuple(made), scorer=Exact())


def stacks(url: str) -> dict[str, Stack]:
    """A prompt; a prompt with long examples, whose prefix the server caches; and rules that ask again."""
    model = Openai(name="gpt-4o", base_url=url, priced_as="gpt-4o")
    shots = tuple(Shot(" ".join([f"example{n}"] * 120), "an answer in a sentence.") for n in range(5))
    rules = Rules(({"field": "reply", "matches": r".*\.$"},))
    layers: dict[str, tuple[Layer, ...]] = {
        "prompt": (Prompt(ASKS),),
        "long examples": (FewShot("static", 5, shots=shots), Prompt(ASKS)),
        "rules": (rules, Prompt(ASKS)),
    }
    return {name: Stack(model, of, Sampling(max_tokens=128)) for name, of in layers.items()}


def billed(url: str, meter: Meter, sample: int, load: int, seed: int) -> Iterator[Billed]:
    """Each stack's prediction from `sample` requests, and the meter's bill for `load` others."""
    for name, stack in stacks(url).items():
        known, fresh = questions(sample, seed), questions(load, seed + 1_000)
        run(stack, known.only(known.examples[:1]), workers=1)
        predicted = priced(stack, known)
        meter.reset()
        run(stack, fresh, workers=16)
        yield Billed(name, predicted, meter.usd / load, load, meter.calls)


def priced(stack: Stack, known: Dataset) -> Cost:
    """The cost of a stack as `suffice price` tells it: from stored records, by the list price."""
    evidence = Evidence()
    evidence.add("task", profile=PROFILE)
    evidence.add_examples(known, "test")
    id_ = evidence.add_run(run(stack, known, workers=16), "test")
    figures = book()
    tariff = Tariff(plain(stack.model.spec), "list", figures.model("gpt-4o"))
    return cost_of(bill_of(Reading(evidence), id_, Prices(figures, (tariff,)), title="any"))
