# Few verbs, the same here, in CI and in the README. Each does its own set-up: a machine needs
# Python 3.11 or newer and make, nothing else.

PYTHON ?= python3
BIN    := .venv/bin
# A file's tests share what they set up, so a file stays with one of the processes. Bytecode is kept,
# whatever the environment says: each of some hundred processes would compile all that it imports.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses auto --dist loadfile
# The CDK's own interpreter, Node, comes with the wheel where PATH has none that will do.
NODE    = $(shell $(BIN)/python -m local.node)

.DEFAULT_GOAL := help
.PHONY: help install demo up test test-all bench check synth deploy openapi options image requirements pins clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

install: .venv/installed .venv-engine/installed  ## everything the other verbs need

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sluice needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements.txt)"
# uv unpacks several times faster than pip; where it cannot reach the index pip is set up for, pip can.
	$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python -r requirements.txt \
	  || $(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
# What the functions need is fetched for Lambda's platform now, so that a synthesis needs no network.
	@$(BIN)/python -c 'from infra import bundle; bundle.fetch()'
	@touch $@

.venv-engine/installed: requirements-engine.txt
	$(PYTHON) -m venv .venv-engine
	.venv-engine/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-engine.txt
	@touch $@

demo: install  ## convert a generated minute of music through the whole local pipeline
	@$(BIN)/python -m local.demo

up: install  ## run the local pipeline at http://127.0.0.1:8787 until Ctrl-C
	@$(BIN)/sluice up

test: install  ## the tests (under 10 minutes on 2 cores), with coverage
	$(PYTEST) -m "not long" --cov --cov-report=term

# Campaigns against a whole pipeline, whose moments are missed when another one works beside it.
CAMPAIGNS := $(patsubst %,tests/faults/test_%.py,cancels flow kills lost two_hundred)

test-all: test  ## the tests and their long tail
	$(PYTEST) -m long $(CAMPAIGNS:%=--ignore=%)
	$(BIN)/python -m pytest -m long $(CAMPAIGNS)

bench: install  ## what a poll, the API and a conversion cost, and how much it bears (some 25 minutes, on a quiet machine)
	$(BIN)/python -m benchmarks.progress --into
	$(BIN)/python -m benchmarks.load --into
	$(BIN)/python -m benchmarks.scale --into
	$(BIN)/python -m benchmarks

check: install  ## lint, format, types, imports, the Dockerfile, the documents made from code, pins
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/hadolint tasks/converter/Dockerfile
	@mkdir -p build && $(BIN)/python -m lambdas.openapi build/openapi.json
	@diff -q build/openapi.json docs/openapi.json >&2 || { echo "docs/openapi.json is stale: make openapi"; exit 1; }
	@$(BIN)/python -m infra.options_page build/options.md
	@diff -q build/options.md docs/options.md >&2 || { echo "docs/options.md is stale: make options"; exit 1; }
	@rm -rf build/pins && mkdir -p build/pins/tasks/converter
	@cp requirements.txt requirements-engine.txt build/pins && cp tasks/converter/requirements.txt build/pins/tasks/converter
	@$(MAKE) --silent pins INTO=build/pins/
	@for pins in requirements.txt requirements-engine.txt tasks/converter/requirements.txt; do \
	  diff $$pins build/pins/$$pins || { echo "$$pins is stale: make requirements"; exit 1; }; done

synth: install  ## the CloudFormation templates, in cdk.out/
	@JSII_NODE=$(NODE) CDK_OUTDIR=cdk.out $(BIN)/python app.py && ls cdk.out/*.template.json

deploy: install  ## everything into the AWS account your credentials name
	npx --yes aws-cdk@2.1148.1 deploy --all --app '$(BIN)/python app.py'

openapi: install  ## write docs/openapi.json from what the API checks requests by
	@$(BIN)/python -m lambdas.openapi

options: install  ## write docs/options.md from the table in infra/options.py
	@$(BIN)/python -m infra.options_page

image: install  ## build the converter's image (with Docker, or buildah without), convert a file in it, print its size
	@$(BIN)/python -m local.image

COMPILE := --system-certs --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url
requirements: install pins  ## compile the pins from what pyproject.toml chooses

# A pin that is in the file already is kept while it fits.
pins:
	@$(BIN)/uv pip compile --quiet $(COMPILE) --all-extras pyproject.toml -o $(INTO)requirements.txt
	@$(BIN)/uv pip compile --quiet $(COMPILE) --extra converter -c requirements.txt pyproject.toml -o $(INTO)tasks/converter/requirements.txt
	@$(BIN)/uv pip compile --quiet $(COMPILE) requirements-engine.in -o $(INTO)requirements-engine.txt

clean:  ## whatever the other verbs made
	rm -rf build cdk.out out .cache .venv .venv-engine
