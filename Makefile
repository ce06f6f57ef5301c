# The two commands of the README are `make run` and `make test`; each sets up what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
ARGS   ?=

.PHONY: run test test-servers lint format bench fuzz soak setup clean help

help:            ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

run: $(VENV)/.run            ## the exporter with config.yaml, or the demo when there is none
	@if [ -f config.yaml ]; then exec $(BIN)/smtp-tls-exporter --config.file=config.yaml $(ARGS); \
	else exec $(BIN)/smtp-tls-exporter --demo $(ARGS); fi

test: lint            ## formatting, lint, types, architecture, then every test with branch coverage
	$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

lint: $(VENV)/.dev            ## formatting, lint, types and architecture alone
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test-servers: export SMTP_TLS_TEST_SERVERS = required
test-servers: $(VENV)/.dev            ## only the tests against real servers; a missing one fails
	$(BIN)/python -m pytest -m servers $(ARGS)

format: $(VENV)/.dev            ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev            ## ratios of cost per probe, from one run on this machine
	$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/.dev            ## five minutes of good and hostile servers, reloads and scrapes: what the process takes
	$(BIN)/python -m tests.soak $(ARGS)

fuzz: $(VENV)/.fuzz            ## what reads bytes from servers, given a minute of hostile ones
	$(BIN)/python -m tests.fuzz $(ARGS)

setup: $(VENV)/.dev            ## the development environment

# An environment made by another interpreter is made again: the mark of its making has another name.
MAKER  := $(shell $(PYTHON) -c 'import sys; print(sys.version.split()[0] + sys.base_prefix.replace("/", "-"))')
MADE    = $(VENV)/.made-by-$(MAKER)

$(MADE):
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: pyproject.toml $(MADE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

# Wheels of atheris exist for CPython 3.11 to 3.13 on Linux only, so nothing else asks for it.
$(VENV)/.fuzz: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "atheris>=3"
	@touch $@

clean:            ## remove what was made
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
