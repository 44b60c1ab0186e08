# `make demo` and `make test` do all the set-up themselves; see README.md.
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)
WORKERS ?= 2
# They spend half of their time waiting: for leases, schedulers and machines that start.
SLOW_WORKERS ?= 3
# Neighbours share what their modules set up; whoever has nothing left takes from the others. Each
# computes on one thread: threads of several that wait for each other took six times as long.
PYTEST := env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 pytest --dist worksteal

.PHONY: help demo demo-all test test-slow test-long test-all check bench lock clean

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
	scripts/offline $(PYTEST) -n $(WORKERS) -m "not slow" tests/unit tests/property tests/contract
	@echo "== integration tests and sessions, $(WORKERS) at once"
	$(PYTEST) -n $(WORKERS) -m "not slow" tests/integration tests/cloud tests/slurm tests/golden tests/sessions

test-slow: ## Run the slow tests, which test leaves out
	$(call slow-tests,slow and not long)

test-long: ## Run the longest tests, which test-slow leaves out as well
	$(call slow-tests,long)

define slow-tests
	@scripts/setup dev
	@scripts/setup-js browser
	@scripts/setup-registry
	@scripts/setup-slurm
	@echo "== tests that are $(1), $(SLOW_WORKERS) at once"
	$(PYTEST) -n $(SLOW_WORKERS) -m "$(1)"
endef

test-all: test test-slow test-long ## Run every test

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
