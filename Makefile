# The verbs people and CI use. Every one sets up what it needs first; a warm run installs nothing.
PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/runtime.stamp
DEV := .venv/dev.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# Two at once on two cores; `make test JOBS=0` for one after the other.
JOBS ?= auto
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal
OURS := --no-deps --no-build-isolation --no-index --editable client --editable .
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo up test check format contracts requirements faults mutants bench clean

help:
	@echo "make demo    the whole main job on bundled input, verified offline (ARGS='--suppliers 200')"
	@echo "make up      the same system on one port until Ctrl-C"
	@echo "make test    all tests against a real PostgreSQL (ARGS=tests/risk for some)"
	@echo "make check   what CI runs: format, lint, types, import contracts, drift, tests"
	@echo "make format  let ruff format and mend what it can"
	@echo "make contracts  write contracts/openapi and contracts/events/asyncapi.yaml from the code"
	@echo "make faults | mutants | bench   the long ones"

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rensho needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	@echo "making .venv" && $(PYTHON) -m venv .venv

$(RUNTIME): requirements.txt pyproject.toml client/pyproject.toml | .venv/bin/python
	@echo "installing pinned requirements"
	@$(PIP) install --no-deps --require-hashes --requirement requirements.txt
	@$(PIP) install $(OURS)
	@touch $@

# The development file names everything of the other one too.
$(DEV): requirements-dev.txt requirements.txt pyproject.toml client/pyproject.toml | .venv/bin/python
	@echo "installing pinned development requirements"
	@$(PIP) install --no-deps --require-hashes --requirement requirements-dev.txt
	@$(PIP) install $(OURS)
	@touch $(RUNTIME) $@

demo: $(RUNTIME)
	@$(BIN)/renshod demo $(ARGS)

up: $(RUNTIME)
	@$(BIN)/renshod up --example

test: $(DEV)
	@$(PYTEST) $(ARGS)

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy client/rensho services tests
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m services.contracts --check
	$(BIN)/python -m pytest tests/architecture/test_database.py -q
	$(PYTEST) $(ARGS)

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

contracts: $(DEV)
	$(BIN)/python -m services.contracts

# Needs uv. Neither file may name a download address.
COMPILE := uv pip compile pyproject.toml --quiet --generate-hashes --no-emit-package rensho \
	--no-header --no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 --universal
requirements:
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt

faults: $(DEV)
	@$(BIN)/python -m tests.faults $(ARGS)

mutants: $(DEV)
	@for group in client machines rm1 replay; do $(BIN)/python -m tests.mutants --group $$group $(ARGS) || exit 1; done

bench: $(DEV)
	@$(BIN)/python -m tests.bench $(ARGS)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .coverage demo-out
