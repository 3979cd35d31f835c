# Everything a person does here. `make help` lists it.
# From an empty checkout each target first makes .venv and fetches the pinned tools; Python 3.11 or newer is enough.

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$python; exit; }; done; echo python3)
RUN := .venv/bin/python -m
WORKERS ?= 2
export PORT DATA ENDPOINT DEMO RATE

.DEFAULT_GOAL := help
.PHONY: faults mutants help run test test-full test-localstack check admin screenshots pictures bench upgrade clean environment browser clients deploy destroy package

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1	\2/' | expand -t 18

run: environment ## Run the product on 127.0.0.1:8000. PORT= DATA= ENDPOINT= change that; DEMO=1 adds a stream of events.
	@exec $(RUN) infra.local

test: check browser clients ## Prove the product: the checks and every test, in one pass.
	@$(RUN) pytest -n $(WORKERS) $(TESTS)

test-full: check browser clients ## The long form of the tests: many more generated examples.
	@HYPOTHESIS_PROFILE=full $(RUN) pytest -n $(WORKERS) $(TESTS)

test-localstack: environment ## Run the storage and query tests against LocalStack: ENDPOINT=, else the embedded engine for it.
	@$(RUN) infra.localstack -m engine $(TESTS)

check: environment ## Check style, types, imports and the house rules, without running anything.
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@$(RUN) mypy
	@.venv/bin/lint-imports --no-logo
	@$(RUN) infra.rules

admin: environment ## Projects and keys, for operators: make admin ARGS="create-project --org acme --project web".
	@$(RUN) infra.admin $(ARGS)

screenshots: browser ## Take a picture of every page, wide and narrow, light and dark: make screenshots DIR=pictures.
	@$(RUN) infra.screenshots $(or $(DIR),.local/screenshots)

pictures: browser ## Take the pictures of the README again, of the running product: docs/pictures.
	@$(RUN) infra.pictures

faults: environment ## Break the running product 576 times while it is used, and check every promise. About 15 minutes.
	@$(RUN) infra.campaign $(ARGS)

mutants: environment ## Break each promise once, in a copy, and see its test notice: make mutants ARGS="S9 I2" for some.
	@$(RUN) infra.mutants $(ARGS)

deploy: environment ## Deploy to AWS, or bring what is there up to date: make deploy STAGE=dev. See docs/deploy.md.
	@$(RUN) infra.deploy deploy $(or $(STAGE),"") $(if $(CONFIG),--config $(CONFIG))

destroy: environment ## Take a deployment down: make destroy STAGE=dev. It asks, and once more before any data goes.
	@$(RUN) infra.deploy destroy $(or $(STAGE),"") $(if $(CONFIG),--config $(CONFIG))

package: environment ## Write the zip and one template: make package STAGE=dev, FORMAT=terraform for Terraform, OUT= where.
	@$(RUN) infra.deploy package $(or $(STAGE),"") $(if $(CONFIG),--config $(CONFIG)) $(if $(OUT),--out $(OUT)) $(if $(filter terraform,$(FORMAT)),--terraform)

bench: environment ## Measure against peers and floors, and print the table.
	@$(RUN) pip install --quiet --no-deps -r requirements-bench.txt
	@$(RUN) benchmarks

upgrade: environment ## Move every pin to the newest version, then install.
	@$(RUN) infra.upgrade
	@$(MAKE) --no-print-directory browser clients

clean: ## Remove what can be made again. The data of `make run` stays.
	@rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment: ## Make .venv and .tools from the pins, if they are not up to date. The other targets do it by themselves.
	@$(PYTHON) infra/environment.py

browser: environment ## Install Chromium and the tools that check pages, if they are missing. `make test` does it by itself.
	@$(RUN) infra.browser.install

clients: environment ## Install the clients and suites of others that try the product. `make test` does it by itself.
	@$(RUN) infra.clients.install
