"""The report: one self-contained page that shows a verdict and computes nothing."""

from __future__ import annotations

from .page import render

__all__ = ["render"]
