# `make demo` and `make test` do all the set-up themselves; see README.md.
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)
WORKERS ?= 2

.PHONY: help demo demo-all test test-slow test-all check bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t16

demo: ## Run the whole loop on real recordings: publish, submit, run, fetch
	@scripts/setup
	@python scripts/demo.py

demo-all: ## Run every analysis on its sample, certify and replay it (many minutes)
	@scripts/setup
	@python scripts/demo_all.py

test: ## Run the tests, the pure ones without any network (minutes)
	@scripts/setup dev
	@scripts/setup-js
	@echo "== unit, property and contract tests, without network, $(WORKERS) at once"
	scripts/offline pytest -n $(WORKERS) -m "not slow" tests/unit tests/property tests/contract
	@echo "== integration tests and sessions, $(WORKERS) at once"
	pytest -n $(WORKERS) -m "not slow" tests/integration tests/cloud tests/slurm tests/golden tests/sessions

test-slow: ## Run only the tests that test leaves out
	@scripts/setup dev
	@scripts/setup-js browser
	@scripts/setup-registry
	@scripts/setup-slurm
	@echo "== slow tests, $(WORKERS) at once"
	pytest -n $(WORKERS) -m slow

test-all: test test-slow ## Run every test

check: ## Lint, types, and who may import whom
	@scripts/setup dev
	ruff check .
	ruff format --check .
	mypy
	lint-imports

bench: ## Compare with a bare loop of the same script (prints ratios)
	@scripts/setup dev
	@scripts/setup-js
	python benchmarks/run.py
	python benchmarks/build.py
	python benchmarks/certify.py
	python benchmarks/registry.py
	python benchmarks/pull_requests.py

lock: ## Lock the project's own requirements again
	@scripts/setup dev
	scripts/lock

clean: ## Remove the set-up and the demo
	rm -rf .venv .demo .demo-all .registry .setup.lock .setup.log tests/js/node_modules
