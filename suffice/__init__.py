"""Suffice: the lightest LLM stack that suffices, proven on your own data."""

from __future__ import annotations

from .budget import Budget
from .calls import Calls
from .climb import climb
from .compare import Comparison, compare
from .data import Context, Dataset, Example, Output
from .diagnose import diagnose
from .documents import Document
from .errors import BudgetSpent, Disproved, InputError, ModelError, SufficeError
from .gate import gate
from .layer import Duty, Gate, Layer
from .ledger import Ledger
from .load import load
from .model import Model, resolve
from .record import Diagnosis, Finding, Record, Run
from .run import run
from .score import Score, Scorer
from .stack import Stack
from .task import Profile, Target, Task
from .types import Answer, Ask, Message, Passage, Request, Sampling, Shot, Step, Tool, ToolCall, Usage, wording
from .verdict import Verdict
from .verify import verify
from .version import __version__

__all__ = [
    "Answer",
    "Ask",
    "Budget",
    "BudgetSpent",
    "Calls",
    "Comparison",
    "Context",
    "Dataset",
    "Diagnosis",
    "Disproved",
    "Document",
    "Duty",
    "Example",
    "Finding",
    "Gate",
    "InputError",
    "Layer",
    "Ledger",
    "Message",
    "Model",
    "ModelError",
    "Output",
    "Passage",
    "Profile",
    "Record",
    "Request",
    "Run",
    "Sampling",
    "Score",
    "Scorer",
    "Shot",
    "Stack",
    "Step",
    "SufficeError",
    "Target",
    "Task",
    "Tool",
    "ToolCall",
    "Usage",
    "Verdict",
    "__version__",
    "climb",
    "compare",
    "diagnose",
    "gate",
    "load",
    "resolve",
    "run",
    "verify",
    "wording",
]
