# Everything that can be done here, in one place: `make help`.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON := .venv/bin/python
# The first Python 3.11 that can make a virtual environment; a version manager's shim may exist and
# yet not run.
PYTHON311 = $(shell for python in python3.11 /usr/bin/python3.11 /usr/local/bin/python3.11 python3; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo "$$python" && break; done)
JARS := .tidemark/jars
COPY_JARS := org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies
# Started by Python, as the demo does: pipelines/streaming/session.py then finds Spark's Java and
# gives it its memory and its address.
SPARK := TZ=UTC $(PYTHON)
# What needs the stack has it to itself; of the rest each process has a Spark of its own, and half
# the time waits for something. The unit loop is what is quick: it waits for timeouts at most, and a
# third process fills that time.
STACK_TESTS := integration or end_to_end
SLOW_TESTS := spark or programs or data_set or $(STACK_TESTS)
TWO_AT_ONCE := --numprocesses=2
THREE_AT_ONCE := --numprocesses=3
# Registries hang up now and then: three tries, a little apart.
THREE_TIMES = try() { "$$@" || { sleep 5; "$$@"; } || { sleep 20; "$$@"; }; }; try

.PHONY: demo up down install doctor status sql screenshot contracts balance quarantine quarantine-replay rebuild recompute skip recover train promote replay index promote-index tend rebuild-store clean test test-unit faults lint bench claims docs help installed

##@ Start

demo: install ## Start all, show what flows; Ctrl-C stops it (RATE=200)
	@exec $(PYTHON) -m stack demo

up: install ## Start the six services only, without the demo's programs
	@exec $(PYTHON) -m stack up

down: installed ## Stop everything that runs
	@exec $(PYTHON) -m stack down

install: ## Make .venv and fetch jars, if a lock or pom has changed
	@$(MAKE) --no-print-directory --silent --jobs 4 .venv/.installed $(JARS)/spark/.resolved $(JARS)/kafka/.resolved $(JARS)/unpacked/.unpacked

doctor: ## Say what is missing on this machine and what to do
	@exec $(if $(wildcard .venv/.installed),$(PYTHON),$(or $(PYTHON311),python3)) -m stack.doctor


##@ Look

status: installed ## Say what runs, since when, with how much memory
	@exec $(PYTHON) -m stack status

sql: installed ## Open a Trino prompt, or answer Q="..."; ADMIN=1 may write
	@exec $(PYTHON) -m stack sql $(if $(Q),--query "$$Q") $(if $(filter 1 yes,$(ADMIN)),--admin)

screenshot: install ## Take pictures of the running pages
	@$(PYTHON) -m dashboards.screenshot --out docs/images


##@ Data

contracts: installed ## Register the Avro contracts and create the topics
	@exec $(PYTHON) jobs/tasks/register_contracts.py

balance: installed ## Say where every record is; FORMAT=json for programs
	@$(SPARK) jobs/tasks/balance.py $(if $(filter json,$(FORMAT)),--json)

quarantine: installed ## Show what was refused; TOPIC= REASON= SHOW=all FORMAT=json
	@$(SPARK) jobs/tasks/quarantine.py $(if $(TOPIC),--topic "$(TOPIC)") $(if $(REASON),--reason "$(REASON)") \
		$(if $(SHOW),--show "$(SHOW)") $(if $(filter json,$(FORMAT)),--json)

# Make knows AS by itself, as the assembler.
quarantine-replay: installed ## Bring it back; TOPIC= REASON= AS=arrival-time DRY=yes
	@$(SPARK) jobs/tasks/quarantine_replay.py --topic "$(TOPIC)" --reason "$(REASON)" \
		$(if $(filter default,$(origin AS)),,$(if $(AS),--as "$(AS)")) \
		$(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)") $(if $(filter yes,$(DRY)),--dry-run)

rebuild: installed ## Rebuild TABLE=silver.orders from bronze, FROM=... TO=...
	@$(SPARK) jobs/tasks/rebuild.py --table "$(TABLE)" --from "$(FROM)" --to "$(TO)"

recompute: installed ## Recompute TABLE=gold.business_metrics from silver
	@$(SPARK) jobs/tasks/recompute.py --table "$(TABLE)"

skip: installed ## Put the record that stops QUERY=gold.orders aside
	@$(SPARK) jobs/tasks/skip.py --query "$(QUERY)"

recover: installed ## Let TABLE=silver.orders go on without its checkpoint
	@$(SPARK) jobs/tasks/recover.py --table "$(TABLE)"


##@ Models

train: installed ## Train a fraud model; FEATURES=logged folds nothing
	@$(SPARK) jobs/tasks/train_fraud_model.py $(if $(FEATURES),--features "$(FEATURES)")

promote: installed ## Make the challenger champion if it passes the gate; TO=3
	@$(SPARK) jobs/tasks/promote_fraud_model.py $(if $(TO),--to "$(TO)")

replay: installed ## Replay decisions FROM=... TO=... with MODEL=challenger
	@$(SPARK) jobs/tasks/replay_decisions.py --from "$(FROM)" --to "$(TO)" $(if $(MODEL),--model "$(MODEL)")

index: installed ## Build a recommender's index of sessions; INCREMENTAL=yes
	@exec $(PYTHON) jobs/tasks/build_recommendations.py $(if $(filter yes 1,$(INCREMENTAL)),--incremental)

promote-index: installed ## Make the newest index champion if it passes; TO=3
	@exec $(PYTHON) jobs/tasks/promote_recommendations.py $(if $(TO),--to "$(TO)")


##@ Upkeep

tend: installed ## Compact bronze and silver, remove orphan files everywhere
	@$(SPARK) jobs/tasks/tend_tables.py

rebuild-store: installed ## Rebuild the online store after Valkey has lost its data
	@$(SPARK) jobs/tasks/rebuild_online_store.py

clean: installed ## Remove all data, logs and checkpoints; CONFIRM=yes
	@exec $(PYTHON) -m stack clean $(if $(filter yes,$(CONFIRM)),--yes)


##@ Develop

test: install lint ## Run every test: unit, with Spark, integration, end to end
	@$(PYTHON) -m pytest $(TWO_AT_ONCE) -m "not ($(STACK_TESTS))" --cov --cov-report= --cov-fail-under=0 --durations=10
	@$(PYTHON) -m pytest -m "$(STACK_TESTS)" --cov --cov-append --durations=25

test-unit: install ## Run what needs no services, Spark, programs or data sets
	@$(PYTHON) -m pytest $(THREE_AT_ONCE) -m "not ($(SLOW_TESTS))"

faults: install ## Kill KILLS=30 processes beside awkward records
	@$(PYTHON) -m pytest tests/faults --faults-receipt --faults-kills=$(or $(KILLS),30) --faults-seed=$(or $(SEED),7)

lint: install ## Check style, types and import directions
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

bench: install ## Measure all benchmarks, or NAME=start, write receipts
	@exec $(PYTHON) -m benchmarks $(or $(NAME),all)

claims: install ## Write the receipts' figures into README and docs
	@exec $(PYTHON) -m benchmarks.claims

docs: install ## Write docs/data_dictionary.md from the tables
	@exec $(PYTHON) -m pipelines.dictionary

help: ## List every verb
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

installed:
	@test -x $(PYTHON) || { echo "✗ Nothing is installed yet: run make install." >&2; exit 1; }

.venv/.installed: requirements-uv.lock requirements.lock pyproject.toml
	@test -n "$(PYTHON311)" || { echo "✗ No Python 3.11 with venv: install one (Debian: apt-get install python3.11-venv)." >&2; exit 1; }
	@test -x $(PYTHON) || $(PYTHON311) -m venv .venv
	@echo "  python packages: $$(grep -c '^[a-z0-9].*==' requirements.lock) of them, by hash"
	@$(THREE_TIMES) $(PYTHON) -m pip install --quiet --require-hashes --requirement requirements-uv.lock
	@$(THREE_TIMES) .venv/bin/uv pip sync --quiet --compile-bytecode --python $(PYTHON) --require-hashes requirements.lock
	@.venv/bin/uv pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation --editable .
	@touch $@ && echo "  python packages: installed"

$(JARS)/%/.resolved: conf/jars/%.xml
	@command -v mvn >/dev/null || { echo "✗ No Maven: install it (Debian: apt-get install maven)." >&2; exit 1; }
	@echo "  $* jars: fetching$(if $(filter services,$*), (540 MB))"
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(THREE_TIMES) mvn --quiet --batch-mode --file $< $(COPY_JARS) -DoutputDirectory=$(CURDIR)/$(@D)
	@touch $@ && echo "  $* jars: there"

# Of Trino's own plugins none is needed, only the Iceberg connector.
$(JARS)/unpacked/.unpacked: $(JARS)/services/.resolved
	@rm -rf $(@D) && mkdir -p $(@D)/registry $(@D)/trino/plugins
	@tar -xzf $(JARS)/services/apicurio-registry-app-*.tar.gz -C $(@D)/registry
	@tar -xzf $(JARS)/services/trino-server-core-*.tar.gz -C $(@D)/trino --strip-components 1 --exclude '*/plugin/*'
	@$(PYTHON311) -m zipfile -e $(JARS)/services/trino-iceberg-*.zip $(@D)/trino/plugins
	@mv $(@D)/trino/plugins/trino-iceberg-* $(@D)/trino/plugins/iceberg
	@touch $@ && echo "  services: unpacked"
