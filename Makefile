# What people and CI call. Each target does all it needs by itself, the packages of a bare Debian
# included; `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)

.PHONY: build help setup library package demo test docs wheel bench-python lint format install clean

build: setup ## Build everything: libbgjobs (into build/) and the Swift package
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target library package

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## Install the Debian packages that are missing
	@sh cmake/setup.sh

library: setup
	@cmake -S . -B $(BUILD) -G Ninja --log-level=WARNING
	@cmake --build $(BUILD) --parallel $(JOBS)

package: setup
	@swift build --build-tests --jobs $(JOBS)

demo: library ## Show a clone job that is killed, started again, and finishes
	@bash Examples/demo.sh $(BUILD)

test: lint build ## Lint, then all tests: of the build, of the C API, of the core
	@ctest --test-dir $(BUILD) --parallel $(JOBS) --output-on-failure --no-tests=error
	@swift test --skip-build --disable-xctest
	@$(MAKE) --no-print-directory docs

docs: setup ## Build the documentation of the Swift module, into build/docs
	@sh cmake/docs.sh $(BUILD)/docs

wheel: setup ## Build the Python wheel, with the library inside, into dist/
	@sh cmake/wheel.sh $(BUILD)/wheel dist

bench-python: library ## Measure what the Python package adds to a report
	@BUILD=$(BUILD) /usr/bin/python3 Benchmarks/python.py

lint: setup ## Check the format of the Swift sources
	@swift format lint --strict --parallel --recursive Sources Tests Package.swift

format: ## Format the Swift sources in place
	@swift format --in-place --parallel --recursive Sources Tests Package.swift

# No build here: as root there may be no Swift toolchain on the PATH.
install: $(BUILD)/libbgjobs.a ## Install libbgjobs and its header below PREFIX (and DESTDIR)
	@cmake --install $(BUILD) --prefix $(PREFIX) --strip

$(BUILD)/libbgjobs.a:
	@$(MAKE) --no-print-directory library

clean: ## Remove everything that was built
	@rm -rf $(BUILD) .build dist
