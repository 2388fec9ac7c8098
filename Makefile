# Every tool lives in an environment of its own under .local/env, made anew only when its lock file changed.
PYTHON = .venv/bin/python
SAM = .local/env/sam
EMULATOR = .local/env/emulator
UV = .local/env/uv
SCANNERS = .local/env/scanners
SUPPLY = .local/env/supply
REKOGNITION = local/rekognition/node_modules
PAGE = frontend/node_modules

LOCAL = env PYTHONPATH=src $(PYTHON) -m local
COMPILE = $(UV)/bin/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header --no-annotate

ready = $(PYTHON:bin/python=.made) $(SAM)/.made $(EMULATOR)/.made $(REKOGNITION)/.made $(PAGE)/.made

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

.PHONY: help
help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

## The stack on this machine

.PHONY: up down status url logs reset demo live bridge build
up: tools ## set up everything, start the local stack, deploy on it, print its addresses
	@$(LOCAL) up
down: .venv/.made ## stop the local stack; its data is kept
	@$(LOCAL) down
status: .venv/.made ## health, addresses, queue depths, last scans
	@$(LOCAL) status
url: .venv/.made ## the API's base address and nothing else (make -s url)
	@$(LOCAL) url
logs: .venv/.made ## follow the handlers' logs until Ctrl-C
	@$(LOCAL) logs
reset: tools ## empty the data and deploy again
	@$(LOCAL) reset
demo: .venv/.made ## ask about the sample pictures and print the answers
	@$(LOCAL) demo
live: tools ## put changed code live on the running stack
	@$(LOCAL) live
bridge: .venv/.made ## let the containers of sam local reach the stack until Ctrl-C (on Linux)
	@$(LOCAL) bridge
build: tools ## build what is deployed, as sam build does
	@$(LOCAL) build

.PHONY: redrive
redrive: .venv/.made ## hand over once more what was given up (OPTIONS=--list or --all; STACK=name for one on AWS)
	@PYTHONPATH=src $(PYTHON) -m ops.redrive $(STACK) $(OPTIONS)

.PHONY: openapi
openapi: .venv/.made ## write docs/openapi.json anew from the code's own models
	@PYTHONPATH=src $(PYTHON) -m ops.openapi

## AWS

DEPLOY_FLAGS = --resolve-s3 --confirm-changeset
PUBLISH = PYTHONPATH=src $(PYTHON) -m ops.publish

.PHONY: deploy
deploy: tools ## build and deploy on AWS, and publish (ENV=staging or production)
	@test -n "$(ENV)" || { echo "Say which: make deploy ENV=staging" >&2; exit 2; }
	@PATH="$(CURDIR)/$(UV)/bin:$$PATH" $(SAM)/bin/sam build --beta-features --config-env $(ENV)
	@$(SAM)/bin/python -m local.bytecode .aws-sam/build
	@$(SAM)/bin/sam deploy --config-env $(ENV) $(DEPLOY_FLAGS)
	@$(PUBLISH) --env $(ENV) $(OPTIONS)

.PHONY: publish
publish: .venv/.made ## have changed parameters reach callers, after a plain sam deploy (ENV=staging, or STACK=name)
	@test -n "$(ENV)$(STACK)" || { echo "Say which: make publish ENV=staging" >&2; exit 2; }
	@$(PUBLISH) $(if $(STACK),$(STACK),--env $(ENV)) $(OPTIONS)

.PHONY: deploy-page
deploy-page: tools ## build the web page and put it on AWS (ENV=staging or production; OPTIONS="--profile name")
	@PYTHONPATH=src $(PYTHON) -m ops.deploy_page $(ENV) $(OPTIONS)

## Checks and tests

.PHONY: check scan audit sbom test
check: tools ## lint, format, types, template, and all of scan
	@local/step "lint" .venv/bin/ruff check
	@local/step "format" .venv/bin/ruff format --check
	@local/step "types" .venv/bin/mypy src local ops cli tests benchmarks
	@local/step "types of the Rekognition stand-in" npm --prefix local/rekognition run check
	@local/step "web page" npm --prefix frontend run check
	@local/step "template" $(LOCAL) validate
	@$(MAKE) scan

scan: tools $(SCANNERS)/.made $(SUPPLY)/.made ## what scanners say of template, code, pipeline and dependencies
	@local/step "template of the pipeline's role" $(SAM)/bin/cfn-lint bootstrap/github-role.yaml
	@local/step "templates, by checkov" $(SCANNERS)/bin/checkov --quiet --compact --skip-download --framework cloudformation --file template.yaml bootstrap/github-role.yaml
	@local/step "Python, by bandit" $(SCANNERS)/bin/bandit --quiet --configfile pyproject.toml --recursive src local ops cli benchmarks
	@local/step "pipeline, by zizmor" $(SCANNERS)/bin/zizmor --quiet --offline --persona pedantic .
	@local/audit src/requirements.txt frontend

audit: $(SUPPLY)/.made $(PAGE)/.made $(REKOGNITION)/.made ## look every dependency up among known vulnerabilities
	@local/audit src/requirements.txt $(wildcard requirements/*.txt) frontend local/rekognition
sbom: $(SUPPLY)/.made $(PAGE)/.made ## bills of materials of what is deployed, in artefacts/sbom
	@mkdir -p artefacts/sbom
	@$(SUPPLY)/bin/cyclonedx-py requirements src/requirements.txt --output-reproducible --output-file artefacts/sbom/functions.cdx.json
	@npm --prefix frontend sbom --sbom-format cyclonedx --omit dev >artefacts/sbom/page.cdx.json
	@ls artefacts/sbom/*

test: tools ## every test, pure to end to end
	@started=$$(date +%s); $(MAKE) test-rekognition test-page test-python && \
	echo "Every test passed. $$(($$(date +%s) - started)) s in all."

.PHONY: test-python test-rekognition test-page
test-python: tools
	@$(PYTHON) -m pytest
test-rekognition: $(REKOGNITION)/.made
	@local/step "tests of the Rekognition stand-in" npm --prefix local/rekognition test
test-page: $(PAGE)/.made
	@local/step "tests of the web page without a browser" npm --prefix frontend test

.PHONY: explore
explore: .venv/.made ## visit every state of larger scenarios, with crashes and faults; up to 15 minutes
	@PYTHONPATH=src $(PYTHON) -m tests.interleavings

.PHONY: bench
bench: tools ## measure what the service costs and judge it by its targets (ROWS=1,2; KEEP=1 adds to the history)
	@PYTHONPATH=src $(PYTHON) -m benchmarks $(if $(ROWS),--rows $(ROWS)) $(if $(KEEP),--keep)

.PHONY: fuzz
SECONDS ?= 900
fuzz: .venv/.made ## ask the running local stack whatever a client may think of (SECONDS=900)
	@api=$$($(LOCAL) url) && cd .local && ../.venv/bin/schemathesis --config-file ../tests/e2e/schemathesis.toml \
	run ../docs/openapi.json --url "$$api" --max-time $(SECONDS)

## Environments

.PHONY: tools
tools: ; @$(MAKE) -s -j4 $(ready)

.PHONY: lock
lock: $(UV)/.made ## refresh the pinned versions in requirements/ and src/requirements.txt (UPGRADE=1 for newer ones)
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -o src/requirements.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml --group dev -c src/requirements.txt -o requirements/dev.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group emulator -o requirements/emulator.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group sam -o requirements/sam.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group scanners -o requirements/scanners.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group supply -o requirements/supply.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group uv -o requirements/uv.txt

$(UV)/.made: requirements/uv.txt
	@local/step "uv" python3 -m pip install --quiet --upgrade --target $(UV) --require-hashes -r $<
	@touch $@
.venv/.made: requirements/dev.txt | $(UV)/.made
	@local/step "development environment" local/sync .venv $<
	@touch $@
$(EMULATOR)/.made: requirements/emulator.txt | $(UV)/.made
	@local/step "emulator environment" local/sync $(EMULATOR) $<
	@touch $@
$(SAM)/.made: requirements/sam.txt | $(UV)/.made
	@local/step "SAM CLI environment" local/sync $(SAM) $<
	@touch $@
$(SCANNERS)/.made: requirements/scanners.txt | $(UV)/.made
	@local/step "environment of the scanners" local/sync $(SCANNERS) $<
	@touch $@
$(SUPPLY)/.made: requirements/supply.txt | $(UV)/.made
	@local/step "environment of the dependencies' audit" local/sync $(SUPPLY) $<
	@touch $@
$(PAGE)/.made: frontend/package-lock.json
	@local/need-node
	@local/step "packages of the web page" npm --prefix frontend ci --no-audit --no-fund
	@touch $@
$(REKOGNITION)/.made: local/rekognition/package-lock.json
	@local/need-node
	@local/step "packages of the Rekognition stand-in" npm --prefix local/rekognition ci --no-audit --no-fund
	@touch $@
