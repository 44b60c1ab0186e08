# `make demo` and `make test` do all the set-up themselves; see README.md.
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)
WORKERS ?= 2

.PHONY: help demo test test-all test-offline check bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t16

demo: ## Run the whole loop on real recordings: publish, submit, run, fetch
	@scripts/setup
	@python scripts/demo.py

test: ## Run the tests that take a few minutes
	@scripts/setup dev
	@echo "== tests (without slow ones), $(WORKERS) at once"
	pytest -n $(WORKERS) -m "not slow"

test-all: ## Run every test
	@scripts/setup dev
	@echo "== all tests, $(WORKERS) at once"
	pytest -n $(WORKERS)

test-offline: ## Run the unit tests without any network
	@scripts/setup dev
	@scripts/offline pytest -n $(WORKERS) tests/unit tests/property tests/contract

check: ## Lint, types, and who may import whom
	@scripts/setup dev
	ruff check .
	ruff format --check .
	mypy
	lint-imports

bench: ## Compare with a bare loop of the same script (prints ratios)
	@scripts/setup dev
	python benchmarks/run.py

lock: ## Lock the project's own requirements again
	@scripts/setup dev
	scripts/lock

clean: ## Remove the set-up and the demo
	rm -rf .venv .demo .setup.lock .setup.log
