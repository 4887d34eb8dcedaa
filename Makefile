# Everything a newcomer needs: `make demo`, `make test`. Each target can be run again at any time.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STACK  ?= stacks/lab
# Set to --published to pull kind's own node image instead of building one.
NODE_IMAGE ?=
OUT    ?= .sovereign/$(notdir $(patsubst %/,%,$(STACK)))
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup tools demo down check unit e2e kind kind-tools kind-down kind-test twin hosts browser lint-objects test bench clean

help: ## Show this help
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

setup: $(VENV)/.installed ## Make the virtual environment

tools: setup ## Find, download or build the pinned tools
	$(BIN)/sovereign-ai tools install

demo: tools ## From nothing to a deployed, verified lab factory
	@mkdir -p $(OUT)
	$(BIN)/sovereign-ai validate $(STACK)
	$(BIN)/sovereign-ai plan $(STACK) --output $(OUT)/plan.json --picture $(OUT)/plan.svg
	$(BIN)/sovereign-ai render $(STACK) --output $(OUT)/objects
	$(BIN)/sovereign-ai check $(STACK)
	$(BIN)/sovereign-ai up $(STACK)
	$(BIN)/sovereign-ai verify $(STACK) --json > $(OUT)/verdict.json || { cat $(OUT)/verdict.json; exit 1; }
	@echo
	@echo "The factory stands and is verified."
	@echo "  plan      $(OUT)/plan.json, picture $(OUT)/plan.svg"
	@echo "  objects   $(OUT)/objects"
	@echo "  findings  $(OUT)/verdict.json"
	@echo "  look at it: eval \"\$$($(BIN)/sovereign-ai env $(STACK))\"; kubectl get nodes"
	@echo "  remove it:  $(BIN)/sovereign-ai down $(STACK)"

down: setup ## Remove what `make demo` made
	$(BIN)/sovereign-ai down $(STACK)

check: setup ## Style, types, import order
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: setup ## Tests that need neither network nor cluster
	$(BIN)/pytest -q -n 2

e2e: tools ## Tests on a real control plane, through the real Pulumi engine
	@command -v softhsm2-util >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq softhsm2; } \
	  || { echo "missing: softhsm2; install it and run this again" >&2; exit 3; }
	$(BIN)/pytest -q -n 2 --dist loadfile -m cluster

browser: setup ## Reports in headless Chromium; pictures of them in .sovereign/screenshots
	@if [ "$$(id -u)" = 0 ] && ! command -v chromium >/dev/null; then apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; fi
	$(BIN)/pytest -q -m browser tests/attest/report
	@echo "screenshots and PDFs: .sovereign/screenshots"

twin: setup ## Tests of the fabric twin: real FRR in network namespaces; as root
	@if [ "$$(id -u)" = 0 ] && ! test -x /usr/lib/frr/zebra -a -x /usr/lib/frr/frr-reload.py; then apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends frr frr-pythontools; fi
	$(BIN)/pytest -q -n 2 --dist loadfile -m twin tests/sim/twin

hosts: setup ## Host roles on booted Debian root filesystems, by the real playbooks; as root
	@if [ "$$(id -u)" = 0 ] && ! { command -v mmdebstrap && command -v systemd-nspawn && command -v ip; } >/dev/null; then apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap systemd-container iproute2; fi
	$(BIN)/pytest -q -m host tests/host

kind-tools: tools ## A container engine, and the node image in it: from the cache, else built
	$(BIN)/sovereign-ai cluster engine up
	$(BIN)/sovereign-ai tools install kind
	$(BIN)/sovereign-ai tools node-image $(NODE_IMAGE)

kind: kind-tools ## The same as `make demo` on real kubelets: containers, devices, traffic; then remove it
	@mkdir -p $(OUT) && docker network ls -q --filter name='^kind$$' > $(OUT)/network-before
	$(BIN)/sovereign-ai up $(STACK) --cluster kind
	$(BIN)/sovereign-ai verify $(STACK) --cluster kind
	$(BIN)/python -m tests.kind.shown $(STACK)
	$(BIN)/sovereign-ai down $(STACK) --cluster kind
	@left=$$(docker ps -aq --filter label=io.x-k8s.kind.cluster=$(notdir $(patsubst %/,%,$(STACK)))); \
	[ -s $(OUT)/network-before ] || left="$$left$$(docker network ls -q --filter name='^kind$$')"; \
	if [ -n "$$left" ]; then echo "left behind: $$left" >&2; exit 1; fi; echo "Nothing is left behind."

kind-down: setup ## Remove what a broken `make kind` left
	$(BIN)/sovereign-ai cluster down $(STACK) --backend kind
	$(BIN)/sovereign-ai cluster engine down

kind-test: kind-tools ## Tests on a kind cluster
	$(BIN)/pytest -q -m kind tests/cli tests/kind

lint-objects: tools ## The rendered objects under checkov and kube-score; what they find is listed in tests/lint
	$(BIN)/python -m tests.lint.objects

test: check unit e2e ## All of it

bench: tools ## Measure, as ratios against what else one would use
	for each in benchmarks/*.py; do $(BIN)/python $$each || exit 1; done

clean: ## Remove the virtual environment and what the demo wrote
	rm -rf $(VENV) .sovereign
