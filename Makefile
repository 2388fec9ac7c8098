# Each tool has its own environment in .local/env, which is rebuilt only if its lock file changed.
PYTHON = .venv/bin/python
PYTEST = $(PYTHON) -m pytest
# Two workers, each with its own local stack if it needs one: that is faster than sharing one. A file runs in one worker,
# because its tests share fixtures. Files start in the given order, so the slowest come first. The lists contain files
# only, because pytest drops a file from the list if its folder follows.
PARALLEL = --numprocesses 2 --dist loadfile --no-loadscope-reorder
slowest_first = $(1) $(filter-out $(1),$(2))
SAM = .local/env/sam
EMULATOR = .local/env/emulator
UV = .local/env/uv
SCANNERS = .local/env/scanners
SUPPLY = .local/env/supply
REKOGNITION = local/rekognition/node_modules
WEB = frontend/node_modules

LOCAL = env PYTHONPATH=src $(PYTHON) -m local
STEP = scripts/run-step.sh
CODE = src tools local ops cli testing tests benchmarks scripts
CLI_TESTS = $(wildcard tests/unit/test_cli_*.py)
MODEL_CHECKER = tests/model_checking
SLOW_E2E_TESTS = $(addprefix tests/e2e/test_,page.py local_stack.py faults.py access.py local_proxy.py)
SLOW_TESTS = $(addprefix tests/,benchmarks/test_exact_benchmarks.py model_checking/test_model.py integration/test_crashes.py)
E2E_TESTS = $(wildcard tests/e2e/test_*.py)
OTHER_TESTS = $(filter-out $(E2E_TESTS),$(wildcard tests/*/test_*.py))
COMPILE = $(UV)/bin/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header --no-annotate

ready = $(PYTHON:bin/python=.made) $(SAM)/.made $(EMULATOR)/.made $(REKOGNITION)/.made $(WEB)/.made

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# "##@ Title" starts a group. "target: ## text" adds a target to it.
.PHONY: help
help: ## Show this help
	@awk 'BEGIN { FS = ":.*## " } \
	/^##@ / { printf "\n%s\n", substr($$0, 5) } \
	/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

##@ Local stack

.PHONY: up down status url logs reset demo sync container-bridge build redrive rescan
up: environments ## Start the local stack and print how to use it (PAGE_ORIGINS=http://localhost:3000)
	@$(LOCAL) up
down: .venv/.made ## Stop the local stack and keep its data
	@$(LOCAL) down
status: .venv/.made ## Show health, URLs, queue depths and recent scans
	@$(LOCAL) status
url: .venv/.made ## Print the base URL of the API (use make -s url in scripts)
	@$(LOCAL) url
logs: .venv/.made ## Follow the logs of the functions until Ctrl-C
	@$(LOCAL) logs
demo: .venv/.made ## Scan the sample images and print the results
	@$(LOCAL) demo
sync: environments ## Redeploy changed code to the running stack
	@$(LOCAL) sync
reset: environments ## Delete the data and deploy again
	@$(LOCAL) reset
build: environments ## Build the functions with sam build
	@$(LOCAL) build
container-bridge: .venv/.made ## Let containers of sam local reach the stack until Ctrl-C (Linux)
	@$(LOCAL) container-bridge
redrive: .venv/.made ## Redeliver messages from the dead-letter queues (OPTIONS=--list or --all; STACK=name)
	@PYTHONPATH=src $(PYTHON) -m ops.redrive $(STACK) $(OPTIONS)
rescan: .venv/.made ## Let images that failed with FAILURE be scanned again (OPTIONS=--apply; LIMIT=100; STACK=name)
	@PYTHONPATH=src $(PYTHON) -m ops.rescan $(or $(FAILURE),$(error Set FAILURE to a failure code)) $(STACK) --limit $(or $(LIMIT),100) $(OPTIONS)

##@ Tests

.PHONY: test test-fast test-python test-unit test-unit-cli test-unit-core test-integration test-model test-e2e test-without-stack test-benchmarks test-web test-rekognition fuzz
test: environments ## Run all tests
	@started=$$(date +%s); $(MAKE) -j4 --output-sync=target test-e2e test-without-stack test-web test-rekognition && \
	echo "All tests passed in $$(($$(date +%s) - started)) s."
test-fast: environments ## Run lint, type checks, unit tests and web page unit tests (at most 60 s)
	@started=$$(date +%s); $(MAKE) -j4 test-unit-cli test-unit-core lint types test-web && \
	echo "All fast tests passed in $$(($$(date +%s) - started)) s."
test-python: environments ## Run all Python tests
	@$(PYTEST)
test-unit: .venv/.made $(SAM)/.made ## Run the unit tests of the service, the CLI and the tools
	@$(PYTEST) tests/unit
# The CLI tests mostly wait, so test-fast runs them in parallel with the other unit tests.
test-unit-cli: .venv/.made
	@$(STEP) "CLI unit tests" $(PYTEST) $(CLI_TESTS)
test-unit-core: .venv/.made $(SAM)/.made
	@$(STEP) "other unit tests" $(PYTEST) tests/unit $(addprefix --ignore=,$(CLI_TESTS))
test-integration: environments ## Run the integration tests (moto)
	@$(PYTEST) tests/integration
test-model: .venv/.made ## Run the model checker on the quick scenarios
	@$(PYTEST) $(MODEL_CHECKER)
test-e2e: environments ## Run the end-to-end tests on their own local stacks
	@$(PYTEST) $(PARALLEL) $(call slowest_first,$(SLOW_E2E_TESTS),$(E2E_TESTS))
# End-to-end tests mostly wait, so test runs all others in parallel with them.
test-without-stack: environments
	@$(PYTEST) $(PARALLEL) $(call slowest_first,$(SLOW_TESTS),$(OTHER_TESTS))
test-benchmarks: environments ## Check the benchmarks that count calls and instructions (needs valgrind)
	@$(PYTEST) tests/benchmarks
test-web: $(WEB)/.made ## Run the unit tests of the web page
	@$(STEP) "web page unit tests" npm --prefix frontend test
test-rekognition: $(REKOGNITION)/.made ## Run the tests of the Rekognition emulator
	@$(STEP) "Rekognition emulator tests" npm --prefix local/rekognition test
fuzz: .venv/.made ## Fuzz the API of the running local stack (Schemathesis, SECONDS=900)
	@api=$$($(LOCAL) url) && cd .local && ../.venv/bin/schemathesis --config-file ../tests/e2e/schemathesis.toml \
	run ../docs/openapi.json --url "$$api" --max-time $(SECONDS)

SECONDS ?= 900

##@ Model checking and benchmarks

.PHONY: model-check bench
model-check: .venv/.made ## Explore every state of the larger scenarios with faults (up to 15 minutes)
	@PYTHONPATH=src $(PYTHON) -m $(subst /,.,$(MODEL_CHECKER))
bench: environments ## Run the benchmarks and compare them with their targets (ONLY=cold-start,bundle-size SAVE=1)
	@PYTHONPATH=src $(PYTHON) -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(SAVE),--save $(filter-out 1,$(SAVE)))

##@ Checks

.PHONY: check lint types security audit sbom openapi
check: environments ## Run all static checks, including security
	@$(MAKE) lint types
	@$(STEP) "Rekognition emulator types" npm --prefix local/rekognition run check
	@$(STEP) "web page checks" npm --prefix frontend run check
	@$(STEP) "template" $(LOCAL) validate
	@$(STEP) "vocabulary" $(PYTHON) scripts/check_prose.py
	@$(MAKE) security
lint: .venv/.made ## Check the style and format of the Python code
	@$(STEP) "lint" .venv/bin/ruff check
	@$(STEP) "format" .venv/bin/ruff format --check
types: .venv/.made ## Check the types of the Python code
	@$(STEP) "types" .venv/bin/mypy $(CODE)
security: environments $(SCANNERS)/.made $(SUPPLY)/.made ## Run security scanners on templates, code, pipeline and dependencies
	@$(STEP) "bootstrap templates" $(SAM)/bin/cfn-lint bootstrap/*.yaml
	@$(STEP) "templates (checkov)" $(SCANNERS)/bin/checkov --quiet --compact --skip-download --framework cloudformation --file template.yaml $(wildcard bootstrap/*.yaml)
	@$(STEP) "Python (bandit)" $(SCANNERS)/bin/bandit --quiet --configfile pyproject.toml --recursive $(filter-out tests testing,$(CODE))
	@$(STEP) "pipeline (zizmor)" $(SCANNERS)/bin/zizmor --quiet --offline --persona pedantic .
	@scripts/audit-deps.sh src/requirements.txt frontend
audit: $(SUPPLY)/.made $(WEB)/.made $(REKOGNITION)/.made ## Audit all dependencies for known vulnerabilities
	@scripts/audit-deps.sh src/requirements.txt $(wildcard requirements/*.txt) frontend local/rekognition
sbom: $(SUPPLY)/.made $(WEB)/.made ## Write bills of materials of the deployed software to artefacts/sbom
	@mkdir -p artefacts/sbom
	@$(SUPPLY)/bin/cyclonedx-py requirements src/requirements.txt --output-reproducible --output-file artefacts/sbom/functions.cdx.json
	@npm --prefix frontend sbom --sbom-format cyclonedx --omit dev >artefacts/sbom/page.cdx.json
	@ls artefacts/sbom/*
openapi: .venv/.made ## Regenerate docs/openapi.json
	@PYTHONPATH=src $(PYTHON) -m ops.openapi

##@ AWS

.PHONY: deploy deploy-web check-api
deploy: environments ## Build and deploy to AWS (ENV=staging or production; OPTIONS=--changes-only or --all-at-once)
	@test -n "$(ENV)" || { echo "ENV is required: make deploy ENV=staging" >&2; exit 2; }
	@PYTHONPATH=src $(PYTHON) -m ops.deploy $(ENV) $(OPTIONS)
deploy-web: environments ## Build the web page and deploy it to AWS (ENV=staging or production)
	@test -n "$(ENV)" || { echo "ENV is required: make deploy-web ENV=staging" >&2; exit 2; }
	@PYTHONPATH=src $(PYTHON) -m ops.deploy_web $(ENV) $(OPTIONS)
check-api: .venv/.made ## Check that the deployed API requires the authentication of its AuthMode (ENV=staging or production)
	@test -n "$(ENV)" || { echo "ENV is required: make check-api ENV=staging" >&2; exit 2; }
	@PYTHONPATH=src $(PYTHON) -m ops.check_api $(ENV) $(OPTIONS)

##@ Development environments

.PHONY: environments lock
environments: ## Install the development tools (other targets do this themselves)
	@$(MAKE) -s -j4 $(ready)
lock: $(UV)/.made ## Update the pinned versions in requirements/ and src/requirements.txt (UPGRADE=1: newest)
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml -o src/requirements.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) pyproject.toml --group dev -c src/requirements.txt -o requirements/dev.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group emulator -o requirements/emulator.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group sam -o requirements/sam.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group scanners -o requirements/scanners.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group supply -o requirements/supply.txt
	@$(COMPILE) $(if $(UPGRADE),--upgrade) --group uv -o requirements/uv.txt

$(UV)/.made: requirements/uv.txt
	@$(STEP) "install uv" python3 -m pip install --quiet --upgrade --target $(UV) --require-hashes -r $<
	@touch $@
.venv/.made: requirements/dev.txt | $(UV)/.made
	@$(STEP) "development environment" scripts/sync-env.sh .venv $<
	@touch $@
$(EMULATOR)/.made: requirements/emulator.txt | $(UV)/.made
	@$(STEP) "AWS emulator environment" scripts/sync-env.sh $(EMULATOR) $<
	@touch $@
$(SAM)/.made: requirements/sam.txt | $(UV)/.made
	@$(STEP) "SAM CLI environment" scripts/sync-env.sh $(SAM) $<
	@touch $@
$(SCANNERS)/.made: requirements/scanners.txt | $(UV)/.made
	@$(STEP) "security scanner environment" scripts/sync-env.sh $(SCANNERS) $<
	@touch $@
$(SUPPLY)/.made: requirements/supply.txt | $(UV)/.made
	@$(STEP) "dependency audit environment" scripts/sync-env.sh $(SUPPLY) $<
	@touch $@
$(WEB)/.made: frontend/package-lock.json
	@scripts/check-node.sh
	@$(STEP) "web page packages" npm --prefix frontend ci --no-audit --no-fund
	@touch $@
$(REKOGNITION)/.made: local/rekognition/package-lock.json
	@scripts/check-node.sh
	@$(STEP) "Rekognition emulator packages" npm --prefix local/rekognition ci --no-audit --no-fund
	@touch $@
