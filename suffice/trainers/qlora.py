"""qlora: a LoRA over a base held in 4 bits, for bases that would not fit a GPU otherwise.

Only on a GPU, with bitsandbytes: it saves memory there. A processor would turn every matrix back before each product,
and a base that fits its memory in 4 bits for answering fits in 16 for training; `lora` is faster there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..demonstrations import Demonstration
from ..errors import InputError, MissingExtra
from ..trainer import Base, Trained
from ._learner import Learner
from ._recipe import LowRankImitation
from ._work import Work, device, precision, with_lora


@dataclass(frozen=True)
class Qlora(LowRankImitation):
    """The recipe of `lora`, at a rate for larger bases."""

    learning_rate: float = 2e-4

    def train(self, rows: Sequence[Demonstration], held: Sequence[Demonstration], base: Base, work: Path) -> Trained:
        """Learn the replies of `rows`; `held` says when to stop. Raises InputError where there is no GPU."""
        if device() == "cpu":
            raise InputError(
                "qlora holds the base in 4 bits to save the memory of a GPU, and there is none here",
                hint="take `lora`: on a processor it trains in bfloat16, faster and closer to the base",
            )
        if find_spec("bitsandbytes") is None:
            raise MissingExtra("qlora needs the library `bitsandbytes`", hint="pip install bitsandbytes")
        return self.imitate(Work(self, base, work, rows, held), rows, held, lambda: self._learner(base), self.told)

    def _learner(self, base: Base) -> Learner:
        from peft import prepare_model_for_kbit_training
        from transformers import BitsAndBytesConfig

        from ._plain import load

        kind = precision(self.dtype)
        four = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=kind
        )
        model = prepare_model_for_kbit_training(load(base.folder, kind, device(), quantization_config=four))
        return with_lora(model, self.low, seed=self.seed, dropout=self.dropout, dtype=self.dtype)
