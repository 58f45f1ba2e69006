# What a person does with a checkout. `make` alone lists it.
PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.run
DEV := .venv/.dev
LAB := .venv/.notebook

# Compiled once for all processes of a run, wherever bytecode is switched off; the tests alone start hundreds.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/.pycache

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo notebook check test test-long bench screenshots lint format keys capabilities lock messages servers clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUN) ## install what Keyscope needs and look at a store that moves by itself, no server required
	$(BIN)/keyscope --write demo:

notebook: $(LAB) ## install what the notebooks need and open JupyterLab on them
	$(BIN)/jupyter lab --notebook-dir notebooks $(LAB_OPTIONS)

# mypy, which may have to begin anew, runs beside the tests; a test that needs a server and is not marked fails.
check: $(DEV) ## lint, type check and run what needs no server, in about 90 seconds
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	@$(BIN)/mypy & types=$$!; \
		KEYSCOPE_NO_SERVERS=1 $(BIN)/pytest -n 4 --dist worksteal -q -m "not servers and not heavy"; tests=$$?; \
		wait $$types && exit $$tests

# mypy, which may have to begin anew, runs beside a first collection: it compiles the tests once for all workers. There are
# three workers for each of two cores, as many tests wait for real time to pass.
test: $(DEV) servers ## install everything, provide real servers, lint, type check and run every test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	@$(BIN)/pytest --collect-only -qq >/dev/null & collected=$$!; $(BIN)/mypy; types=$$?; wait $$collected; exit $$types
	$(BIN)/pytest -n 6 --dist worksteal

test-long: $(DEV) servers ## run the fault lanes and the properties in their long form
	KEYSCOPE_LONG=1 $(BIN)/pytest -n 4 --dist worksteal -m "faults or long" --timeout 14400

bench: $(DEV) servers ## measure, side by side with what one would use instead
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit; done

screenshots: $(DEV) ## make the pictures in screenshots/ again from the real app and the real widgets
	$(BIN)/python screenshots/make.py
	$(BIN)/python screenshots/make_notebook.py

lint: $(DEV) ## check style, layers and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(DEV) ## put the code into its one format and mend what can be mended
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

servers: ## put real servers into .servers unless fit ones are on PATH
	@$(PYTHON) tests/servers/install.py || { test -z "$$KEYSCOPE_REQUIRE_SERVERS" && \
		echo "The tests that need these servers will be skipped by name."; }

keys: $(DEV) ## write the table of keys in docs/keys.md again, from the registry of actions
	$(BIN)/python -c 'import re; from pathlib import Path; from explorer.session.commands import ACTIONS; page = Path("docs/keys.md"); \
		page.write_text(re.sub(r"(?s)(<!-- keys[^\n]*\n).*(<!-- /keys)", lambda m: m[1] + ACTIONS.table() + m[2], page.read_text()))'

capabilities: $(DEV) ## write the table of what each store can do in docs/library.md again, from the drivers
	$(BIN)/python docs/make_capabilities.py

messages: $(DEV) ## compile etcd's messages again after a change of messages.proto
	cd explorer/drivers/etcd && $(CURDIR)/$(BIN)/python -m grpc_tools.protoc -I. \
		--descriptor_set_out=messages.binpb --pyi_out=. messages.proto && mv messages_pb2.pyi messages.pyi

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links pyproject.toml requirements/build.in
LAB_EXTRAS = requirements/notebook.in --extra notebook --extra data

lock: $(DEV) ## choose the newest allowed versions again and write them down with their hashes
	$(COMPILE) --upgrade --output-file requirements/run.txt
	$(COMPILE) --upgrade --extra dev --output-file requirements/dev.txt
	$(COMPILE) --upgrade $(LAB_EXTRAS) --output-file requirements/notebook.txt

clean: ## remove what make made, the servers too
	rm -rf .venv .servers .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist
	find . -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Keyscope needs Python 3.11 or newer, and $(PYTHON) is older or missing. Name another: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# The stamps: what is newer than its stamp is installed again, and nothing else.
$(RUN): requirements/run.txt pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/run.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(LAB): requirements/notebook.txt pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/notebook.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
