# The commands of this repository. Each sets up by itself what it needs; `make help` lists them.
# Settings are CITYOPS_* variables: `CITYOPS_PORT=8001 make run`.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
SIZE ?= S

##@ Use

.PHONY: run
run: ## Set up what is missing, load the sample city on the first start, serve it (SIZE=S|M|L|XL)
	@scripts/setup.sh run
	@exec $(BIN)/cityops demo --size $(SIZE)

.PHONY: serve
serve: ## The same without a sample city: serve what the database holds
	@scripts/setup.sh run
	@exec $(BIN)/cityops serve

.PHONY: reset
reset: ## Delete the private database with everything in it; asks first
	@scripts/setup.sh run
	@read -r -p "Delete the private database with everything in it? Type yes: " answer && [ "$$answer" = yes ] && $(BIN)/cityops db reset --yes

##@ Develop

.PHONY: setup
setup: ## Everything for run and test: packages, virtual environment, browser, web map
	@scripts/setup.sh test

.PHONY: test
test: ## Set up what is missing, then run every check and every test, a real browser included
	@scripts/setup.sh test
	@exec $(BIN)/python -m pytest $(ARGS)

.PHONY: check
check: ## Only the checks without a database: lint, types, walls, the web map's own tests
	@scripts/setup.sh run
	@exec $(BIN)/python -m pytest tests/setup/test_checks.py $(ARGS)

.PHONY: format
format: ## Lay out Python and TypeScript in the house style
	@scripts/setup.sh run
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .
	@cd webmap && npm run --silent format

.PHONY: coverage
coverage: ## Run the tests and say which lines of the core they never reach
	@scripts/setup.sh test
	@$(BIN)/coverage run -m pytest $(ARGS); $(BIN)/coverage report --skip-covered --sort=cover

.PHONY: bench
bench: ## Measure against the limit and against what others use (results in bench/results/)
	@scripts/setup.sh run
	@exec $(BIN)/python -m bench $(ARGS)

.PHONY: webmap
webmap: ## Build the web map when its sources have changed
	@scripts/setup.sh run

##@ Maintain

.PHONY: lock
lock: ## Resolve requirements.in anew into requirements.txt
	@scripts/setup.sh run
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url --no-emit-find-links requirements.in -o requirements.txt
	@echo "requirements.txt is resolved anew; run make test and commit it"

.PHONY: wheel
wheel: ## Build the installable package into dist/, with the web map inside
	@scripts/setup.sh run
	@$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/cityops-*.whl

.PHONY: clean
clean: ## Remove what make has built; the database stays
	@rm -rf .venv webmap/node_modules webmap/dist build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
