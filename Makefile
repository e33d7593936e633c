# make demo: a first look.  make test: the whole suite.  Both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# constraints.txt pins torch too: an unpinned torch can bring gigabytes of GPU libraries.
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable

.DEFAULT_GOAL := help
.PHONY: help demo test lint format wheel bench screenshots site clean

help:
	@echo "make demo     build a database from data/posts, search it, export a topic"
	@echo "make test     run the test suite"
	@echo "make lint     check format, lint and types"
	@echo "make format   put the sources into shape"
	@echo "make wheel    build the wheel into dist/"
	@echo "make bench    time a build against tokenising alone"
	@echo "make screenshots  take the README's pictures of the site (needs Chromium and Japanese fonts)"
	@echo "make site     build the site's scripts again from frontend/ (needs Node)"
	@echo "make clean    remove .venv, caches and what the others made"

demo: $(VENV)/.installed
	$(BIN)/kb demo demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

wheel: $(VENV)/.installed-dev
	$(BIN)/python -m build --wheel --no-isolation

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/build.py

screenshots: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/screenshots.py

site:
	cd frontend && npm ci && npm run build

clean:
	rm -rf $(VENV) frontend/node_modules demo dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kb needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV): about 500 MB to download, a few minutes ..."
	$(INSTALL) .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV): about 580 MB to download, a few minutes ..."
	$(INSTALL) '.[dev]'
	@touch $(VENV)/.installed $@
