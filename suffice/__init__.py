"""Suffice: the lightest LLM stack that suffices, proven on your own data."""
