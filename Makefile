# Needs only Python 3.11, make and pip: uv is brought into .tools/ where there is none. Setting up says nothing on
# standard output: `make demo ARGS='--no-serve --json'` prints one JSON document there.
SHELL := /bin/sh
PYTHON ?= python3
ARGS ?=
export UV_PYTHON_DOWNLOADS := never
# Organisations have their own certificate authorities: trust what the machine trusts.
export UV_SYSTEM_CERTS := true
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: web screenshots demo test test-engines test-faults test-platforms night check bench bench-peers install pins clean
.DEFAULT_GOAL := demo

.tools/bin/uv:
	@$(PYTHON) -m venv .tools >&2
	@.tools/bin/pip install --quiet --disable-pip-version-check -c constraints.txt uv >&2

$(STAMP): pyproject.toml constraints.txt | $(filter .tools/bin/uv,$(UV))
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv >&2
	@$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]' >&2
	@touch $(STAMP)

install: $(STAMP) ## set up .venv from the pins in constraints.txt

web: ## the console's files anew, after a change in web/frontend or a new icon
	cd web/frontend && npm ci --ignore-scripts && npm run check && npm run build

demo: install ## the whole loop against a local sandbox of platforms: make demo ARGS='--no-serve --json'
	@$(BIN)/meizhen demo $(ARGS)

# One worker more than there are cores: many tests wait for clocks, and two workers left two cores idle for
# two fifths of the time.
test: install ## every test, on SQLite and PostgreSQL, in parallel, in random order
	$(BIN)/pytest -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --dist worksteal $(ARGS)

test-faults: install ## the forty faults, twenty rounds of each, every round seeded anew
	$(BIN)/pytest tests/faults -n auto --fault-runs 20 $(ARGS)

night: test-faults ## what runs every night: every fault twenty times, then ten minutes of lists by the API
	$(BIN)/python -m benchmarks.api --seconds 600

test-platforms: install ## real servers of platforms (WordPress, Bluesky, Ghost, Askbot, Matrix, mail), kept in .platforms/
	$(BIN)/pytest tests/platforms -m platforms -n 0 $(ARGS)

# Spark is large: it lives in an environment of its own, and CI never fetches it. It needs Java 17.
.engines/.installed: pyproject.toml constraints.txt | $(filter .tools/bin/uv,$(UV))
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .engines >&2
	@$(UV) pip install --quiet --python .engines/bin/python -c constraints.txt -e '.[dev,dask,spark]' >&2
	@touch $@

test-engines: .engines/.installed ## one question on every engine, Spark among them: equal answers
	MEIZHEN_TEST_ENGINES=all .engines/bin/pytest tests/analytics/engines -n 0 $(ARGS)

check: install ## style, types, import rules, dependencies, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell

bench: install ## the measured promises; ARGS=--quick runs each once, small
	$(BIN)/python -m benchmarks $(ARGS)

screenshots: install ## the README's pictures anew, from the demo; ARGS=FOLDER takes one that has run
	@$(BIN)/python docs/screenshots.py $(ARGS)

# Other engines live in an environment of their own: they are no dependencies of ours.
.peers/.installed: benchmarks/peers/requirements.txt | $(filter .tools/bin/uv,$(UV))
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .peers >&2
	@$(UV) pip install --quiet --python .peers/bin/python -r benchmarks/peers/requirements.txt >&2
	@touch $@

bench-peers: install .peers/.installed ## the same work and faults for us and other engines; ARGS=--quick is a smoke test
	@$(BIN)/python -m benchmarks.peers $(ARGS)

pins: install ## make constraints.txt again from pyproject.toml
	$(UV) pip compile --quiet --universal --no-header --no-annotate --all-extras pyproject.toml --output-file constraints.txt
	$(UV) pip compile --quiet --universal --no-header --no-annotate --python-version 3.11 benchmarks/peers/requirements.in \
		--output-file benchmarks/peers/requirements.txt
	@echo "uv==$$($(UV) --version | cut -d' ' -f2)" >> constraints.txt

clean:
	rm -rf web/static web/frontend/node_modules .venv .tools .peers .engines .platforms build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
