"""Consumption: what one request to a stack takes in tokens, seconds and people, measured from stored records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .evidence import Line, Reading
from .overhead import overhead_of
from .stats.distribution import normal_quantile, t_quantile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

HOSTED = ("model", "student")
"""Stages that need a machine of their own; the other layers' work is done where the stack runs."""
MEASURED = (
    *("tokens_in", "tokens_cached", "tokens_out"),
    *("model_seconds", "student_seconds", "both_seconds", "own_seconds"),
    *("review_share", "paid"),
)
"""What is measured of every request: tokens, seconds of the model, of a student, of both and of the other layers,
whether it was handed over to a person, and US dollars that were paid for it."""
SHARE = "review_share"
"""The column that is a share of requests."""
CHANGING = ("retrieval",)
"""Layers whose part of the prompt is another for each request, so that no prefix can be told from the records."""


@dataclass(frozen=True)
class Consumption:
    """One row a request, one column a kind; requests of one group stand and are drawn together."""

    columns: Mapping[str, tuple[float, ...]]
    groups: tuple[str, ...]
    stages: Mapping[str, float]
    """Mean seconds a request of each layer and of the model."""
    failed: int
    """Requests without an answer, whose tokens nobody knows: left out, and counted."""
    prefix: float | None
    """Tokens that all prompts begin with, a call; None where the records cannot tell."""
    asked: float
    """Calls of the model a request."""
    priced: bool
    """Whether it is known what every request cost."""

    @property
    def n(self) -> int:
        """Requests that were measured."""
        return len(self.groups)

    @property
    def independent(self) -> int:
        """Groups that were measured: requests of one group say little more than one of them."""
        return len(set(self.groups))

    def mean(self, column: str) -> float:
        """The mean of a column."""
        values = self.columns[column]
        return sum(values) / len(values) if values else 0.0


def consumption_of(reading: Reading, run: str) -> Consumption:
    """What the records of a run say of one request to its stack, and those of its other runs on items drawn alike.

    Dev items count for what a request takes, never for how good it is; edge items are unusual, and stay out.
    """
    lines = _lines(reading, run)
    answered = [line for line in lines if line["output"] is not None]
    rows = [_row(line) for line in answered]
    prefix, asked = _prefix(reading, run), sum(line.get("asked", 0) for line in answered)
    return Consumption(
        columns={name: tuple(row[name] for row in rows) for name in MEASURED},
        groups=tuple(_group(reading, line["id"]) for line in answered),
        stages=_stages(answered),
        failed=len(lines) - len(answered),
        prefix=prefix,
        asked=asked / len(answered) if answered else 0.0,
        priced=all(line.get("usd") is not None for line in answered),
    )


def _lines(reading: Reading, run: str) -> list[Line]:
    """Each item once, the run's own record before others'."""
    stack, own = reading.runs[run]["stack_digest"], reading.runs[run]["part"]
    alike = [
        id_
        for id_, line in reading.runs.items()
        if line["stack_digest"] == stack and (line["part"] == own or line["part"].startswith("select"))
    ]
    found: dict[str, Line] = {}
    for id_ in (run, *alike):
        for item, line in reading.records[id_].items():
            found.setdefault(item, line)
    return [*found.values()]


def _row(line: Line) -> dict[str, float]:
    model, student = (sum(ms for name, ms in line["stages"] if name == stage) / 1000 for stage in HOSTED)
    own = sum(ms for name, ms in line["stages"] if name not in HOSTED) / 1000
    read, cached, written = (float(line.get(k) or 0) for k in ("input_tokens", "cached_tokens", "output_tokens"))
    people = float(line["status"] == "escalated")
    values = (read, min(cached, read), written, model, student, model + student, own, people, line["usd"] or 0.0)
    return dict(zip(MEASURED, values, strict=True))


def _group(reading: Reading, id_: str) -> str:
    example = reading.examples.get(id_)
    return str(example.cluster) if example is not None else id_


def _stages(lines: Sequence[Line]) -> dict[str, float]:
    spent: dict[str, float] = {}
    for line in lines:
        for name, ms in line["stages"]:
            spent[name] = spent.get(name, 0.0) + ms / 1000
    return {name: seconds / len(lines) for name, seconds in spent.items()}


def _prefix(reading: Reading, run: str) -> float | None:
    """What a call reads but its question, where no layer words that anew for each request."""
    layers = reading.runs[run]["stack"].get("layers", ())
    shown = [x.get("mode", "nearest") for x in layers if x["use"] == "few_shot"]
    if "nearest" in shown or any(x["use"] in CHANGING for x in layers):
        return None
    found = overhead_of(reading, run)
    return found.prompt_tokens if found is not None else None


def _widened(drawn: Floats, mean: float, groups: int) -> Floats:
    """The draws as far from the mean as so few groups ask for, and never below nothing."""
    import numpy as np

    if groups < 2:
        return drawn
    factor = t_quantile(0.975, groups - 1) / normal_quantile(0.975) * (groups / (groups - 1)) ** 0.5
    wide: Floats = np.maximum(0.0, mean + factor * (drawn - mean))
    return wide


@dataclass(frozen=True, slots=True)
class Draws:
    """Seeded draws: of requests, in whole groups, and of figures, each the same wherever it is used."""

    n: int = 1000
    seed: int = 0

    def means(self, taken: Consumption) -> dict[str, Floats]:
        """The columns' means in `n` bootstrap samples of whole groups; runs over the same groups are drawn alike.

        The share handed over to people is rare and dear, and a bootstrap that saw none would draw none for ever: it is
        drawn from Jeffreys' posterior instead (Brown, Cai & DasGupta 2001). The others' spread is widened by
        Student's t and n / (n − 1), since a bootstrap of few groups is too sure (the expanded percentile interval of
        Hesterberg 2015, What Teachers Should Know About the Bootstrap).
        """
        import numpy as np

        names = sorted(set(taken.groups))
        at = {name: i for i, name in enumerate(names)}
        codes = np.array([at[g] for g in taken.groups], dtype=np.intp)
        sizes = np.bincount(codes, minlength=len(names)).astype(float)
        times = self._generator("\n".join(names)).multinomial(len(names), np.full(len(names), 1 / len(names)), self.n)
        drawn = times @ sizes
        sums = {c: np.bincount(codes, v, minlength=len(names)) for c, v in taken.columns.items()}
        found = {c: _widened((times @ total) / drawn, taken.mean(c), len(names)) for c, total in sums.items()}
        return {c: self._share(taken.mean(c), sizes, names) if c == SHARE else v for c, v in found.items()}

    def _share(self, share: float, sizes: Floats, names: Sequence[str]) -> Floats:
        """`n` values from Beta(k + ½, m − k + ½): m groups, as many equal ones as these say as much as (Kish 1965),
        and k of them by the share that was seen."""
        many = float(sizes.sum() ** 2 / (sizes**2).sum())
        seen = share * many
        found: Floats = self._generator("\n".join((SHARE, *names))).beta(seen + 0.5, many - seen + 0.5, self.n)
        return found

    def figure(self, name: str, low: float, high: float) -> Floats:
        """`n` values between the ends of a figure, each as likely: the same share of the way whoever asks."""
        import numpy as np

        along: Floats = self._generator(name).random(self.n)
        return np.full(self.n, low) if low == high else low + along * (high - low)

    def _generator(self, name: str) -> np.random.Generator:
        import hashlib

        import numpy as np

        told = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
        return np.random.default_rng([self.seed, told])
