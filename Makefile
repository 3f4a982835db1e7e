# Two commands: `make demo` and `make test`. Each sets up its own .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint unit packages torture clean

demo: $(STAMP)
	$(BIN)/labneuro demo --out demo-out

test: lint unit packages

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(STAMP)
	$(BIN)/pytest -n 2

packages: $(STAMP)
	$(BIN)/python tests/packaging/check_packages.py

# Faults, kills, bad input, sandbox: four tables in at most 15 minutes.
torture: $(STAMP)
	$(BIN)/python -m tests.torture

# The extra `networks` brings torch: its CPU build, by the pin in constraints.txt.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "labneuro needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[networks]" --group dev
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo-out dist build
