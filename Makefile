# make demo · make test · make check · make bench. A fresh machine needs only python3 and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DUCKDB2 := .venvs/duckdb2
MOTO := .venvs/moto
INSTALLED := $(VENV)/.installed
PROJECTS := pyproject.toml $(wildcard packages/*/pyproject.toml) tests/example_plugin/pyproject.toml

# Tests write and sync very many small files: where there is room for them in memory, they do not wait for a disk.
IN_MEMORY = TMPDIR=$$(test "$$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 {print $$4}')" -gt 8000000 2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

.PHONY: help install demo check test test-duckdb2 fuzz faults bench clean

help:
	@echo "make demo    build the example project and watch an edit reach only what it touches"
	@echo "make test    lint, types, layers and all tests"
	@echo "make check   lint, types and layers only"
	@echo "make test-duckdb2  the engine tests on DuckDB 2.0"
	@echo "make fuzz    random histories against full builds: SEEKNAL_SEEDS (600) of them from SEEKNAL_FIRST_SEED (0)"
	@echo "make faults  kills, full disks, damage, crowds and outages on every backend; see docs/reliability.md"
	@echo "make bench   side by side with dbt and SQLMesh; see docs/benchmarks.md"

install: $(INSTALLED)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(VENV)/bin/python constraints.txt $(PROJECTS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		-e packages/seeknal-core[fast] -e packages/seeknal-drivers[mysql] -e packages/seeknal-duckdb[excel,mysql,postgres] \
		-e packages/seeknal-semantic -e packages/seeknal-sql-state[postgres] -e packages/seeknal-starrocks -e .[all] \
		-e tests/example_plugin
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group dev
	$(BIN)/python -m compileall -q packages
	@touch $(INSTALLED)

demo: $(INSTALLED)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(INSTALLED) $(MOTO)/.installed check
	@sh tests/system_packages.sh
	$(IN_MEMORY) $(BIN)/pytest -q -n 3 --dist loadfile
	$(MAKE) --no-print-directory test-duckdb2

# Object storage for the tests, in an environment of its own: a server is a program, and its libraries are none of ours.
$(MOTO)/.installed: tests/starrocks/constraints-moto.txt
	$(PYTHON) -m venv $(MOTO)
	$(MOTO)/bin/python -m pip install --quiet --disable-pip-version-check -c tests/starrocks/constraints-moto.txt "moto[s3]" flask flask-cors
	@touch $(MOTO)/.installed

# The same engine tests on the next DuckDB, in an environment of its own.
test-duckdb2: $(DUCKDB2)/.installed
	$(IN_MEMORY) $(DUCKDB2)/bin/pytest -q -n 2 --dist loadfile tests/duckdb

$(DUCKDB2)/.installed: constraints.txt $(PROJECTS)
	$(PYTHON) -m venv $(DUCKDB2)
	grep -v '^duckdb==' constraints.txt > $(DUCKDB2)/constraints.txt
	$(DUCKDB2)/bin/python -m pip install --quiet --disable-pip-version-check -c $(DUCKDB2)/constraints.txt duckdb==2.0.0 \
		-e packages/seeknal-core[fast] -e packages/seeknal-drivers[mysql] -e packages/seeknal-duckdb[excel,mysql,postgres] \
		hypothesis pandas polars pytest pytest-xdist
	@touch $(DUCKDB2)/.installed

# What the tests do with a few seeds, for a night: five incremental runs a seed. Bounded in time; outputs of seeds that passed are not kept.
fuzz: export SEEKNAL_SEEDS := $(or $(SEEKNAL_SEEDS),600)
fuzz: $(INSTALLED)
	timeout $(or $(FUZZ_SECONDS),14400) $(BIN)/pytest -q -n 2 --tb=short -p no:cacheprovider \
		-o tmp_path_retention_policy=failed tests/properties/test_incremental_equals_full.py tests/properties/test_column_analysis.py

# Counts and outcomes go into docs/reliability.md. FAULTS="--kills 100" tries more.
faults: $(INSTALLED)
	$(BIN)/python -m tests.faults --record $(FAULTS)

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.tpch
	$(BIN)/python -m benchmarks.metrics
	$(BIN)/python -m benchmarks.features
	$(BIN)/python -m benchmarks.state
	$(BIN)/python -m benchmarks.intervals

clean:
	rm -rf $(VENV) .venvs .demo .bench
