# What to type. `make` alone lists the targets.
CARGO ?= cargo
BINARY := $(or $(CARGO_TARGET_DIR),target)/debug/autolog

.PHONY: help
help: ## List the targets.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: run
run: ## Build and start the service on the embedded store.
	@$(CARGO) build --locked
	@printf '%s\n' '' 'Try in another terminal, in this directory:' '' \
	  "  $(BINARY) enable shop production --ttl 10m --reason 'first try'" \
	  "  curl 'http://127.0.0.1:5000/api/autolog/check?app=shop&environment=production'" \
	  "  $(BINARY) why shop production" \
	  "  $(BINARY) disable shop production" '' 'Ctrl-C ends the service; what it keeps is in ./data.' ''
	@exec $(BINARY) serve

.PHONY: demo
demo: ## Break the example shop beside the running stack, and show what the stack makes of it.
	@./scripts/demo.sh

.PHONY: smoke-test
smoke-test: ## Follow telemetry and a fatal line through the running stack.
	@./scripts/smoke-test.sh

.PHONY: build
build: ## Build the release binary.
	$(CARGO) build --release --locked

# Most tests wait rather than compute, so they run two on a core.
.PHONY: test
test: test-examples ## Install what the tests need, and run them.
	./scripts/tools.sh redis
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(($$(nproc) * 2))} $(CARGO) test --locked --lib --test it
	$(CARGO) test --locked --test chaos -- --test-threads 1

.PHONY: test-valkey
test-valkey: ## Run the tests that need a Redis on Valkey instead.
	AUTOLOG_TEST_VALKEY=$$(./scripts/tools.sh valkey)/valkey-server $(CARGO) test --locked --test it -- store:: redis replicas time

.PHONY: test-examples
test-examples: ## Test the Python example.
	python3 -m unittest discover --quiet --start-directory examples/python

.PHONY: check
check: check-format check-lints check-docs check-dependencies check-scripts check-rules check-stack ## Run every static check.

.PHONY: check-format
check-format:
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	$(CARGO) fmt --check --manifest-path bench/Cargo.toml

.PHONY: check-lints
check-lints:
	$(CARGO) clippy --locked --all-targets -- -D warnings

.PHONY: check-docs
check-docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items --quiet
	$(CARGO) test --locked --doc --quiet

.PHONY: check-dependencies
check-dependencies:
	./scripts/tools.sh deny
	./scripts/check-dependencies.sh

.PHONY: check-scripts
check-scripts:
	./scripts/check-scripts.sh

.PHONY: check-rules
check-rules: ## Test the alert rules and the routes of their alerts.
	./scripts/check-rules.sh

.PHONY: check-dashboards
check-dashboards: ## Test Grafana's files alone: queries, metrics, links.
	./scripts/tools.sh compose stack >/dev/null
	python3 -W error -m unittest discover --quiet --start-directory tests/stack --pattern test_grafana.py

.PHONY: check-stack
check-stack: ## Test the compose file and the stack's configuration with the programs that read them.
	./scripts/tools.sh lint $(if $(shell command -v npm),logql) compose busybox caddy pebble redis redis-exporter stack >/dev/null
	$(CARGO) build --quiet --locked
	AUTOLOG_BIN=$(BINARY) python3 -W error -m unittest discover --quiet --start-directory tests/stack

.PHONY: e2e
e2e: ## Run a real Prometheus and Alertmanager against the service.
	./scripts/tools.sh redis stack
	$(CARGO) build --quiet --locked
	AUTOLOG_BIN=$(BINARY) python3 tests/e2e/e2e.py

.PHONY: e2e-all
e2e-all: e2e ## The same, and again with the oldest Alertmanager that is supported.
	./scripts/tools.sh stack-old
	AUTOLOG_BIN=$(BINARY) python3 tests/e2e/e2e.py --alertmanager 0.25

.PHONY: e2e-stack
e2e-stack: ## Bring up the whole stack under docker-compose.yml and follow signals through it.
	$(CARGO) build --quiet --locked
	AUTOLOG_BIN=$(BINARY) python3 tests/e2e/stack.py

.PHONY: e2e-dashboards
e2e-dashboards: ## Run every query of the dashboards on real programs with data in them.
	./scripts/tools.sh redis stack node-exporter redis-exporter collector
	$(CARGO) build --quiet --locked
	AUTOLOG_BIN=$(BINARY) python3 tests/e2e/dashboards.py

.PHONY: e2e-signals
e2e-signals: ## Send telemetry through a real collector and Prometheus that read the stack's files.
	./scripts/tools.sh compose collector prometheus node-exporter >/dev/null
	python3 tests/e2e/signals.py

.PHONY: e2e-clients
e2e-clients: ## Run the example clients against the service: verbose, quiet, and quiet by themselves.
	$(CARGO) build --quiet --locked --bin autolog --example poll
	AUTOLOG_BIN=$(BINARY) python3 -W error tests/e2e/clients.py

.PHONY: e2e-loki
e2e-loki: ## Run the rules on logs in a real Loki, if AUTOLOG_LOKI names one.
	./scripts/tools.sh stack
	$(CARGO) build --quiet --locked
	AUTOLOG_BIN=$(BINARY) python3 tests/e2e/loki.py

# Tests of faults that need no other Redis and no replicas; tests/chaos/matrix.rs tells of which.
FAULTS := snapshot::clock:: time:: http_connections:: webhook_limits:: http_requests:: app::tasks:: shutdown:: watch:: \
  rotation:: http_auth:: roles:: credentials::tests:: errors:: metrics:: store::migrations::

.PHONY: chaos
chaos: ## Try every fault on real Redis servers and three replicas, print the figures, and judge them.
	./scripts/tools.sh redis
	AUTOLOG_CHAOS=1 $(CARGO) test --locked --test chaos -- --include-ignored --nocapture --test-threads 1
	AUTOLOG_KILLS=200 $(CARGO) test --locked --test it kill:: -- --nocapture
	$(CARGO) test --locked --lib --test it -- --nocapture $(FAULTS)

.PHONY: fuzz
fuzz: ## Fuzz what reads others' input, FUZZ_SECONDS (120) for each target.
	./scripts/fuzz.sh

.PHONY: bench
bench: ## Measure autolog beside what it is compared with, and say which goals are reached.
	./scripts/tools.sh redis wrk
	$(CARGO) build --quiet --release --locked
	$(CARGO) build --quiet --release --locked --manifest-path bench/Cargo.toml --target-dir $(or $(CARGO_TARGET_DIR),target)
	python3 bench/run.py $(BENCH)

.PHONY: record-webhooks
record-webhooks: ## Record anew what real Alertmanagers post.
	./scripts/record-webhooks.sh

.PHONY: clean
clean: ## Remove what was built.
	$(CARGO) clean
