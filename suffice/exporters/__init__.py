"""Exporters: one file is one form in which learned state leaves the house."""
