# Set-up from nothing, and the commands that CI calls. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
RUN_TESTS := $(BIN)/python -m pytest

.PHONY: help demo test check unit examples bench bench-small lock screenshots system clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.local ## set up, and calibrate the boarding school's influenza
	$(BIN)/mops run --spec examples/boarding-school/adaptive.yaml

test: system $(VENV)/.dev check unit bench-small ## set up, and run every check and test

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "modelops needs Python 3.11 or later; say which: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: requirements/local.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements/local.lock
	$(PIP) install --no-build-isolation --no-deps -e .
	touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.local
	$(PIP) install --require-hashes -r requirements/dev.lock
	touch $@

system: ## what the tests need of the system: installed when it can be, named when it cannot
	@sh .ci/system

check: $(VENV)/.dev ## style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

unit: $(VENV)/.dev ## the tests
	$(RUN_TESTS) tests

bench: $(VENV)/.dev ## every benchmark at its full size: ratios against peers measured in the same run
	$(BIN)/python -m tests.bench --size full

bench-small: $(VENV)/.dev ## the same, small
	$(BIN)/python -m tests.bench --size small

screenshots: system $(VENV)/.dev ## pictures of reports of real runs, to look at, in .screenshots
	$(BIN)/python -m tests.browser.screenshots .screenshots

lock: $(VENV)/bin/python ## pin the dependencies anew
	$(PIP) install uv
	$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml --group pyproject.toml:build -o requirements/local.lock
	$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml --extra dask --extra postgres --extra azure --group pyproject.toml:build \
		--group pyproject.toml:dev -c requirements/local.lock -o requirements/dev.lock

LOCK_FLAGS := -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links

clean: ## remove the environment and what runs left
	rm -rf $(VENV) .modelops modelops-out examples/*/.modelops examples/*/modelops-out
