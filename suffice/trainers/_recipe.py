"""What the recipes of imitation have in common: how fast, how long, from where, and the way through a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from ..demonstrations import Demonstration
from ..errors import InputError
from ..trainer import Trained
from ..types import Json
from ._learner import Learner
from ._loop import Likelihood, Pace
from ._lowrank import TARGETS, LowRank
from ._work import Work

Sound = Callable[[Json], bool]
KINDS = ("auto", "bfloat16", "float32")
_positive: tuple[Sound, str] = (lambda v: 0 < v < math.inf, "a number above 0")
_count: tuple[Sound, str] = (lambda v: v >= 1, "1 or more")
SOUND: Mapping[str, tuple[Sound, str]] = {
    **dict.fromkeys(("learning_rate", "epochs", "alpha", "beta"), _positive),
    **dict.fromkeys(("tokens_per_step", "patience", "longest", "rank"), _count),
    "warmup": (lambda v: 0 <= v <= 1, "a share from 0 to 1"),
    "dropout": (lambda v: 0 <= v < 1, "a share from 0 to below 1"),
    "dtype": (lambda v: v in KINDS, f"one of {', '.join(KINDS)}"),
    "targets": (lambda v: bool(v) and all(v), "the name of one matrix or more"),
}
"""What the fields of recipes may be, by name."""


def check_sound(recipe: Json) -> None:
    """Raise an InputError for the first field with a value that no training could have."""
    for name in (f.name for f in fields(recipe) if f.name in SOUND):
        value, (sound, wanted) = getattr(recipe, name), SOUND[name]
        if not sound(value):
            raise InputError(f"the recipe's `{name}` must be {wanted}, not {value}")


@dataclass(frozen=True)
class Imitation:
    """Learn the replies of demonstrations, token by token."""

    learning_rate: float = 1e-3
    epochs: float = 2.0
    tokens_per_step: int = 2048
    """Real tokens that a step learns from, about."""
    warmup: float = 0.05
    """The share of steps over which the rate rises from zero; then it falls to zero in a line."""
    patience: int = 3
    """Evaluations without a better held loss after which training stops; the best weights are kept anyway."""
    seed: int = 0
    longest: int = 2048
    """Tokens of the longest demonstration; a longer one is refused by its id, never cut."""
    dtype: str = "auto"
    """`bfloat16`, `float32`, or `auto`: bfloat16 where the processor or GPU multiplies it faster."""

    def __post_init__(self) -> None:
        check_sound(self)

    def pace(self, together: int) -> Pace:
        """The recipe as the loop takes it."""
        return Pace(
            self.learning_rate, self.epochs, self.tokens_per_step, self.warmup, self.patience, self.seed, together
        )

    def imitate(
        self,
        work: Work,
        rows: Sequence[Demonstration],
        held: Sequence[Demonstration],
        learner: Callable[[], Learner],
        told: Mapping[str, Json],
    ) -> Trained:
        """Learn the replies of `rows`, or return what was finished; the learner is made when rows are found sound."""
        if done := work.finished():
            return done
        chat = work.chat()
        learned, judged = ([(row,) for row in chat.rows(found, longest=self.longest)] for found in (rows, held))
        return work.run(learner(), Likelihood(), learned, judged, self.pace(work.together), told)


@dataclass(frozen=True)
class LowRankImitation(Imitation):
    """Learn them in low-rank changes to the base's matrices."""

    rank: int = 16
    alpha: float = 32.0
    """How much the change counts: B · A is multiplied by alpha / rank."""
    dropout: float = 0.0
    """The share of a change's inputs left out at random while learning; above 0 only transformers and PEFT do it."""
    targets: tuple[str, ...] = TARGETS
    """Names of the matrices that are changed."""

    @property
    def kind(self) -> str:
        """What comes out."""
        return "lora"

    @property
    def low(self) -> LowRank:
        """The shape of the changes."""
        return LowRank(self.rank, self.alpha, self.targets)

    @property
    def told(self) -> dict[str, Json]:
        """What PEFT and the engines must know of the file."""
        return {"r": self.rank, "lora_alpha": self.alpha, "target_modules": sorted(self.targets)}
