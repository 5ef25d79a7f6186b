"""Burdens: a prompt that is too long, a bill that is too high, a small model that falls short."""

from __future__ import annotations

from ..signals import MONTHLY
from .condition import at_least, every, gates, seen, yes
from .rule import ALWAYS, CACHED, TRIED_EXAMPLES, TRIED_PROMPT, Topic, row

LONG = 4_000
"""Tokens of system prompt that add some 200 ms to P50 (docs/framework.md §3)."""

PROMPT_LENGTH = Topic(
    "prompt length",
    seen("slow_prompt", "dear_prompt", "context_pressure"),
    (
        row(
            "M6.tune",
            every(gates("lora"), yes("caching"), yes("prompt_stable"), at_least("prompt_tokens", LONG)),
            "fine_tuning",
            "Train the stable instructions into the weights, and compare tokens, P95 and quality with the cached one",
            "A long, stable prompt is paid for on every call even from the cache; this saves money, it adds no quality",
            "3",
        ),
        row(
            "M6.shorten",
            CACHED,
            "prompt",
            "Shorten the prompt: fewer passages and examples, each tested by leaving it out",
            "It is cached, or never the same twice; while tuning is not open, cutting it is what there is to do",
            "3",
        ),
        row(
            "M6.cache",
            ALWAYS,
            "caching",
            "Put the stable parts first and turn prompt caching on",
            "A prefix that never changes is read at about a tenth of the price: that comes before training it away",
            "4",
        ),
    ),
    "fine_tuning",
    "lora",
)

COST = Topic(
    "cost",
    seen("high_cost"),
    (
        row(
            "M7.distil",
            every(
                gates("distillation"),
                CACHED,
                yes("smaller_tried"),
                at_least("usd_per_month", MONTHLY),
            ),
            "distillation",
            "Have the strong model label data, train a small one on it, and let it answer where it is sure",
            "The volume is there, caching and a smaller model were measured, and a student costs a tenth or less",
            "4",
        ),
        row(
            "M7.smaller",
            CACHED,
            "smaller_model",
            "Run the same stack over a cheaper model, and keep it if it is proven not worse",
            "A lower tier is one model name away; a student is a project",
            "4",
        ),
        row(
            "M7.cache",
            ALWAYS,
            "caching",
            "Put the stable parts first and turn prompt caching on",
            "The cheapest saving changes no reply at all",
            "3",
        ),
    ),
    "distillation",
    "distillation",
)

SMALL_MODEL = Topic(
    "small model",
    seen("small_model_short"),
    (
        row(
            "F6.distil",
            every(gates("distillation"), TRIED_EXAMPLES),
            "distillation",
            "Have the large model label data, and train the small one to equal it on this one task",
            "One narrow, stable, frequent task is where a small model may equal a large one",
            "3",
        ),
        row(
            "F6.tune",
            gates("lora"),
            "fine_tuning",
            "Tune the small model on the pairs there are, and hold it against the large one",
            "Narrow, stable and frequent, with clean pairs and an owner",
            "3",
            "lora",
        ),
        row(
            "F6.examples",
            TRIED_PROMPT,
            "examples",
            "Show the small model three to ten solved cases, the nearest to the question if there are many",
            "Examples are what a small model gains most from, before it is trained",
            "3",
        ),
        row(
            "F6.prompt",
            ALWAYS,
            "prompt",
            "Write the prompt for the small model, not for the large one, and measure it",
            "No serious prompt was measured with the small model",
            "3",
        ),
    ),
    "distillation",
    "distillation",
)
