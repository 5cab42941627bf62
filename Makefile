# The front door: `make` alone prints this help. Everything else is CMake (presets), ctest and small Python programs.
PRESET ?= release
BUILD  := build/$(PRESET)
PYTHON := /usr/bin/python3

# Where the demo, the benchmark and the tests find the daemons and the Python stubs.
export RBDCSI_BUILD ?= $(CURDIR)/$(BUILD)/bin

.DEFAULT_GOAL := help
.PHONY: help deps build demo test faults newest kubernetes image bench world world-down cluster cluster-down e2e values update verify format tidy fuzz sanitize clang-build clang-check clean

help: ## this page
	@echo 'rbd-csi: Ceph RBD volumes for Kubernetes'; echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo; echo '  PRESET=dev|release|clang|asan|tsan|fuzz picks the build (see CMakePresets.json); default release'

deps: ## install the Debian packages that everything needs (root)
	@tests/install-deps

$(BUILD)/build.ninja: CMakePresets.json | deps
	@cmake --preset $(PRESET)

build: deps $(BUILD)/build.ninja ## build both daemons and the tests
	@cmake --build --preset $(PRESET)

demo: build ## the main job on a throwaway Ceph: MariaDB survives its pod and its node
	@$(PYTHON) tests/demo/demo.py

build/csi-sanity: tests/sanity/get-csi-sanity | deps
	@tests/sanity/get-csi-sanity $@

kubernetes: deps ## build Kubernetes, the sidecars and helm for the tests, into build/kube; once
	@tests/e2e/kube/build.py

test: build build/csi-sanity kubernetes ## all tests: style, unit, live Ceph, csi-sanity, real krbd, kill matrix
	@ctest --test-dir $(BUILD) --parallel 3 --output-on-failure --no-tests=error

faults: build ## every fault of the catalogue, in full, with a scorecard; FAULTS='--short A C3' picks some
	@tests/faults/faults run $(FAULTS)

newest: deps ## build and test on Debian testing's Ceph, the newest; NEWEST=--suite=trixie: on Debian 13's
	@$(PYTHON) tests/newest/newest.py $(NEWEST)

image: deps ## build and check the container image, build/image; IMAGE=--twice: is it reproducible?
	@$(PYTHON) tests/image/make_image.py $(IMAGE)

bench: build ## measure every RPC beside the raw calls it comes down to; writes build/bench.json
	@$(PYTHON) tests/bench/bench.py $(BENCH)

world: build ## start a Ceph, two nodes and the driver, and leave them running
	@tests/world/world up --nodes 2 --with-driver

world-down: ## take that world down
	@tests/world/world down

cluster: image ## a real Kubernetes on this machine, two workers and the driver on a Ceph; left running
	@tests/e2e/e2e up

cluster-down: ## take that cluster down
	@tests/e2e/e2e down

e2e: image ## a cluster of its own, told all stories: one line each; E2E='NAME...' picks some
	@tests/e2e/e2e run --dir build/e2e $(E2E)

values: ## beside `ceph`: make the two Ceph users, print what helm needs; VALUES='--pool POOL --output DIR'
	@$(PYTHON) charts/values_for_cluster.py $(VALUES)

update: kubernetes ## write what the chart renders: golden files, manifests/, the table of values
	@cd tests && $(PYTHON) -B -m chart.generated

verify: kubernetes ## fail if that is not what is in the repository
	@cd tests && $(PYTHON) -B -m chart.generated --check

format: ## rewrite the sources in the house format
	@clang-format -i $$(git ls-files '*.cc' '*.h')

tidy: ## the style test, clang-format, flake8 and mypy, without building
	@$(PYTHON) tests/tidy/tidy.py
	@$(PYTHON) tests/tidy/lint.py

clang-build: deps ## build with clang++, its thread-safety analysis included
	@cmake --preset clang >/dev/null && cmake --build --preset clang

clang-check: clang-build ## clang-tidy over every source
	@$(PYTHON) tests/tidy/clang_tidy.py build/clang

fuzz: deps ## every parser and whole requests under libFuzzer, 20 s each; FUZZ='--seconds 600 NAME...'
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -- fuzzers
	@RBDCSI_BUILD=$(CURDIR)/build/fuzz/bin tests/fuzz/fuzz run $(FUZZ)

# What these tests run; the benchmark and the fault-injecting variants are not among them.
SANITIZED := csi_unit csi_bare_server controller_unit node_unit controller_live rbd-csi-controller rbd-csi-node csi_python

# What of it: CI takes the part that has most to find for its time.
SANITIZERS ?= asan tsan
SANITIZED_TESTS ?= ^(unit|live)

sanitize: deps ## unit and live tests under ASan+UBSan, then under TSan
	@for preset in $(SANITIZERS); do \
	  cmake --preset $$preset >/dev/null && cmake --build --preset $$preset -- $(SANITIZED) && \
	  ctest --test-dir build/$$preset --output-on-failure --no-tests=error -R '$(SANITIZED_TESTS)' || exit 1; done

clean: ## remove everything that was built
	@rm -rf build
