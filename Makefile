# One command each. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# pip checks for its own update on every call otherwise.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test torture bench check messages constraints clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Run the demo shop with worker, beat and a phone (ARGS="--once" plays the story headless)
	@$(BIN)/python manage.py demo $(ARGS)

# Both runs need no server: what the second one talks to comes in a wheel. 5: none selected.
ON_POSTGRES := tests/services tests/models tests/webhooks tests/demo_shop tests/torture tests/test_checks.py
test: check ## Run the whole test suite (ARGS="-k stop" narrows it)
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)
	$(BIN)/python -m tests.with_postgres $(BIN)/python -m pytest -n 2 -m "not browser" $(ON_POSTGRES) $(ARGS) || test $$? -eq 5

torture: $(VENV)/.dev ## Kill it thousands of times and audit what it sent (ARGS="--seed 42" repeats a run)
	$(BIN)/python -m tests.torture $(ARGS)
	$(BIN)/python -m tests.torture --mutants

bench: $(VENV)/.dev ## Measure on PostgreSQL and Redis of its own (ARGS="loop --rate 1000")
	$(BIN)/python -m tests.with_servers $(BIN)/python manage.py whatsapp_bench $(or $(ARGS),send --against naive)

check: $(VENV)/.dev ## Run linters, types, layers and the check for missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run

messages: $(VENV)/.dev ## Collect and compile the translations (needs gettext)
	cd whatsapp_notify && ../$(BIN)/django-admin makemessages -l fi -l sv -l ru --no-wrap --no-obsolete --add-location file --ignore 'simulator/*'
	cd whatsapp_notify/simulator && ../../$(BIN)/django-admin makemessages -l fi -l sv -l ru --no-wrap --no-obsolete --add-location file
	cd demo_shop && ../$(BIN)/django-admin makemessages -l fi -l sv -l ru --no-wrap --no-obsolete --add-location file
	$(BIN)/django-admin compilemessages --ignore .venv

constraints: ## Resolve the versions that demo and tests use anew (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --no-annotate --no-header --no-emit-index-url -o constraints.txt

clean: ## Remove the virtual environment, the demo's data and all caches
	rm -rf $(VENV) var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; run: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the demo's packages" >&2
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the packages of demo and tests" >&2
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.demo
