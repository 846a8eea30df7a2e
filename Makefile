# The commands of this project. Each sets itself up: `make book` reads, `make test` checks.
#
#   make book       build the site into _build/html
#   make serve      serve the built site on this machine
#   make lab        open the notebooks in JupyterLab
#   make test       everything that CI checks: lint types unit notebooks site, each also alone
#   make golden     compute PyTorch's values anew and compare them with those that the tests hold
#   make bench      measure the library's speed beside others, into benchmarks/results.md
#   make mutation   change the library in one place at a time, and see whether a test notices
#   make tested     run unit, notebooks and site, and write what came of it into the book
#   make clean      remove what builds and tests leave; `make distclean` also .venv
#
# PYTHON=python3.12 make book    choose the Python that .venv is made with (3.11 or newer)

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin

# Two processes that each start a thread per core only wait for one another.
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help book serve lab test lint types unit notebooks site tested golden bench mutation lock clean distclean
.DELETE_ON_ERROR:

help:
	@sed -n '/^#   make/s/^#   //p' Makefile

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "This project needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || echo missing)."; \
	  echo "Name a newer one: make book PYTHON=python3.12"; exit 1; }
	@echo "· making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# The lock pins versions and the lists say what is wanted: pip sees both, and runs again only
# when one of them has changed.
LISTS := requirements.txt requirements.lock pyproject.toml
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint requirements.lock

$(VENV)/book.stamp: $(LISTS) | $(BIN)/python
	@echo "· installing what the book needs (once; a few minutes on a slow line)"
	@$(PIP) --requirement requirements.txt
	@touch $@

$(VENV)/test.stamp: $(VENV)/book.stamp
	@echo "· installing what the tests need"
	@$(PIP) --editable '.[book,test]'
	@touch $@

book: $(VENV)/book.stamp
	@echo "· building the book: chapters run when they, or the library, have changed"
	@$(BIN)/jupyter-book build . --warningiserror --keep-going
	@echo
	@echo "The book is at file://$(subst $() $(),%20,$(CURDIR))/_build/html/index.html"
	@echo "or, with 'make serve', at http://127.0.0.1:$(PORT)/"

serve: $(VENV)/book.stamp
	@test -f _build/html/index.html || $(MAKE) --no-print-directory book
	@echo "http://127.0.0.1:$(PORT)/  (Ctrl-C stops it)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lab: $(VENV)/book.stamp
	@$(BIN)/jupyter lab book

CHECKS := lint types unit notebooks site
# What pytest found, one file for each of these checks: `make tested` makes a page of it.
RESULTS := _build/tested

test: $(VENV)/test.stamp
	@failed=; for check in $(CHECKS); do \
	  printf '\n── %s\n' $$check; \
	  $(MAKE) --no-print-directory $$check || failed="$$failed $$check"; \
	done; echo; \
	if [ -n "$$failed" ]; then echo "make test: FAILED in:$$failed"; exit 1; fi; \
	echo "make test: all passed ($(CHECKS))"

lint: $(VENV)/test.stamp
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

# Two checkers, and a program that sees the library as an installed package with types.
types: $(VENV)/test.stamp
	@$(BIN)/mypy && $(BIN)/basedpyright --pythonpath $(BIN)/python
	@cd tests/types && ../../$(BIN)/mypy --config-file= --strict user.py

unit: $(VENV)/test.stamp
	@$(BIN)/pytest tests --ignore tests/site -n auto --junitxml $(RESULTS)/$@.xml

# Strict: every output that a notebook stores must come out again, in this environment.
notebooks: $(VENV)/test.stamp
	@$(BIN)/pytest --nbval --nbval-current-env -n auto --dist loadfile \
	  --junitxml $(RESULTS)/$@.xml \
	  $$(find book -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' | sort)

# A browser on a busy machine now and then answers late: what fails is tried once more, and named.
site: book $(VENV)/test.stamp
	@$(BIN)/pytest tests/site -n auto --dist loadfile --reruns 1 -r aR --junitxml $(RESULTS)/$@.xml

# The page is what tests/site would find stale. `.venv/bin/python tests/tested/write.py _build/tested`
# alone writes it from the results of the last run.
tested: export PYTEST_ADDOPTS += --deselect tests/site/test_tested_page.py::test_the_page_is_fresh
tested: $(VENV)/test.stamp
	@rm -rf $(RESULTS)
	@for check in unit notebooks site; do $(MAKE) --no-print-directory $$check; done || true
	@$(BIN)/python tests/tested/write.py $(RESULTS)
	@$(MAKE) --no-print-directory book

# PyTorch is an oracle and no part of this project: any Python that has it, and NumPy, will do.
# `make golden WRITE=1` stores what it computes.
TORCH_PYTHON ?= $(BIN)/python

golden: $(VENV)/test.stamp
	@$(TORCH_PYTHON) -c 'import torch' 2>/dev/null || { \
	  echo "PyTorch is missing. Install it:  $(BIN)/python -m pip install --editable '.[oracle]'"; \
	  echo "or name a Python that has it:    make golden TORCH_PYTHON=/path/to/python"; exit 1; }
	@$(TORCH_PYTHON) tests/golden/make.py $(if $(WRITE),--write)
	@$(BIN)/pytest tests/golden

# Beside PyTorch too, where that Python has it. Nothing fails here: a ratio is not a test.
bench: $(VENV)/book.stamp
	@PYTHONPATH=src $(TORCH_PYTHON) benchmarks/run.py

mutation: $(VENV)/test.stamp
	@$(BIN)/python -c 'import mutmut' 2>/dev/null || { \
	  echo "mutmut is missing. Install it:  $(BIN)/python -m pip install --editable '.[mutation]'"; exit 1; }
	@$(BIN)/python tests/mutation/run.py

# Pin anew: the newest versions that fit, as a fresh environment resolves them.
lock:
	@rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip install --quiet --requirement requirements.txt --editable '.[book,test]'
	@$(VENV)-lock/bin/python -m pip freeze --exclude-editable > requirements.lock
	@rm -rf $(VENV)-lock

clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis .mutation dist
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +
	find . -path ./$(VENV) -prune -o -name .ipynb_checkpoints -type d -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
