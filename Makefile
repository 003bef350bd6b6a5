# One command for each intention, the same here and in CI. `make run` and `make test` need Python 3.11 or newer, nothing else.

# The virtual environment: a path without spaces, best a relative one (the checkout's own path may have them).
VENV ?= .venv
ifneq ($(words $(VENV)),1)
$(error VENV is "$(VENV)", but has to be a path without spaces)
endif

# How the suite runs: two files side by side, since most tests wait more than they work, and in their order, so that those
# which take long do not come last and alone.
PYTEST ?= --numprocesses=2 --dist=loadfile --no-loadscope-reorder

# Tried in this order; 3.12 and 3.11 first, since for these the requirements bring a redis-server.
PYTHONS ?= python3.12 python3.11 python3 python3.13 python3.14 python

python = $(VENV)/bin/python
install = "$(python)" -m pip install --quiet --disable-pip-version-check --require-hashes

.DEFAULT_GOAL := help
.PHONY: help run status test chaos bench pictures lint types imports check messages requirements clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*  ## /    make \1	/p' Makefile

run: $(VENV)/.run-installed  ## everything in the foreground: http://127.0.0.1:8000/
	@exec "$(python)" -m project.run

status: $(VENV)/.run-installed  ## which processes run
	@"$(python)" -m supervisor.supervisorctl -c supervisord.conf status || [ $$? -eq 3 ]  # 3: some are stopped

test: $(VENV)/.dev-installed  ## the whole suite, two files at a time (PYTEST="-k presence")
	@"$(python)" -m pytest $(PYTEST)

chaos: $(VENV)/.dev-installed  ## people chat while everything breaks; takes minutes (CHAOS="--seed 7 --minutes 5", --help)
	@"$(python)" -m tests.e2e.chaos $(CHAOS)

bench: $(VENV)/.dev-installed  ## this and its peers, measured side by side; takes an hour (BENCH="--quick", BENCH="W1 W2", --help)
	@"$(python)" -m benchmarks $(BENCH)

pictures: $(VENV)/.dev-installed  ## the pages in all sizes, into var/pictures; those of the README too (PICTURES="--docs")
	@"$(python)" -m tests.browser.pictures $(PICTURES)

lint: $(VENV)/.dev-installed  ## ruff
	@"$(python)" -m ruff check .
	@"$(python)" -m ruff format --check .

types: $(VENV)/.dev-installed  ## mypy --strict
	@"$(python)" -m mypy

imports: $(VENV)/.dev-installed  ## who imports whom
	@"$(VENV)/bin/lint-imports"

check: lint types imports test  ## all of these

messages: $(VENV)/.dev-installed  ## collect what is to be translated into locale/, and compile what is
	@"$(python)" -m project.catalogs

requirements:  ## pin requirements/*.in anew; wants uv
	@for name in run dev; do \
	    uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	        --quiet --upgrade requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

clean:  ## the caches; never the data, nor the virtual environment
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache var/static
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the virtual environment; a requirement that changed is installed with the next command

$(VENV)/.run-installed: requirements/run.txt $(python)
	@echo "Installing what it runs with into $(VENV) ..."
	@$(install) -r requirements/run.txt
	@touch "$@"

$(VENV)/.dev-installed: requirements/dev.txt $(VENV)/.run-installed
	@echo "Installing what it is tested with into $(VENV) ..."
	@$(install) -r requirements/dev.txt
	@touch "$@"

# What is there is never overwritten: VENV may name, or be a link to, a folder that others use.
$(python):
	@if [ -e "$(VENV)" ]; then \
	    echo "$(VENV) is there but has no working Python in it (was it updated?): remove $(VENV) and try again." >&2; \
	    exit 2; \
	fi; \
	for candidate in $(PYTHONS); do \
	    "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    found=$$candidate; \
	    "$$candidate" -c 'import ensurepip, venv' 2>/dev/null || continue; \
	    echo "Making $(VENV) with $$("$$candidate" --version) ..."; \
	    exec "$$candidate" -m venv "$(VENV)"; \
	done; \
	if [ -n "$$found" ]; then \
	    echo "$$found cannot make virtual environments: install its venv module (on Debian: apt-get install python3-venv)." >&2; \
	else \
	    echo "Switchboard needs Python 3.11 or newer, and none was found: install one, or name it by make PYTHONS=..." >&2; \
	fi; \
	exit 2
