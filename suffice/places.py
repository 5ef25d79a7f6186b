"""Places: where each kind of layer stands in a stack, and which one takes another's place."""

from __future__ import annotations

from dataclasses import replace

from .layer import Layer
from .plugins import name_of
from .stack import Stack

ORDER = ("student", "classifier", "rules", "structure", "adapter", "long_context", "retrieval", "few_shot", "prompt")
"""How layers stand in a stack, outermost first."""
ANSWERING = ("classifier", "constant", "student")
"""Layers that spare the model calls: a stack without them is no lighter."""
EXCLUDES = {"long_context": "retrieval", "retrieval": "long_context"}


def placed(below: Stack, layer: Layer) -> Stack:
    """The stack with `layer` in its place: instead of the one of its kind, and of the one it excludes."""
    name = name_of(type(layer))
    cleared = below.without(name).without(EXCLUDES.get(name, name))
    rank = {n: i for i, n in enumerate(ORDER)}
    layers = sorted((*cleared.layers, layer), key=lambda x: rank.get(name_of(type(x)), -1))
    return replace(cleared, layers=tuple(layers))
