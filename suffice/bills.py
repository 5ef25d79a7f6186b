"""Bills: what goes into the cost of each measured stack, and of other ways to run it: records and the price book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from .consumption import HOSTED, Consumption, Draws, consumption_of
from .cost import Bill, Quantity, measured
from .digest import plain
from .errors import InputError
from .evidence import Reading
from .model import Model, resolve
from .pricebook import Book, Figure, ModelPrice, book
from .task import Task
from .types import Json

Hosting = Literal["list", "cpu", "gpu", "paid"]
"""How a model is paid for: by its list price, as a rented machine without or with a GPU, or as its replies were."""
CHANGES = {"never": 0, "yearly": 1, "quarterly": 4, "monthly": 12, "weekly": 52, "daily": 365, "hourly": 8_760}
"""How often a year knowledge changes, by the profile's word."""
KNOWING = ("retrieval", "long_context")
"""Layers that look knowledge up, so that nothing has to be trained again when it changes."""
PROJECTS = {"adapter": "lora", "student": "student"}
"""The figures by which a trained layer is priced, where nobody else serves it."""
COMPUTES = {"full": "full", "managed_lora": "managed_lora", "api": "managed_lora"}
"""By which figure the compute of training again is priced; all others by that of a LoRA on own hardware."""
API = "ft:"
"""How names begin that makers of closed models give to a tune of theirs."""
RENTED = ("model_seconds", "machine_hour", "slots", "peak", "busy_at_most")
"""Inputs of whole machines."""
AVERAGE = "own GPUs are reckoned with a day's mean rate: traffic with sharper peaks than worked example B's needs more"
FREE = 1e-12


@dataclass(frozen=True)
class Tariff:
    """How one model is paid for."""

    spec: Mapping[str, Json]
    hosting: Hosting
    price: ModelPrice | None = None
    at_once: int | None = None
    """Requests that it serves well at the same time, by its own word; None in records that do not say so."""


@dataclass(frozen=True)
class Prices:
    """All that is not measured: the book's figures, and the tariffs of the task's models."""

    book: Book
    tariffs: tuple[Tariff, ...]

    def tariff(self, spec: Mapping[str, Json]) -> Tariff:
        """How the model of a stack is paid for; as its replies were, where nothing else is known."""
        return next((t for t in self.tariffs if t.spec == spec), Tariff(spec, "paid"))

    @property
    def told(self) -> dict[str, Json]:
        """The same as a line of evidence."""
        return {"figures": [plain(f) for f in self.book.figures.values()], "models": [plain(t) for t in self.tariffs]}

    @classmethod
    def read(cls, line: Mapping[str, Json]) -> Prices:
        """From a line of evidence; figures that are newer than it are the shipped ones."""
        figures = {**book().figures, **{f["name"]: Figure(**f) for f in line["figures"]}}
        return cls(Book(figures, {}, {}), tuple(_tariff(t) for t in line["models"]))


def _tariff(told: Mapping[str, Any]) -> Tariff:
    price = ModelPrice(**told["price"]) if told["price"] else None
    return Tariff(told["spec"], told["hosting"], price, told.get("at_once"))


def prices_of(task: Task, *models: str) -> Prices:
    """Today's figures under the task's own prices.yaml, and how its models, and those at other addresses, are paid."""
    figures = book(task.folder)
    known = [(task.model, resolve(task.model, folder=task.folder))]
    for address in (*([task.cheaper_model] if task.cheaper_model else []), *models):
        with suppress(InputError):  # said where it is asked
            known.append((address, resolve(address, folder=task.folder)))
    return Prices(figures, tuple(_priced(figures, address, model) for address, model in known))


def _priced(figures: Book, address: str, model: Model) -> Tariff:
    """A model in the task's own price list comes first, by its address or its name; then its list price."""
    spec: Mapping[str, Json] = plain(model.spec)
    own = next((figures.models[n] for n in (address, model.name) if n in figures.models), None)
    named = own.name if own else getattr(model, "price_name", None)
    price = figures.model(named) if named else None
    if price is not None:
        return Tariff(spec, "list", price, model.parallel)
    if spec["use"] in ("embedded", "transformers"):
        return Tariff(spec, "cpu", None, model.parallel)
    return Tariff(spec, "gpu" if spec["use"] == "openai" else "paid", None, model.parallel)


def bill_of(reading: Reading, run: str, prices: Prices, *, title: str, draws: Draws | None = None) -> Bill:
    """What goes into the cost of the stack behind a run, at the profile's volume and rates of change."""
    stack, profile = reading.runs[run]["stack"], reading.evidence.one("task")["profile"]
    uses = [layer["use"] for layer in stack.get("layers", ())]
    taken, tariff = consumption_of(reading, run), prices.tariff(stack["model"])
    amounts = measured(taken, draws or Draws())
    model, basis = _model(tariff, taken, amounts, prices.book, "student" in uses)
    busy, sizing = _sized(reading, run, tariff, model, prices.book)
    given = {**model, **busy, **_own(amounts, prices.book), **_people(amounts, prices.book, uses)}
    layers = stack.get("layers", ())
    given |= _retrieval(layers, uses, prices.book) | _training(layers, uses, profile, prices.book)
    volume = profile["requests_per_day"]
    notes = (
        *_notes(taken, uses),
        *_unseen(given),
        *sizing,
        *_outside(prices.book, volume if "retrieval" in uses else None),
    )
    return Bill(title, given, taken, basis, notes).at(volume)


def _outside(figures: Book, volume: float | None) -> tuple[str, ...]:
    """Whether retrieval is asked more or less often than its monthly figures are for."""
    meant = figures.figure("retrieval_queries")
    if volume is None or meant.low <= volume <= meant.high:
        return ()
    return (f"what retrieval costs a month is a figure for {meant.low:,.0f} to {meant.high:,.0f} queries a day",)


def _notes(taken: Consumption, uses: Sequence[str]) -> tuple[str, ...]:
    n, groups = taken.n, taken.independent
    many = f"{n} requests" if n == groups else f"{groups} groups of requests ({n} in all)"
    few = [f"only {many} were measured: limits are too narrow"] if 0 < groups < 30 else []
    lost = [f"{taken.failed} failed requests are left out: nobody knows what they took"] if taken.failed else []
    adapter = ["what serving an adapter costs is taken to be what its base costs"] if "adapter" in uses else []
    return (*few, *lost, *adapter)


def _unseen(given: Mapping[str, Quantity]) -> tuple[str, ...]:
    """That rules may hand over though they did not, and how often at most."""
    share = given.get("review_share")
    if share is None or share.estimate > FREE:
        return ()
    return (f"no request was handed over to a person; of others up to {share.high:.1%} may be",)


def _model(
    tariff: Tariff, taken: Consumption, amounts: Mapping[str, Quantity], figures: Book, student: bool
) -> tuple[dict[str, Quantity], str]:
    """What the model takes, a student's machine beside it; and in words by what it is priced."""
    rents = tariff.hosting in ("cpu", "gpu")
    machine = _machine(amounts, figures, tariff.hosting if rents else "gpu", rents, student)
    if not taken.n or (not taken.asked and not student):
        return {}, "no model is asked"
    if rents:
        words = {"cpu": "machines without a GPU", "gpu": "rented GPUs"}[tariff.hosting]
        return machine, f"{words}, by the seconds that were measured"
    if tariff.price is not None:
        return {**machine, **tokens(amounts, tariff.price)}, f"tokens at the list price of {tariff.price.name}"
    if not taken.priced:
        return machine, ""
    return {**machine, "paid": amounts["paid"]}, "what its replies cost when they were bought"


def _machine(
    amounts: Mapping[str, Quantity], figures: Book, kind: str, rents: bool, student: bool
) -> dict[str, Quantity]:
    """Whole machines for the model, for a student, or for both."""
    if not (rents or student) or not amounts:
        return {}
    column = "both_seconds" if rents and student else "model_seconds" if rents else "student_seconds"
    hour, slots, peak = (Quantity.of(figures.figure(n)) for n in (f"{kind}_hour", f"{kind}_slots", "peak"))
    return {"model_seconds": amounts[column], "machine_hour": hour, "slots": slots, "peak": peak}


def _sized(
    reading: Reading, run: str, tariff: Tariff, model: Mapping[str, Quantity], figures: Book
) -> tuple[dict[str, Quantity], tuple[str, ...]]:
    """How full its machines may be for the task's P95, where it has any, and records say how many it serves at once."""
    from .sizing import sized

    if tariff.at_once is None or "slots" not in model:
        return {}, ()
    held = {"model_seconds": ("model",), "student_seconds": ("student",)}.get(model["model_seconds"].column, HOSTED)
    target = reading.evidence.one("task").get("target") or {}
    share, words = sized(reading, run, held, figures.figure(model["slots"].figure), target.get("p95_ms"))
    return ({} if share is None else {"busy_at_most": share}), (words,)


def tokens(amounts: Mapping[str, Quantity], price: ModelPrice) -> dict[str, Quantity]:
    """Tokens as they were measured, at these prices."""
    cost = {"usd_in": price.input, "usd_cached": price.cached, "usd_out": price.output}
    counted = {name: amounts[name] for name in ("tokens_in", "tokens_cached", "tokens_out")}
    return {**counted, **{name: Quantity.exactly(value) for name, value in {**cost, "price_factor": 1.0}.items()}}


def _own(amounts: Mapping[str, Quantity], figures: Book) -> dict[str, Quantity]:
    """The layers' own work, on a machine that is there anyway: paid by the second."""
    if not amounts or amounts["own_seconds"].high <= FREE:
        return {}
    return {"own_seconds": amounts["own_seconds"], "own_hour": Quantity.of(figures.figure("cpu_hour"))}


def _people(amounts: Mapping[str, Quantity], figures: Book, uses: Sequence[str]) -> dict[str, Quantity]:
    """The people to whom rules hand over, also where none of the measured requests was: others may be."""
    if not amounts or "rules" not in uses:
        return {}
    each = {n: Quantity.of(figures.figure(n)) for n in ("review_minutes", "review_minute")}
    return {"review_share": amounts["review_share"], **each}


def _retrieval(layers: Sequence[Mapping[str, Json]], uses: Sequence[str], figures: Book) -> dict[str, Quantity]:
    """A self-hosted retrieval stack; the model behind it is counted by its own requests."""
    names = ("vector_store", "embedding", "reranking") if "retrieval" in uses else ()
    reranks = any(layer.get("reranker") for layer in layers)
    return {n: Quantity.of(figures.figure(n)) for n in names if n != "reranking" or reranks}


def _training(
    layers: Sequence[Mapping[str, Json]], uses: Sequence[str], profile: Mapping[str, Json], figures: Book
) -> dict[str, Quantity]:
    """Building what was trained, and training it again: for better bases, and for knowledge that nothing looks up."""
    kind = project_of(layers, figures)
    if kind is None:
        return {}
    weeks, again = "full" if kind == "full" else "lora", COMPUTES.get(kind, "lora")
    moving = 0 if set(uses) & set(KNOWING) else CHANGES.get(profile["knowledge_changes"] or "never", 0)
    months = profile["stable_months"]
    return {
        "build": Quantity.of(figures.figure(f"{kind}_project")),
        "months": Quantity.exactly(months) if months else Quantity.of(figures.figure("months_kept")),
        "refreshes": Quantity.of(figures.figure("base_changes"), plus=moving),
        "refresh_weeks": Quantity.of(figures.figure(f"{weeks}_refresh_weeks")),
        "refresh_compute": Quantity.of(figures.figure(f"{again}_compute")),
        "engineer_week": Quantity.of(figures.figure("engineer_week")),
    }


def project_of(layers: Sequence[Mapping[str, Json]], figures: Book) -> str | None:
    """By which figures what was trained is priced, the dearest where there is more than one; None for nothing."""
    kinds = [_project(layer) for layer in layers if layer["use"] in PROJECTS]
    return max(kinds, key=lambda kind: figures.figure(f"{kind}_project").high, default=None)


def _project(layer: Mapping[str, Json]) -> str:
    """By which figures a trained layer is priced: a platform's, where a provider serves it."""
    served = layer.get("served")
    if layer.get("trainer") == "full" or not served:
        return "full" if layer.get("trainer") == "full" else PROJECTS[layer["use"]]
    return "api" if served.startswith(API) else "managed_lora"


# Other ways to run the same stack


def managed(bill: Bill, figures: Book) -> Bill | None:
    """The same with retrieval rented as a service; None where nothing is retrieved."""
    names = [n for n in ("vector_store", "embedding", "reranking") if n in bill.quantities]
    rented = {n: Quantity.of(figures.figure(f"managed_{n}")) for n in names}
    return bill.having(rented, f"{bill.title}, retrieval managed") if names else None


def cached(bill: Bill, figures: Book) -> Bill | None:
    """The same with its stable prefix read from the provider's cache; None where that is not so, or not known."""
    taken, held = bill.taken, bill.quantities.get("tokens_in")
    if taken is None or held is None or taken.prefix is None or bill.quantities["tokens_cached"].estimate > FREE:
        return None
    least, hits = figures.figure("smallest_prefix"), figures.figure("cache_hits")
    if taken.prefix < least.low or not taken.asked:
        return None
    prefix = min(taken.prefix * taken.asked, held.estimate)
    ends = Quantity(prefix * hits.estimate, prefix * hits.low, prefix * hits.high, figure="cache_hits")
    share = f"{prefix / held.estimate:.0%} of the tokens read stand at the beginning of every prompt"
    changed, note = _cached_price(bill, figures)
    return bill.having({"tokens_cached": ends, **changed}, f"{bill.title}, prompts cached", share + note)


def _cached_price(bill: Bill, figures: Book) -> tuple[dict[str, Quantity], str]:
    """What a cached token costs where the model's own list has no lower price for it."""
    read, told = bill.quantities["usd_in"], figures.figure("cached_price")
    if "usd_cached" in bill.quantities and bill.quantities["usd_cached"].estimate < read.estimate:
        return {}, ""
    usd = read.estimate
    price = Quantity(usd * told.estimate, usd * told.low, usd * told.high, figure="cached_price")
    return {"usd_cached": price}, f"; a cached token is taken to cost {told.estimate:g} of another"


def batched(bill: Bill, figures: Book, price: ModelPrice | None) -> Bill | None:
    """The same where every reply may take a day; None where nobody sells that."""
    if "tokens_in" not in bill.quantities or price is None:
        return None
    discount = price.batch_discount
    off = Quantity.of(figures.figure("batch_discount")) if discount is None else Quantity.exactly(discount)
    if discount is None and not price.overridden and not figures.figure("batch_discount").overridden:
        return None
    return bill.having({"batch_share": Quantity.exactly(1.0), "batch_discount": off}, f"{bill.title}, in batches")


def on_model(bill: Bill, price: ModelPrice, draws: Draws | None = None) -> Bill | None:
    """The same tokens at another model's price: what it would cost, never how good it would be."""
    if bill.taken is None or not bill.taken.n or not bill.taken.asked:
        return None
    gone = ("paid", *RENTED)
    kept = {n: q for n, q in bill.quantities.items() if n not in gone}
    changed = replace(bill, quantities={**kept, **tokens(measured(bill.taken, draws or Draws()), price)})
    basis = f"tokens at the price of {price.name}"
    return replace(changed, title=f"{bill.title}, on {price.name}", basis=basis)


def self_hosted(bill: Bill, figures: Book, draws: Draws | None = None) -> Bill | None:
    """The same tokens on rented GPUs, at the rate that docs/framework.md §6 reckons a model of 8 B with.

    That rate is a day's mean, idle time included, so that nothing is added for the peak.
    """
    if bill.taken is None or not bill.taken.n or "tokens_in" not in bill.quantities:
        return None
    amounts, rate = measured(bill.taken, draws or Draws()), figures.figure("gpu_tokens")
    both = amounts["tokens_in"].estimate + amounts["tokens_out"].estimate
    if not both or not rate.low:
        return None
    seconds = Quantity(both / rate.estimate, both / rate.high, both / rate.low, figure="gpu_tokens")
    gone = ("tokens_", "usd_", "price_", *RENTED)
    kept = {n: q for n, q in bill.quantities.items() if not n.startswith(gone)}
    rented = {"model_seconds": seconds, "machine_hour": Quantity.of(figures.figure("gpu_hour"))}
    moved = replace(bill, quantities={**kept, **rented}, basis="rented GPUs, an open model of 8 B")
    return moved.having({}, f"{bill.title}, on own GPUs", AVERAGE)
