# Needs only Python >= 3.11, make and git. Every target sets up what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DUCKDB_TESTS := $(addprefix tests/opendata/test_,contract.py diff.py parquet.py query.py readers.py versions.py warehouse.py)

.DEFAULT_GOAL := help
.PHONY: help run test test-full lint types architecture check generated docs dev bench soak bench-matching lock clean fuzz mutants sbom licences audit

help: ## show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# A stamp carries the hash of its lock file: a changed lock installs again, the same one does not.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

run: $(VENV)/.run ## replay the bundled real sample: portal to signals
	$(BIN)/company-signals replay

test: $(VENV)/.dev ## the tests that need only Python
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations 15

# Browser driver, documentation site, PostgreSQL and audit tools of the full tests.
$(VENV)/.full: requirements/full.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/full.txt
	@touch $@

# The peers that the benchmarks measure themselves against.
$(VENV)/.bench: requirements/bench.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/bench.txt
	@touch $@

# The next line of DuckDB, beside the locked one: tested for all but encryption (ADR 0004).
$(VENV)/.duckdb-2: requirements/duckdb-2.txt $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --upgrade --target $(VENV)/duckdb-2 -r requirements/duckdb-2.txt
	@touch $@

# The TypeScript reader of the feed and its compiler; needs Node 18 or newer.
clients/typescript/node_modules/.locked: clients/typescript/package-lock.json
	cd clients/typescript && npm ci --silent --no-audit --no-fund
	@touch $@

test-full: $(VENV)/.full $(VENV)/.duckdb-2 clients/typescript/node_modules/.locked ## what takes minutes or needs a browser; a missing tool fails
	$(BIN)/python -m pytest -m full -n 2 --dist worksteal --durations 15
	PYTHONPATH=$(VENV)/duckdb-2 $(BIN)/python -m pytest -k "not encrypted and not unreadable and not PIVOT" $(DUCKDB_TESTS)

lint: $(VENV)/.dev ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

architecture: $(VENV)/.dev ## imports point downwards only
	$(BIN)/lint-imports --no-cache

check: lint types architecture test ## everything a commit must pass

generated: $(VENV)/.dev ## write ATTRIBUTION.md and the generated docs pages again
	$(BIN)/python -m pipelines.generated

docs: $(VENV)/.full ## the documentation as a site, in dist/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

dev: $(VENV)/.run ## Dagster's web interface on http://127.0.0.1:3000
	DAGSTER_HOME=$(CURDIR) $(BIN)/dagster dev --host 127.0.0.1 --port 3000

bench: $(VENV)/.bench ## the benchmarks; BENCH_DATA names the folder of large real files
	$(BIN)/python -m benchmarks

# SCALE=1/4 measures speed and memory on a made register of a quarter of France; 0 leaves it out.
SCALE ?= 1/64
bench-matching: $(VENV)/.bench ## matching beside its peers, on the labelled leads of BENCH_DATA and a made France of SCALE
	$(BIN)/python -m benchmarks.matching.evaluate --scale $(SCALE)

# Runs are killed at every point and N times at random moments (test-full: 20), run again and
# compared; then N in the life of a feed, N random walks of it without a kill, and every fifth point
# of a mirroring to an object store.
N ?= 1000
soak: $(VENV)/.dev ## the kill tests with N (1000) random moments; takes hours
	SOAK_KILLS=$(N) $(BIN)/python -m pytest -m full -n 2 tests/ingest/test_kill.py
	SOAK_KILLS=$(N) $(BIN)/python -m pytest -m full tests/signals/test_feed_kills.py
	SOAK_KILLS=$(N) $(BIN)/python -m pytest -m full tests/signals/test_feed_interleaved.py tests/signals/test_feed_remote.py

SECONDS_EACH ?= 10
fuzz: $(VENV)/.full ## hostile inputs guided by coverage; SECONDS_EACH (10) for each parser
	$(BIN)/python tests/fuzz --seconds $(SECONDS_EACH) --write

mutants: $(VENV)/.dev ## each rule without one of its conditions: does a test notice?
	POLARS_MAX_THREADS=1 $(BIN)/python tests/mutants --write

sbom: $(VENV)/.full ## bill of materials of what runs (CycloneDX), in dist/
	@mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements/run.txt --pyproject pyproject.toml --output-reproducible --of JSON -o dist/sbom.cdx.json

licences: $(VENV)/.full ## licences of what runs; one that pyproject.toml does not allow fails
	$(BIN)/pip-licenses --packages $$(sed -n 's/^\([A-Za-z0-9_.-]*\)==.*/\1/p' requirements/run.txt)

audit: $(VENV)/.full ## known vulnerabilities of what runs (asks the network)
	$(BIN)/pip-audit --require-hashes --disable-pip -r requirements/run.txt

lock: ## resolve the dependencies again (needs uv)
	uv pip compile pyproject.toml --quiet --extra build --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements/run.txt
	uv pip compile pyproject.toml --quiet --extra dev -c requirements/run.txt --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements/dev.txt
	uv pip compile pyproject.toml --quiet --extra scale -c requirements/run.txt --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements/scale.txt
	uv pip compile pyproject.toml --quiet --extra full -c requirements/run.txt -c requirements/dev.txt -c requirements/scale.txt --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements/full.txt
	uv pip compile pyproject.toml --quiet --extra bench -c requirements/run.txt -c requirements/dev.txt --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements/bench.txt
	echo "duckdb>=2,<3" | uv pip compile - --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -o requirements/duckdb-2.txt

clean: ## remove the replay and what tools made; live data, its key and the environment stay
	rm -rf data/replay .mypy_cache .ruff_cache .pytest_cache .hypothesis logs .logs_queue storage
