"""Low-rank changes to a model's matrices: their names, as PEFT writes them, and where they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""All matrices of a layer of the Llama family."""


@dataclass(frozen=True, slots=True)
class LowRank:
    """How wide the changes are, how much they count, and which matrices have one."""

    rank: int
    alpha: float
    targets: tuple[str, ...]

    @property
    def scale(self) -> float:
        """What B · A is multiplied by."""
        return self.alpha / self.rank


def name_a(module: str) -> str:
    """PEFT's name of the matrix that the inputs go through first (rank × inputs)."""
    return f"base_model.model.{module}.lora_A.weight"


def name_b(module: str) -> str:
    """PEFT's name of the second matrix (outputs × rank)."""
    return f"base_model.model.{module}.lora_B.weight"


def start(shapes: Mapping[str, tuple[int, int]], low: LowRank, seed: int) -> dict[str, Tensor]:
    """PEFT's start for modules of (outputs, inputs): A uniform within 1/√inputs, B zero, so that nothing is changed."""
    import torch

    drawn, found = torch.Generator().manual_seed(seed), {}
    for module, (outputs, inputs) in shapes.items():
        a = torch.empty(low.rank, inputs).uniform_(-(inputs**-0.5), inputs**-0.5, generator=drawn)
        found[name_a(module)], found[name_b(module)] = a, torch.zeros(outputs, low.rank)
    return found
