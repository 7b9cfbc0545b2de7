# `make demo` shows what the pipeline does, `make test` checks it, `make quick` what was changed.
PYTHON ?= python3
VENV := .venv
# DVC starts each stage with the `python` of PATH.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: demo test quick setup lint types tests docs clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   set up, run the pipeline on the generated demo corpus, print the results"
	@echo "make test   set up, then lint, types and tests"
	@echo "make quick  lint, types and the tests that the change since SINCE=HEAD can affect"
	@echo "make docs   set up, then make a site of docs/ in site/; a broken link is an error"
	@echo "make setup  create $(VENV) with the pinned dependencies"

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt scripts/install_cyvlfeat.sh
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || \
	  { echo "error: $(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11 or 3.12 is needed: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "error: $(PYTHON) cannot create an environment; install its venv module (Debian: python3-venv)"; exit 1; }
	@echo "Installing the pinned dependencies into $(VENV) (2 to 5 minutes, 2.5 GB) ..."
	@python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt pip
	@python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@scripts/install_cyvlfeat.sh $(VENV)
	@touch $@

demo: setup
	@python scripts/mend_dvc.py
	@dvc repro
	@python -m avlib results

lint: setup
	ruff check .
	ruff format --check .
	lint-imports

types: setup
	mypy

# One process more than cores, five at most (1 GB each): it computes while others wait for DVC, Git or a worker's restart.
# Each on one thread: as many threads as cores in each would only wait for one another.
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(min(os.cpu_count() + 1, 5))')
# Some start Python hundreds of times: bytecode is kept, whatever the environment says.
tests: setup
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 pytest -n $(PROCESSES) --dist worksteal

test: lint types tests

# Not those of tests/pipeline, and of many affected files only the closest; it says which it left.
SINCE ?= HEAD
quick: lint types
	@python scripts/affected_tests.py --since $(SINCE) | xargs --no-run-if-empty \
	  pytest -n 2 --dist worksteal -m "not slow"

docs: setup
	@python -m mkdocs build --quiet

clean:
	rm -rf $(VENV) .memo .vlfeat site
