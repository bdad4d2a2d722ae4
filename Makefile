# What people and CI call. Each target does all it needs by itself, the packages of a bare Debian
# included; `make help` lists the targets.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
# Tests of the command wait more than they work.
SIDE_BY_SIDE ?= $(shell expr 2 '*' $(JOBS))
# Debian's, which has Debian's pytest.
PYTHON ?= /usr/bin/python3
MINUTES ?= 10
CUTS ?= 500
REPLAYS ?= 200

.PHONY: build help setup library package cli demo demo-c test faults stress-neighbours bench \
  bench-eta bench-growth bench-queue bench-shared bench-python bench-report docs wheel dist lint lint-python \
  format install clean

build: setup ## Build everything: libbgjobs and the command (into build/), the Swift package
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target library package cli

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## Install the Debian packages that are missing
	@sh scripts/setup.sh

library: setup
	@cmake -S . -B $(BUILD) -G Ninja --log-level=WARNING
	@cmake --build $(BUILD) --parallel $(JOBS)

package: setup
	@swift build --build-tests --jobs $(JOBS)

cli: setup ## Build the bgjobs command, its manual pages and completions (into build/cli/)
	@sh scripts/cli.sh $(BUILD)/cli $(JOBS)

demo: cli ## Show a clone job of the command line that is killed, resumed, and finishes
	@bash Examples/demo.sh $(BUILD)

demo-c: library ## The same with a C program
	@bash Examples/demo-c.sh $(BUILD)

test: lint build ## Lint, then all tests: of the build, the C API, the core, the command
	@ctest --test-dir $(BUILD) --parallel $(JOBS) --output-on-failure --no-tests=error
	@swift test --skip-build --disable-xctest
	@BGJOBS_STORAGE=memory swift test --skip-build --disable-xctest --filter 'ItemsTests|RemainingTests'
	@BGJOBS_BUILD=$(BUILD) $(PYTHON) -m pytest -q -n $(SIDE_BY_SIDE) -p no:cacheprovider Tests/CLI Tests/Neighbours

faults: library ## Cut the power, CUTS=500 times and REPLAYS=200 of a log of writes, on ext4 and xfs (root)
	@for kind in ext4 xfs; do \
	  for test in "cuts.py $$kind --cuts $(CUTS)" "replays.py $$kind --replays $(REPLAYS)"; do \
	    $(PYTHON) Tests/PowerCuts/$$test --build $(BUILD) $(if $(SEED),--seed $(SEED)) || \
	      [ $$? -eq 77 ] || exit; \
	  done; \
	done

stress-neighbours: library cli ## Run other tools beside ours, MINUTES=10 of each kind
	@BGJOBS_BUILD=$(BUILD) $(PYTHON) Tests/Neighbours/stress.py --cases --window --matrix \
	  --minutes $(MINUTES)

bench-eta: library ## Measure the estimates against others', into Benchmarks/ETA.md
	@sh Benchmarks/eta/run.sh $(BUILD)/libbgjobs.so Benchmarks/ETA.md $(RUNS)

bench-growth: cli library ## Measure what grows with a store, into Benchmarks/GROWTH.md
	@$(PYTHON) Benchmarks/growth.py --build $(BUILD) --report Benchmarks/GROWTH.md \
	  $(if $(BEFORE),--before $(BEFORE))

bench-queue: library ## Measure the queue, rates and rate limits with many processes
	@$(PYTHON) Benchmarks/queue.py --build $(BUILD)
	@$(PYTHON) Benchmarks/claims.py --build $(BUILD)

bench-shared: library ## Measure several processes on one job, some of them killed
	@$(PYTHON) Benchmarks/shared.py --build $(BUILD)

bench: cli ## Compare the command line with sqlite3 and xargs, in one run
	@sh scripts/setup.sh hyperfine sqlite3
	@sh Benchmarks/cli.sh $(BUILD)/cli/bgjobs

bench-report: library ## Compare a report with write(2), SQLite and LMDB, in one run
	@sh scripts/setup.sh libsqlite3-dev liblmdb-dev
	@sh Benchmarks/report.sh $(BUILD)

docs: setup ## Build the documentation of the Swift module, into build/docs
	@sh scripts/docs.sh $(BUILD)/docs

wheel: setup ## Build the Python wheel, with the library inside, into dist/
	@sh scripts/wheel.sh $(BUILD)/wheel dist

bench-python: library ## Measure what the Python package adds to a report, and tqdm to a loop
	@sh scripts/setup.sh python3-tqdm
	@BUILD=$(BUILD) $(PYTHON) Benchmarks/python.py

dist: wheel cli ## Build all packages into dist/: wheel, tarball, .deb
	@sh scripts/dist.sh $(BUILD) dist

lint: setup ## Check the format of the Swift sources, and the layers of the core
	@swift format lint --strict --parallel --recursive Sources Tests Package.swift
	@sh scripts/layers.sh

lint-python: setup ## Check the Python sources with ruff and mypy, which come from PyPI
	@sh scripts/lint-python.sh $(BUILD)/lint-python

format: ## Format the Swift sources in place
	@swift format --in-place --parallel --recursive Sources Tests Package.swift

# No build here: as root there may be no Swift toolchain on the PATH.
install: $(BUILD)/libbgjobs.a $(BUILD)/cli/bgjobs ## Install all below PREFIX (and DESTDIR)
	@cmake --install $(BUILD) --prefix $(PREFIX) --strip

$(BUILD)/libbgjobs.a:
	@$(MAKE) --no-print-directory library

$(BUILD)/cli/bgjobs:
	@$(MAKE) --no-print-directory cli

clean: ## Remove everything that was built
	@rm -rf $(BUILD) .build .build-static dist
