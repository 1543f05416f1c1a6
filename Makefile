# Set-up from nothing, and the commands that CI calls. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q
RUN_TESTS := $(BIN)/python -m pytest

.PHONY: help demo test test-cluster test-full check unit bench bench-small release lock screenshots system clean cluster cluster-parts cluster-images cluster-down images push charts

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.local ## set up, and calibrate the boarding school's influenza
	$(BIN)/mops run --spec examples/boarding-school/adaptive.yaml

test: system $(VENV)/.dev check unit ## set up, and run every check and every test that needs no cluster

test-cluster: $(VENV)/.dev ## the tests on a Kubernetes that is started for them (Linux, root, Go): make test-cluster [TESTS=FILE, or one test's name]
	tests/cluster/up/test.sh $(RUN_TESTS) -n 3 --dist loadfile --no-loadscope-reorder --durations 10 $(if $(TESTS),"$$TESTS",tests/cluster tests/charts)

test-full: export MODELOPS_TEST_SIZE := full
test-full: test test-cluster bench ## all of it at its full size: 20 kills instead of 6, 1,000 fake workers, every benchmark

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "modelops needs Python 3.11 or later; say which: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: requirements/local.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements/local.lock
	$(PIP) install --no-build-isolation --no-deps -e .
	touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.local
	$(PIP) install --require-hashes -r requirements/dev.lock
	touch $@

system: ## what the tests need of the system: installed when it can be, named when it cannot
	@sh .ci/system tests

check: $(VENV)/.dev ## style, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

unit: $(VENV)/.dev ## the tests that need no cluster, several files at a time
	$(RUN_TESTS) -m "not cluster" -n 4 --dist loadfile --no-loadscope-reorder --durations 10 tests

bench: $(VENV)/.dev ## every benchmark at its full size: ratios against peers measured in the same run
	$(BIN)/python -m tests.bench --size full

bench-small: $(VENV)/.dev ## the same, small
	$(BIN)/python -m tests.bench --size small

screenshots: system $(VENV)/.dev ## pictures of reports of real runs, to look at, in .screenshots
	$(BIN)/python -m tests.browser.screenshots .screenshots

cluster: ## start a real Kubernetes for the tests (Linux, root, Go); what it needs is built once
	tests/cluster/up/up.sh

cluster-parts: ## build what that Kubernetes is made of, and our images (once: a quarter of an hour)
	tests/cluster/up/prepare.sh

cluster-images: ## build docker/*.Dockerfile for it, and load them into its nodes
	tests/cluster/up/images.sh ours
	for node in node1 node2; do tests/cluster/up/images.sh import $$node postgres dask-scheduler dask-worker adaptive-worker || exit 1; done

cluster-down: ## end it; nothing is left but the cache
	tests/cluster/up/down.sh

# docker, podman or buildah: whichever is there.
ENGINE ?= $(firstword $(foreach name,docker podman buildah,$(if $(shell command -v $(name)),$(name))))
VERSION ?= $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION ?= $(shell git rev-parse --short HEAD)
IMAGE_NAMES := dask-scheduler dask-worker adaptive-worker
image = $(if $(REGISTRY),$(REGISTRY)/)modelops/$(1):$(VERSION)

images: ## build the three images: make images REGISTRY=... VERSION=... [BASE_IMAGE=...]
	$(foreach name,$(IMAGE_NAMES),$(ENGINE) build $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$(REVISION) $(foreach key,version=$(VERSION) revision=$(REVISION),--label org.opencontainers.image.$(key)) -f docker/$(name).Dockerfile -t $(call image,$(name)) . &&) true

push: ## push them: make push REGISTRY=... VERSION=...
	$(if $(REGISTRY),,$(error make push needs REGISTRY=...))
	$(foreach name,$(IMAGE_NAMES),$(ENGINE) push $(call image,$(name)) &&) true

charts: $(VENV)/.dev ## write the charts' values.yaml, values.schema.json and README tables from scripts/mops/charts, their helpers from charts/_shared
	cd scripts && ../$(BIN)/python -m mops.charts.generate

release: $(VENV)/.dev ## build and check the wheel, the sdist and both charts, with their sums, in dist (Helm must be on the PATH)
	PYTHON=$(abspath $(BIN))/python .ci/release python dist
	PYTHON=$(abspath $(BIN))/python .ci/release charts dist

lock: $(VENV)/bin/python ## pin the dependencies anew
	$(PIP) install uv
	$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml --group pyproject.toml:build -o requirements/local.lock
	$(BIN)/uv pip compile $(LOCK_FLAGS) --group pyproject.toml:build -c requirements/local.lock -o requirements/build.lock
	$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml --extra cluster --extra azure --group pyproject.toml:build --group pyproject.toml:image-scheduler \
		--group pyproject.toml:dev -c requirements/local.lock -o requirements/dev.lock
	$(BIN)/uv pip compile $(LOCK_FLAGS) $(IMAGE_FLAGS) --group pyproject.toml:image-scheduler -o requirements/image-scheduler.lock
	$(BIN)/uv pip compile $(LOCK_FLAGS) $(IMAGE_FLAGS) --group pyproject.toml:image-worker -o requirements/image-worker.lock
	$(BIN)/uv pip compile $(LOCK_FLAGS) $(IMAGE_FLAGS) pyproject.toml --extra dask --extra postgres --group pyproject.toml:image-adaptive \
		-o requirements/image-adaptive.lock

LOCK_FLAGS := -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links
IMAGE_FLAGS := -c requirements/dev.lock

clean: ## remove the environment and what runs left
	rm -rf $(VENV) dist .modelops modelops-out examples/*/.modelops examples/*/modelops-out
