# Two commands for a new machine: `make demo` and `make test`. Each makes .venv and installs what it needs, once.

PYTHON ?= $(shell scripts/python)
VENV ?= .venv
BIN := $(VENV)/bin
SHARED := -q -n 2 --dist loadfile --no-loadscope-reorder
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test test-fast check format schemas docs clean

help:  ## say what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.installed  ## install, climb a task that comes with Suffice, show the verdict
	$(BIN)/suffice demo suffice-demo

test: $(VENV)/.installed-dev  ## run all tests
	@scripts/browser
	$(BIN)/python -m pytest $(SHARED)

test-fast: $(VENV)/.installed-dev  ## run the tests that take a moment
	$(BIN)/python -m pytest $(SHARED) -m "not slow and not browser"

check: $(VENV)/.installed-dev  ## style, types and the rules of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_house.py

format: $(VENV)/.installed-dev  ## let ruff format
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

schemas: $(VENV)/.installed-dev  ## write the published JSON Schema of the task file again
	$(BIN)/python scripts/schemas.py

docs: $(VENV)/.installed-dev  ## write the generated tables of the documentation again
	$(BIN)/python scripts/docs.py

clean:  ## remove what these commands made
	rm -rf $(VENV) suffice-demo .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt torch
	$(PIP) install --constraint constraints.txt --editable ".[train,test,check]"
	@touch $@ $(VENV)/.installed
