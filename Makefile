# Two commands do everything on a fresh machine with Python 3.11+, git and make:
#   make run    set up, run the flagship scenario, say where the report is
#   make test   set up, run the checks and the tests
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENARIO ?= moon-village
OUT ?= runs/$(SCENARIO)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: bench-light bench-outpost bench-windows run test test-all lint bench bench-flight clean help
help:
	@sed -n '1,4p' Makefile

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "moonvillage needs Python 3.11 or newer; try: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is incomplete; on Debian: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/.made
	@echo "installing moonvillage and its locked dependencies into $(VENV) (about a minute)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.test: requirements-dev.lock $(VENV)/.run
	@echo "installing the tools for the tests"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.run
	@$(BIN)/python -m moonvillage.scenario.examples $(SCENARIO) $(OUT).toml
	@$(BIN)/moonvillage run $(OUT).toml -o $(OUT)

lint: $(VENV)/.test
	@$(BIN)/ruff format --check -q src tests benchmarks
	@$(BIN)/ruff check -q src tests benchmarks
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: lint
	@$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadgroup

test-all: lint
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

bench: $(VENV)/.test
	@$(BIN)/python benchmarks/run.py

.venv-peers/.made: benchmarks/peers.txt
	@echo "installing the peers of the flight benchmark into .venv-peers"
	@$(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --disable-pip-version-check --quiet -r benchmarks/peers.txt
	@touch $@

bench-flight: $(VENV)/.test .venv-peers/.made
	@$(BIN)/python benchmarks/flight.py

bench-outpost: $(VENV)/.run
	@$(BIN)/python benchmarks/outpost.py

bench-light: $(VENV)/.test
	@$(BIN)/python benchmarks/light.py

bench-windows: $(VENV)/.run
	@$(BIN)/python benchmarks/windows.py

clean:
	rm -rf $(VENV) runs build dist .mypy_cache .ruff_cache .hypothesis
