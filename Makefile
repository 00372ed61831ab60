# Every target sets up what it needs: a virtual environment in .venv with locked packages, and for some Debian packages.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

IMAGE ?= leadsquared-exporter
VENV := .venv
RUN := $(VENV)/bin/python -m
COUNTERPARTS := redis-server postgresql:postgres mariadb-server:mariadbd logrotate
SERVERS := prometheus prometheus-alertmanager $(COUNTERPARTS) tinyproxy php-cli:php systemd:systemd-analyze
# What stands on the event loop and on other packages.
TOUCHED := $(addprefix tests/,cli client config e2e engine gateway http leadsquared metrics simulator sources store web)
SEED ?= 1
# Each file's tests stay together: they share the servers that they start.
WORKERS ?= $(shell nproc)
PARALLEL := --numprocesses=$(WORKERS) --dist=loadfile
LOCKED := pyproject.toml scripts/environment $(wildcard requirements/*.txt)

# An environment whose Python went away (an upgrade, a moved checkout) is made again.
$(shell $(VENV)/bin/python -c '' 2>/dev/null || rm -f $(VENV)/*.stamp)

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 15

demo: $(VENV)/runtime.stamp ## simulator, application, exporter and a real Prometheus; Ctrl-C stops
	@scripts/servers prometheus
	@$(VENV)/bin/python scripts/demo $(DEMO)

test: $(VENV)/dev.stamp ## lint, types and all tests
	@scripts/servers $(SERVERS)
	@$(MAKE) --keep-going --jobs=1 lint types coverage worlds

test-all: $(VENV)/dev.stamp ## test and heavy: what CI runs
	@$(MAKE) --keep-going --jobs=1 test heavy

test-loops: $(VENV)/dev.stamp ## the tests that touch sockets on asyncio; the others run on uvloop
	@scripts/servers $(SERVERS)
	@LEADSQUARED_EXPORTER_EVENT_LOOP=asyncio $(RUN) pytest $(PARALLEL) $(TOUCHED) $(TESTS)

test-lowest: $(VENV)/dev.stamp ## the tests that touch packages with the lowest versions that pyproject.toml allows
	@scripts/servers $(SERVERS)
	@scripts/lowest $(PARALLEL) $(TOUCHED) $(TESTS)

test-trixie: $(VENV)/dev.stamp ## all tests on Debian 13: Python 3.13, PostgreSQL 17, Redis 8, Prometheus 2.53; as root
	@scripts/servers mmdebstrap
	@SERVERS="$(SERVERS)" scripts/trixie $(PARALLEL) $(TESTS)

heavy: $(VENV)/dev.stamp ## the checks that need npm, an image build or a minute
	@scripts/servers prometheus nodejs:node npm chromium strace systemd:systemd-analyze $(COUNTERPARTS)
	@scripts/servers podman runc iptables netavark:/usr/lib/podman/netavark aardvark-dns:/usr/lib/podman/aardvark-dns mmdebstrap
	@$(RUN) pytest -m heavy $(TESTS)

test-fast: $(VENV)/dev.stamp ## the tests alone, until the first that fails
	@$(RUN) pytest --exitfirst $(TESTS)

lint: $(VENV)/dev.stamp ## ruff, private names of other packages, the length of tests' names, and whether generated files are up to date
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(VENV)/bin/python scripts/private-names
	@$(VENV)/bin/python scripts/test-names
	@scripts/generate --check

format: $(VENV)/dev.stamp ## put every file into shape
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

types: $(VENV)/dev.stamp ## mypy
	@$(RUN) mypy

coverage: $(VENV)/dev.stamp ## the tests but for the worlds, with the branches that they leave out
	@$(RUN) pytest $(PARALLEL) --cov --cov-report=term --ignore=tests/simulation $(TESTS)

worlds: $(VENV)/dev.stamp ## a hundred seeds of the simulated world; counting branches would take four times as long
	@$(RUN) pytest $(PARALLEL) tests/simulation

sources: $(VENV)/dev.stamp ## chaos: every way in against its real counterpart; SEED=7 MINUTES=60 ONLY="daily redis"
	@scripts/servers $(COUNTERPARTS)
	@$(RUN) tests.chaos --seed $(SEED) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ONLY),--only $(ONLY))

attack: $(VENV)/dev.stamp ## a hostile server against the client, by polls and through the gateway; SEED=7 MINUTES=60
	@$(RUN) tests.attack --seed $(SEED) $(if $(MINUTES),--minutes $(MINUTES))

bench: $(VENV)/dev.stamp ## the benchmarks; results go to docs/benchmarks.md
	@$(RUN) benchmarks $(BENCH)

bench-polling: $(VENV)/dev.stamp ## the polling policies against their targets; BENCH=--quick, BENCH="--write" for docs/
	@$(RUN) benchmarks.polling $(BENCH)

bench-promises: $(VENV)/dev.stamp ## whether each effort keeps its promise on 50 workloads drawn at random; BENCH=--families, BENCH="--families --write"
	@$(RUN) benchmarks.polling.promises $(BENCH)

docs: $(VENV)/dev.stamp ## write the files that are made from the code
	@scripts/generate

dashboards: $(VENV)/dev.stamp ## the dashboards with the address of your exporter's pages, in build/; EXPORTER=https://…
	@mkdir -p build/dashboards
	@$(RUN) grafana.build overview $(EXPORTER) > build/dashboards/leadsquared-exporter.json
	@$(RUN) grafana.build account $(EXPORTER) > build/dashboards/leadsquared-account.json
	@$(RUN) grafana.build internals $(EXPORTER) > build/dashboards/leadsquared-internals.json
	@echo build/dashboards

rules: $(VENV)/dev.stamp ## the alerts with your own addresses and numbers, in build/; RULES="--exporter-url=https://…"
	@mkdir -p build
	@$(RUN) alerts.rules $(RULES) > build/leadsquared-exporter.rules.yaml
	@$(RUN) alerts.provisioning $(RULES) > build/leadsquared-exporter.grafana.yaml
	@echo build/leadsquared-exporter.rules.yaml build/leadsquared-exporter.grafana.yaml

site: $(VENV)/dev.stamp ## the documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build

pictures: $(VENV)/dev.stamp ## photograph the dashboards over a scene of 15 minutes; MINUTES=5
	@scripts/servers prometheus nodejs:node npm chromium
	@$(RUN) grafana.pictures $(MINUTES)

lock: $(VENV)/dev.stamp ## lock the packages; UPGRADE=--upgrade takes the newest
	@scripts/lock $(UPGRADE)

dist: $(VENV)/dev.stamp ## what a release publishes beside the image, in dist/: sdist, wheel, chart, SBOM, checksums
	@scripts/dist

image: ## build the container image, with docker, podman or buildah
	@scripts/image --tag $(IMAGE)

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/%.stamp: $(LOCKED)
	@scripts/environment $*

.PHONY: help demo test test-all test-loops test-lowest test-trixie heavy test-fast lint format types coverage worlds sources attack bench bench-polling bench-promises docs dashboards rules site pictures lock dist image clean
.PRECIOUS: $(VENV)/%.stamp
