# One door to everything a developer does. Works from any folder: make -C path/to/reconciler test
.DEFAULT_GOAL := help

# Which Python builds .venv; empty: the newest of python3.14 ... python3.11, python3 on PATH.
PYTHON ?=
BIN := .venv/bin
PACKAGES := reconciler adapters workers

.PHONY: help
help: ## List the targets
	@echo "Usage: make TARGET [PYTHON=python3.13] [ARGS='-k matching'] [KEEP=1]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: ## Create or refresh .venv from the locked dependencies (only needs Python 3.11 or newer)
	@PYTHON='$(PYTHON)' sh scripts/setup.sh

.PHONY: demo
demo: setup ## Reconcile seeded shops from end to end; KEEP=1 leaves everything up to look around in
	@$(BIN)/reconciler demo $(if $(KEEP),--keep)

.PHONY: test
test: setup ## Run every test; ARGS go to pytest, e.g. ARGS='-m "not slow"'
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: chaos
chaos: setup ## Hold the promises against faults: FAULTS=1000 SEED=1
	@$(BIN)/python -m tests.chaos --faults $(or $(FAULTS),100) --seed $(or $(SEED),1) $(ARGS)

.PHONY: bench
bench: setup ## Run the benchmarks, which print ratios to anchors measured in the same run
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: lint
lint: setup ## Lint, check the formatting, and look for missing docstrings
	@status=0; \
	$(BIN)/ruff check || status=1; \
	$(BIN)/ruff format --check || status=1; \
	$(BIN)/interrogate --quiet $(PACKAGES) tests || { $(BIN)/interrogate -vv $(PACKAGES) tests; status=1; }; \
	exit $$status

.PHONY: types
types: setup ## Check the types with mypy --strict
	@$(BIN)/mypy $(ARGS)

.PHONY: contracts
contracts: setup ## Check the direction of imports
	@$(BIN)/lint-imports --no-logo $(ARGS)

.PHONY: docs
docs: setup ## Write the reference pages again from the code
	@$(BIN)/python scripts/docs.py
	@$(BIN)/python scripts/generate_decision_table.py

.PHONY: check-docs
check-docs: setup ## Fail when a reference page has drifted from the code
	@$(BIN)/python scripts/docs.py --check
	@$(BIN)/python scripts/generate_decision_table.py --check

.PHONY: ci
ci: ## Everything a change must pass, as on the build machine
	@bash .ci/run

.PHONY: lock
lock: ## Pin the newest allowed dependencies, with hashes (fetches uv into a scratch environment)
	@PYTHON='$(PYTHON)' sh scripts/lock.sh $(ARGS)

.PHONY: clean
clean: ## Remove .venv, caches and build output
	@rm -rf .venv .venv.lock .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
