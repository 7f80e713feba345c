# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PICTURES := aigc-output/demo

# Both goals install into one environment: with -j they must still go one after the other.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test lint clean

help: ## Show what there is to make
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

demo: $(VENV)/.installed ## Make .venv, install aigc and generate sixteen pictures
	@$(BIN)/aigc generate --modality image -n 16 --grid -o $(PICTURES)
	@echo "The pictures are in $(CURDIR)/$(PICTURES)"
	@echo "Make more: $(BIN)/aigc generate --modality image --help"

test: lint ## Make .venv with the development tools; check style, types, imports; run the tests
	$(BIN)/pytest -q -c examples/aigc-plugin-hello/pyproject.toml examples/aigc-plugin-hello
	$(BIN)/pytest --ignore=tests/acceptance

lint: $(VENV)/.installed-dev ## Check style, types and imports only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## Remove .venv, caches, builds and the demo's pictures
	rm -rf $(VENV) $(PICTURES) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is touched when its step has succeeded, so a half-made environment is made again, and a whole one is
# left alone until pyproject.toml changes. The install is editable: what you change in the source is what runs.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "aigc needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install -e '.[dev]'
	@touch $(VENV)/.installed $@
