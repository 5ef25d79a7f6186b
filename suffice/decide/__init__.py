"""Decide: from what is known of a case to the lever, without asking any model (docs/framework.md as rules)."""

from .advice import Answer, Change, Checked, Step, decide, steps_of
from .case import Case, case_of
from .facts import FACTS, SIGNALS

__all__ = ["FACTS", "SIGNALS", "Answer", "Case", "Change", "Checked", "Step", "case_of", "decide", "steps_of"]
