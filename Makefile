# Everything here sets itself up: make and python3 (3.11 or newer, with venv) are all it needs.
# A target runs in .venv, built from requirements.lock on first use and again when that changes.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

# A foreign environment must not leak into ours; PIP_INDEX_URL and its like still count.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONSAFEPATH VIRTUAL_ENV CONDA_PREFIX
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_NO_BINARY PIP_ONLY_BINARY
# buf writes its cache even where there is no home folder.
export BUF_CACHE_DIR := $(CURDIR)/.venv/cache/buf

BIN := .venv/bin
PY := $(BIN)/python
READY := .venv/ready

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: $(READY) ## Play a purchase end to end: Stripe sandbox, back office, gateway, shopper
	@$(BIN)/paygate demo

.PHONY: serve
serve: $(READY) ## Leave the demo's set-up running for grpcurl (Ctrl-C ends it)
	@$(BIN)/paygate serve --with-sandbox

.PHONY: test
test: $(READY) ## Run every test (ARGS="tests/unit -k money" chooses)
	@$(PY) -m pytest -n auto --dist worksteal $(ARGS)

.PHONY: lint
lint: $(READY) ## Style, types, imports, the contract, generated code, pages and deployment
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	@$(PY) scripts/check_breaking.py
	@$(PY) scripts/generate.py --check
	@$(PY) scripts/psp_table.py --check
	@$(PY) scripts/check_deploy.py

.PHONY: gen
gen: $(READY) ## Generate generated/ from protos/, and docs/psps.md from the code
	@$(PY) scripts/generate.py
	@$(PY) scripts/psp_table.py

.PHONY: gen-check
gen-check: $(READY) ## Fail if what `make gen` writes is not up to date
	@$(PY) scripts/generate.py --check
	@$(PY) scripts/psp_table.py --check

.PHONY: bench
bench: $(READY) ## Speed and memory, beside a bare echo and a bare SDK (ARGS="--only calls,in-flight")
	@$(PY) -m benchmarks $(ARGS)

.PHONY: invariants
invariants: $(READY) ## Break each invariant once in a copy, and see that a test fails (takes minutes)
	@$(PY) scripts/break_invariants.py $(ARGS)

.PHONY: kills
kills: $(READY) ## Kill every process, the broker and the database, ten times in a row (ARGS="--runs 3")
	@$(PY) scripts/kill_runs.py $(ARGS)

SEEDS ?= 100
FROM ?= 1

.PHONY: simulate
simulate: $(READY) ## Try to lose money in SEEDS=100 seeded runs from FROM=1 on (docs/simulation.md)
	@$(PY) -m tests.simulation --seeds $(SEEDS) --from $(FROM) $(ARGS)

.PHONY: fuzz
fuzz: $(READY) ## Try messages nobody would send, others on each run (EXAMPLES=N a method; takes minutes)
	@PAYGATE_FUZZ_EXAMPLES=$(or $(EXAMPLES),500) $(PY) -m pytest tests/fuzz -n auto --dist load -q -o faulthandler_timeout=0 $(ARGS)

MINUTES ?= 10

.PHONY: soak
soak: $(READY) ## Watch memory, tasks, connections and handles under load (MINUTES=10; ARGS="--kafka")
	@$(PY) -m scripts.soak --minutes $(MINUTES) $(ARGS)

.PHONY: audit
audit: $(READY) ## Ask for known vulnerabilities of what requirements.lock names (needs the network)
	@$(BIN)/pip-audit --requirement requirements.lock --require-hashes --disable-pip --strict

.PHONY: lock
lock: $(READY) ## Choose dependencies anew from pyproject.toml and write requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --upgrade --quiet \
	  --custom-compile-command "make lock" --output-file requirements.lock

.PHONY: clean
clean: ## Remove .venv, caches and what the demo left behind
	rm -rf .venv .venv.lock var build dist htmlcov .coverage .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# .venv counts as ready only if its last step wrote this folder's name: an interrupted, moved or
# copied .venv, or one whose Python is gone, is built again from nothing.
ifneq ($(shell $(PY) -c 'print(open("$(READY)").read())' 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

$(READY): requirements.lock pyproject.toml scripts/bootstrap.sh
	@sh scripts/bootstrap.sh
