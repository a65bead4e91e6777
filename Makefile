# `make run` and `make test` do all their set-up, on a Linux machine that has CPython 3.11 to 3.13
# with venv, and make. What was set up once is not set up again until the lock changes.

MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
.SHELLFLAGS := -euc
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.SUFFIXES:

# --- what you may give on the command line ---

# where the service listens: make run BIND=127.0.0.1:9000
BIND ?= $(or $(CDS_BIND),127.0.0.1:8000)
# another interpreter: make test PYTHON=/path/to/python3.12
PYTHON ?=
# more words for pytest: make test ARGS="-k laws"; part of the tests is run without coverage
ARGS ?=
# for make lock: UPGRADE=--upgrade, or UPGRADE="--upgrade-package flask"
UPGRADE ?=

# --- the environment ---

VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/.stamps

PIP := $(PY) -m pip --disable-pip-version-check --no-input -qq install
# By hash, so that nothing comes in that is not in the lock; and never from a source archive, whose
# build would fetch tools that no lock knows.
LOCKED := $(PIP) --require-hashes --only-binary :all:

LOCK_RUN := requirements/runtime.txt requirements/build.txt
LOCK_DEV := requirements/dev.txt

# A stamp's name holds the content that it vouches for, so a changed lock is seen however it came.
digest = $(shell cat $(1) 2>/dev/null | sha256sum | cut -c 1-16)
# Scripts in an environment hold its full path, so one that was moved is made again; so is one whose
# interpreter has gone.
here := $(shell pwd | sha256sum | cut -c 1-16)
alive := $(if $(wildcard $(VENV)),$(shell $(PY) -c '' 2>/dev/null || echo -gone))

VENV_READY := $(STAMPS)/at-$(here)$(alive)
RUN_READY := $(STAMPS)/run-$(call digest,$(LOCK_RUN))
DEV_READY := $(STAMPS)/dev-$(call digest,$(LOCK_DEV))
PACKAGE_READY := $(STAMPS)/package-$(call digest,pyproject.toml $(LOCK_DEV))

# --- the compiled build: docs/decisions/0009-compiled-where-there-is-a-compiler.md ---

COMPILED := build/compiled
# Everything that its wheel is made from: a change anywhere, and it is out of date.
WHEEL_PARTS := pyproject.toml hatch_build.py $(LOCK_DEV) \
	$$(find cds_service cards samples -type f ! -name '*.pyc' | LC_ALL=C sort)
COMPILED_READY = $(STAMPS)/compiled-$(call digest,$(WHEEL_PARTS))
# Before a command: it takes the package from the compiled build, and not from the checkout.
AS_COMPILED := PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/$(COMPILED)
# Runs a benchmark a second time, compiled, where there is a C compiler.
define compiled_too
missing=$$(sh .ci/compiler $(PY)); if [ -z "$$missing" ]; then \
	$(MAKE) compiled && $(AS_COMPILED) $(PY) -m $(1); \
else echo "not measured compiled: $$missing"; fi
endef

# --- for everyone ---

.PHONY: help
help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: $(if $(wildcard $(DEV_READY)),$(DEV_READY),$(RUN_READY)) $(PACKAGE_READY)  ## Start the service on 127.0.0.1:8000
	@$(if $(wildcard $(COMPILED_READY)),$(AS_COMPILED)) exec $(VENV)/bin/cds-service serve --bind $(BIND)

.PHONY: test
test: setup  ## Run every test
	@$(PY) -m pytest -n auto $(or $(ARGS),--cov --cov-report=term)

# --- for those who change it ---

.PHONY: setup
setup: $(DEV_READY) $(PACKAGE_READY)  ## Set up, and nothing else
	@:

.PHONY: deps
deps: $(DEV_READY)  ## Set up the dependencies, without the package itself
	@:

.PHONY: lint
lint: setup  ## Check style, layout, types, import contracts and the Dockerfile
	@$(PY) -m ruff check --quiet && echo "ruff check: no findings"
	@$(PY) -m ruff format --quiet --check && echo "ruff format: laid out"
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/hadolint Dockerfile && echo "hadolint: no findings"

.PHONY: format
format: setup  ## Lay out the code, and mend what ruff can mend
	@$(PY) -m ruff check --fix-only --exit-zero
	@$(PY) -m ruff format

.PHONY: compiled
compiled: $(COMPILED_READY)  ## Compile what every answer runs through; make run then uses it
	@:

# What a browser is shown is written by the same compiled modules for the tests that read it as text.
# The one slow test builds the image, which is compiled whatever the tests run against.
.PHONY: test-compiled
test-compiled: setup compiled  ## Run every test but a browser's against the compiled build
	@$(AS_COMPILED) $(PY) -m pytest -n auto --import-mode=importlib --compiled -m "not browser and not slow" $(ARGS)

.PHONY: bench
bench: setup  ## Measure speed, as plain Python and compiled
	@$(PY) -m benchmarks
	@$(call compiled_too,benchmarks)

.PHONY: instructions
instructions: setup  ## Count the instructions of a request, as plain Python and compiled
	@$(PY) -m benchmarks.instructions
	@$(call compiled_too,benchmarks.instructions)

.PHONY: soak
soak: setup  ## Call 20,000 times while a database stops and starts again
	@$(PY) -m tests.outage $(ARGS)

.PHONY: load
load: setup  ## Put the service under load on loopback; ARGS=quick or ARGS=rss for other runs
	@$(if $(wildcard $(COMPILED_READY)),$(AS_COMPILED)) $(PY) -m benchmarks.load $(ARGS)

.PHONY: faults
faults: setup  ## Send 10,000 hostile bodies, and see whether the service is the same afterwards
	@$(if $(wildcard $(COMPILED_READY)),$(AS_COMPILED)) $(PY) -m tests.faults.siege $(ARGS)

.PHONY: openapi
openapi: setup  ## Write the OpenAPI document from the schemas
	@$(PY) -m cds_service.openapi

.PHONY: settings
settings: setup  ## Write the table of settings in docs/operate.md
	@$(PY) -m cds_service.commands.config

.PHONY: lock
lock:  ## Lock the dependencies again after a change in pyproject.toml
	@python=$$(sh .ci/python $(PYTHON)); bash .ci/lock "$$python" $(UPGRADE)
	@echo "locked in requirements/; run make test"

.PHONY: sbom
sbom: setup  ## Write what the image consists of (CycloneDX) to dist/sbom.cdx.json
	@$(PY) .ci/sbom.py dist/sbom.cdx.json

.PHONY: secrets
secrets:  ## Make the passwords that docker-compose.yml reads, once
	@sh deploy/secrets.sh

.PHONY: clean
clean:  ## Remove the environment and everything that was built
	@rm -rf $(VENV) build dist htmlcov .coverage .coverage.* \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .schemathesis
	@find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the set-up, step by step ---

# What to install is said by make's own error, so that it is one line and the last.
$(VENV_READY):
	$(eval FOUND := $(shell sh .ci/python $(PYTHON) 2>&1))
	$(if $(filter /%,$(firstword $(FOUND))),,$(error $(FOUND)))
	@echo "making $(VENV) with $$('$(FOUND)' -V)"
	@'$(FOUND)' -m venv --clear $(VENV)
	@mkdir -p $(STAMPS) && touch $(STAMPS)/at-$(here)

$(RUN_READY): $(VENV_READY)
	@echo "installing what the service needs"
	@$(LOCKED) $(addprefix -r ,$(LOCK_RUN))
	@rm -f $(STAMPS)/run-* $(STAMPS)/dev-* && touch $@

$(DEV_READY): $(VENV_READY)
	@echo "installing what the service and its tests need"
	@$(LOCKED) $(addprefix -r ,$(LOCK_DEV))
	@rm -f $(STAMPS)/run-* $(STAMPS)/dev-* && touch $@

$(PACKAGE_READY): $(VENV_READY)
	@$(PIP) --no-build-isolation --no-deps --editable .
	@rm -f $(STAMPS)/package-* && touch $@

# The wheel in dist/ is what a production image installs; it fits this interpreter and kind of machine.
$(COMPILED_READY): $(DEV_READY)
	@missing=$$(sh .ci/compiler $(PY)); if [ -n "$$missing" ]; then echo "$$missing" >&2; exit 1; fi
	@echo "compiling, which takes a minute"
	@rm -rf $(COMPILED) build/mypyc
	@HATCH_BUILD_HOOKS_ENABLE=1 $(PY) -m pip --disable-pip-version-check --no-input -qq wheel \
		--no-build-isolation --no-deps --wheel-dir build/wheel .
	@$(PIP) --no-deps --target $(COMPILED) build/wheel/*.whl
	@mkdir -p dist && mv build/wheel/*.whl dist/
	@rm -f $(STAMPS)/compiled-* && touch $@
