"""Minimum: what each approach of training needs at least, and the gates that a task file settles by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .layer import Cause, Gate
from .task import Profile, Target

Approach = Literal["narrow", "lora", "full", "preference", "embedding", "distillation"]
SECTION = "docs/framework.md §"
MOVING = ("weekly", "daily", "hourly")
MONTHS = 6
"""Months for which a relation must hold; also those over which a project is paid back where nothing is stated."""
USD_A_REQUEST = 0.10
"""What a request may cost of a project that is paid back within its stable months."""


@dataclass(frozen=True, slots=True)
class Minimum:
    """What one approach needs at least."""

    rows: int
    unit: str
    source: str
    project_usd: float
    """The lower end of the whole project's cost, docs/framework.md §6."""
    treats: tuple[Cause, ...] = ("behaviour", "format", "tool use")
    requests: float | None = None
    """Requests a day from which it pays; None: by the project's cost."""


MINIMA: Mapping[Approach, Minimum] = {
    "narrow": Minimum(200, "for a narrow format or instruction", f"{SECTION}5", 2_000),
    "lora": Minimum(500, "for a narrow LoRA", f"{SECTION}5", 2_000),
    "full": Minimum(5_000, "for full fine-tuning", f"{SECTION}5", 15_000),
    "preference": Minimum(500, "pairs of a chosen and a rejected reply, as for a LoRA", f"{SECTION}5", 2_000),
    "embedding": Minimum(1_000, "pairs of a question and its passage", f"{SECTION}5", 2_000, ("retrieval",)),
    "distillation": Minimum(500, "for a student's LoRA", f"{SECTION}5", 20_000, (), 10_000),
}


def stated(profile: Profile, target: Target, score: str, need: Minimum) -> tuple[Gate, ...]:
    """The gates that rest on what a task file says, and on nothing that is measured: anybody can check them again."""
    return _owner(profile), _metric(target, score), _stable(profile), _slow(profile), _volume(profile, need)


def _owner(profile: Profile) -> Gate:
    owner = profile.owner
    return Gate("owner", bool(owner), owner or "nobody", "somebody who owns re-training", f"{SECTION}2")


def _metric(target: Target, score: str) -> Gate:
    """The number that the burden of re-training is taken on for."""
    named = [
        *([f"{score} of {target.quality:g} or more"] if target.quality is not None else []),
        *([f"a P95 of {target.p95_ms:g} ms or less"] if target.p95_ms is not None else []),
        *([f"{target.usd_per_1k:g} USD per 1,000 requests or less"] if target.usd_per_1k is not None else []),
    ]
    needed = "a target that re-training is paid with: target.quality, p95_ms or usd_per_1k"
    return Gate("metric", bool(named), ", ".join(named) or "no target is set", needed, f"{SECTION}2")


def _stable(profile: Profile) -> Gate:
    stable = profile.stable_months
    told = "not stated: profile.stable_months" if stable is None else f"{stable:g} months"
    held, needed = stable is None or stable >= MONTHS, f"{MONTHS} months or more"
    return Gate("stable requirements", held, told, needed, f"{SECTION}3", assumed=stable is None)


def _slow(profile: Profile) -> Gate:
    changes = profile.knowledge_changes
    told, needed = changes or "not stated: profile.knowledge_changes", "slower than weekly"
    return Gate("slow knowledge", changes not in MOVING, told, needed, f"{SECTION}3", assumed=changes is None)


def _volume(profile: Profile, need: Minimum) -> Gate:
    volume = profile.requests_per_day
    asked = "not stated: profile.requests_per_day" if volume is None else f"{volume:g} requests a day"
    if need.requests is not None:
        enough = volume is not None and volume >= need.requests
        return Gate("volume", enough, asked, f"{need.requests:,.0f} requests a day or more", f"{SECTION}6")
    months = max(1.0, profile.stable_months or MONTHS)
    least = need.project_usd / (USD_A_REQUEST * 30 * months)
    needed = (
        f"{least:,.0f} requests a day: a project of {need.project_usd:,.0f} USD at {USD_A_REQUEST:g} USD a request "
        f"over {months:g} months; the verdict says at which volume it pays"
    )
    held = volume is None or volume >= least
    return Gate("volume", held, asked, needed, f"{SECTION}6", assumed=volume is None)
