"""Platforms: one file is one provider that tunes models of its own."""
