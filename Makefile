# What there is to do here. `make` alone tells.

# The whole workspace each time, and a choice of what runs: with another choice of packages their dependencies would have
# other features, and be built again.
# One more at a time than there are cores: a test on an engine waits for most of its time.
THREADS := $(shell echo $$(($$(nproc) + 1)))
ifneq ($(shell command -v cargo-nextest),)
UNIT := cargo nextest run --locked --workspace -E "not package(petset-integration)"
INTEGRATION := cargo nextest run --locked --workspace --no-fail-fast --test-threads $(THREADS) -E "package(petset-integration)"
else
UNIT := cargo test --quiet --locked --workspace --exclude petset-integration
INTEGRATION := cargo test --quiet --locked --no-fail-fast --package petset-integration
endif
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
CARGO_HOME ?= $(HOME)/.cargo
# The database of advisories comes from the network; where it is not, the other checks still are.
ADVISORIES := $(if $(wildcard $(CARGO_HOME)/advisory-dbs/*),advisories)

.DEFAULT_GOAL := help
.PHONY: help check fmt lint unit doc deny properties sim test integration bench build fuzz contract protobuf topology demo demo-clean tools

help: ## what there is to do
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22

# What decides whether a change is taken decides the same each time it is asked, so there properties are held to the cases of one
# seed; make properties searches.
export PROPTEST_RNG_SEED ?= 1

check: fmt lint unit doc deny ## before a commit: format, lints, fast tests, documentation, licences; no Docker

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets --locked -- -D warnings

unit:
	$(UNIT)

doc:
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items --locked --quiet

deny:
	@if command -v cargo-deny >/dev/null; then cargo deny --offline check --hide-inclusion-graph bans licenses sources $(ADVISORIES) \
	&& $(if $(ADVISORIES),true,echo 'there is no copy of the advisory database, so known vulnerabilities are not checked; cargo deny fetch gets one'); \
	else echo 'cargo-deny is missing, so licences are not checked; make tools installs it'; fi

CASES ?= 20000
properties: ## the fast tests with CASES=20000 random cases of each property, other ones each time
	env -u PROPTEST_RNG_SEED NEXTEST_PROFILE=search PROPTEST_CASES=$(CASES) $(UNIT)

SEEDS ?= 2000
sim: ## seeds of the simulator: SEEDS=100000 for more, FROM=7 to begin there, SEED=7 to replay one with its trace
	cargo build --quiet --locked --workspace --example sim
	$(TARGET_DIR)/debug/examples/sim \
		$(if $(SEED),--seed $(SEED),--seeds $(SEEDS) $(if $(FROM),--from $(FROM)))

test: check integration ## everything, with a real engine: uses one that answers, else installs and starts a private one

integration: ## the tests on a real engine
	cargo build --locked --bin petsetd --bin petctl
	integration/engine run sh -c 'integration/images/build --all && $(INTEGRATION)'

bench: ## the figures of docs/performance.md, measured and printed; RECORD=1 writes them there
	-integration/bench/dns-servers
	-integration/bench/etcd
	cargo build --release --locked --bin petsetd --bin petctl
	integration/engine run sh -c 'integration/images/build busybox:1 && \
	  $(if $(RECORD),PETSET_BENCH_DOC=$(CURDIR)/docs/performance.md) cargo bench --locked --package petset-integration'

build: ## petsetd and petctl, under target/release
	cargo build --release --locked --bin petsetd --bin petctl

FUZZ := cargo +nightly fuzz
FUZZ_DIR := integration/fuzz
TIME ?= 600

fuzz: ## arbitrary bytes for every decoder, TIME=600 seconds each; TARGET=body_json for one alone
	@cargo fuzz --version >/dev/null 2>&1 || { echo 'cargo-fuzz is missing: cargo install --locked cargo-fuzz'; exit 1; }
	@cargo +nightly --version >/dev/null 2>&1 || { echo 'a nightly compiler is missing: rustup toolchain install nightly'; exit 1; }
	$(FUZZ) build --fuzz-dir $(FUZZ_DIR) --sanitizer none --target-dir target/fuzz
	@for target in $(or $(TARGET),$(notdir $(wildcard $(FUZZ_DIR)/corpus/*))); do \
	  mkdir -p target/fuzz/corpus/$$target; \
	  $(FUZZ) run --fuzz-dir $(FUZZ_DIR) --sanitizer none --target-dir target/fuzz $$target \
	    target/fuzz/corpus/$$target $(FUZZ_DIR)/corpus/$$target -- -max_total_time=$(TIME) -timeout=20 -rss_limit_mb=2048 \
	    -dict=$(FUZZ_DIR)/words.dict || exit 1; \
	done

contract: ## the published contract in api/, from the code
	cargo build --quiet --locked --workspace --example contract
	$(TARGET_DIR)/debug/examples/contract

protobuf: ## the table of messages in protobuf, from the types in kubectl
	cargo build --quiet --locked --workspace --example protobuf
	$(TARGET_DIR)/debug/examples/protobuf "$$(integration/kubectl | tail -n 1)"

topology: ## the table of what is owned by itself, from Kubernetes' published schema
	cargo build --quiet --locked --workspace --example topology
	$(TARGET_DIR)/debug/examples/topology "$$(integration/schema)"
	cargo fmt --package petset-api

demo: ## a first set, from nothing, in an instance of its own
	integration/demo run

demo-clean: ## takes away all that the demo made
	integration/demo clean

tools: ## what make check can use besides: cargo-nextest, cargo-deny
	cargo install --locked cargo-nextest cargo-deny
