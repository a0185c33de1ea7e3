# The one vocabulary of tasks: people, hooks and CI call these and nothing else.

# The first of these that is in range; `make PYTHON=/path/to/python ...` names one.
PYTHON ?= python3 python3.13 python3.12 python3.11
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

PIP := $(BIN)/python -m pip --disable-pip-version-check
UV_LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
  --generate-hashes --no-header --no-annotate --no-emit-index-url

# Each stamp is a copy of the lock that the environment was made from.
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list these tasks
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- the environment ------------------------------------------------------------------------

# A virtual environment holds absolute paths: one that was moved, or whose Python is gone,
# looks whole and is not.
.PHONY: whole
whole:
	@test ! -e $(VENV) || test -x $(BIN)/python || \
	  { echo "error: the Python that $(VENV) was made from is gone: rm -r $(VENV), then make again" >&2; exit 2; }
	@test ! -e $(VENV)/.made-in || test "$$(cat $(VENV)/.made-in)" = "$$(cd $(VENV) && pwd -P)" || \
	  { echo "error: $(VENV) was moved here from $$(cat $(VENV)/.made-in): rm -r $(VENV), then make again" >&2; exit 2; }

# The Python that the environment has, unless the caller names one.
SAME := test "$(origin PYTHON)" = file && $(BIN)/python -c 'import sys; print(sys._base_executable)' 2>/dev/null

# Made from nothing whenever a lock differs from its stamp: a package that left the lock
# leaves the environment, and an install that was killed leaves nothing behind.
$(RUNTIME): requirements.lock | whole
	@if cmp -s $< $@; then touch $@; exit; fi; \
	for python in $$($(SAME)) $(PYTHON); do \
	  "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue; \
	  echo "making $(VENV) with $$python: a minute or two" >&2; \
	  rm -rf $(VENV); \
	  "$$python" -m venv $(VENV) && (cd $(VENV) && pwd -P >.made-in) && \
	  $(PIP) install --quiet --require-hashes -r $< && \
	  $(PIP) install --quiet --no-deps --no-build-isolation -e . && \
	  cp $< $@ && exit; \
	  test -x $(BIN)/python || \
	    echo "error: $$python has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	  exit 2; \
	done; \
	echo "error: no Python 3.11 to 3.13 among: $(PYTHON); name one: make PYTHON=/path/to/python3.12 ..." >&2; exit 2

$(DEV): requirements-dev.lock $(RUNTIME)
	@if cmp -s $< $@; then touch $@; exit; fi; \
	if test -e $(VENV)/.begun-dev; then \
	  rm $(RUNTIME) && exec $(MAKE) --no-print-directory $@; \
	fi; \
	touch $(VENV)/.begun-dev && $(PIP) install --quiet --require-hashes -r $< && cp $< $@

.PHONY: install
install: $(RUNTIME) ## install the run-time environment into .venv, from the lock with hashes

# --- the pipeline ---------------------------------------------------------------------------

.PHONY: repro
repro: $(RUNTIME) ## run the pipeline: every stage whose inputs changed
	dvc repro

.PHONY: gate
gate: $(RUNTIME) ## may it ship? every verdict, and the evidence behind it
	loopwright gate

.PHONY: verify
verify: $(RUNTIME) ## run HEAD in two fresh clones and compare every byte
	loopwright verify

# --- the code -------------------------------------------------------------------------------

.PHONY: test
test: $(DEV) ## run the tests that take seconds
	pytest -m "not slow"

.PHONY: test-slow
test-slow: $(DEV) ## run the tests that take minutes
	pytest -m slow

.PHONY: coverage
coverage: $(DEV) ## run the tests and fail under 90 % of lines covered
	pytest -m "not slow" --cov=stages --cov=operate --cov-report=term-missing:skip-covered --cov-fail-under=90

.PHONY: lint
lint: $(DEV) ## look for faults of style; `make format` mends most
	ruff check
	ruff format --check

.PHONY: types
types: $(DEV) ## check the types
	mypy

.PHONY: check
check: lint types ## lint and types

.PHONY: format
format: $(DEV) ## mend the style
	ruff check --fix --exit-zero
	ruff format

.PHONY: bench
bench: $(DEV) ## measure how long things take
	$(BIN)/python bench/bench.py

.PHONY: bench-review
bench-review: $(DEV) ## measure how often a review is right
	$(BIN)/python bench/review.py

.PHONY: bench-next-step
bench-next-step: $(DEV) ## measure how often the next step is right
	$(BIN)/python bench/next_step.py

.PHONY: bench-audit
bench-audit: $(DEV) ## measure how often the audit finds a planted fault, and accuses a sound model
	$(BIN)/python -m bench.audit_faults

.PHONY: bench-quality
bench-quality: $(DEV) ## measure how well the models are, against their peers; hours, and resumable
	$(BIN)/python -m bench.quality

# --- the house ------------------------------------------------------------------------------

.PHONY: lock
lock: $(DEV) ## bring both locks up to pyproject.toml; UPGRADE=--upgrade, EXTRAS="--extra boost"
	$(UV_LOCK) $(UPGRADE) $(EXTRAS) pyproject.toml -o requirements.lock
	$(UV_LOCK) $(UPGRADE) --all-extras -c requirements.lock pyproject.toml -o requirements-dev.lock

.PHONY: hooks
hooks: $(DEV) ## let git check each commit, and merge dvc.lock by stages
	pre-commit install
	loopwright merge-lock --install

.PHONY: clean
clean: ## remove what tools leave behind; data, caches of DVC and .venv stay
	rm -rf .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find stages operate tests -name __pycache__ -prune -exec rm -rf {} +
