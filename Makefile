# Everything a newcomer needs: `make demo`, `make test`. Each target can be run again at any time.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STACK  ?= stacks/lab
# Set to --published to pull kind's own node image instead of building one.
NODE_IMAGE ?=
OUT    ?= .sovereign/$(notdir $(patsubst %/,%,$(STACK)))
# What an embedded control plane runs where a description's platform names it; built where a target needs it.
CONTROLLERS := kueue-controller jobset jobset-controller lws lws-controller trainer trainer-controller
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup tools demo down check unit e2e daytwo faults attack hostile fuzz audit lock fabrics full queues monitoring fleet kind kind-tools kind-down kind-test languages loads twin twin-programs hosts browser lint-objects test bench clean

help: ## Show this help
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Everything but the project itself comes from the lock, each package with its digest; the builder does too.
$(VENV)/.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
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
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/lint-imports
	$(BIN)/python -m tests.shape

unit: setup ## Tests that need neither network nor cluster
	$(BIN)/pytest -q -n 2

e2e: tools ## Tests on a real control plane, through the real Pulumi engine
	@command -v softhsm2-util >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq softhsm2; } \
	  || { echo "missing: softhsm2; install it and run this again" >&2; exit 3; }
	$(BIN)/python -m tests.flaky -q -n 2 --dist loadfile --no-loadscope-reorder -m cluster

daytwo: tools ## Every change of a standing lab, there and back; takes hours. PART=1/8 for every eighth test
	$(BIN)/sovereign-ai tools install $(CONTROLLERS) prometheus kube-state-metrics
	PART=$(PART) $(BIN)/pytest -q -m daytwo tests/daytwo
	@echo "what each change took: .sovereign/daytwo.jsonl"

faults: tools ## Every fault of the way to the API server at every moment of every command, and a hundred kills; hours
	$(BIN)/pytest -q -m faults_long tests/faults tests/rules tests/operate

audit: setup ## Known vulnerabilities of Python packages and tools; where no database is reachable it says so
	$(BIN)/python -m tests.supply

lock: ## Write requirements.lock anew from pyproject.toml; needs the package index
	$(PYTHON) -m venv .sovereign/lock && .sovereign/lock/bin/pip install --quiet pip-tools==7.6.2
	.sovereign/lock/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-header \
	  --all-extras --build-deps-for editable --output-file requirements.lock pyproject.toml

hostile: setup ## Every hostile input for every reader; some minutes
	$(BIN)/python -m tests.hostile

fuzz: setup ## Coverage-guided fuzzing of the readers, ten minutes; SECONDS=60 for less. What it learns stays in .sovereign/fuzz
	$(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS))

fabrics: setup ## Ten thousand random fabrics against an independent solver; minutes
	$(BIN)/pytest -q -m planner_long tests/plan

full: lint-objects browser hosts kind-test daytwo faults hostile languages fabrics twin loads queues monitoring fleet ## What takes longer than a change of the code may wait for
	$(BIN)/pytest -q -m kind tests/daytwo tests/monitoring tests/queues

queues: tools ## Kueue, JobSet, LeaderWorkerSet and Trainer on an embedded control plane: built from source, then tests of what waits and why
	$(BIN)/sovereign-ai tools install $(CONTROLLERS)
	$(BIN)/pytest -q -m queues tests/queues

monitoring: tools ## Prometheus and kube-state-metrics beside an embedded control plane: built from source, then tests of what they see
	$(BIN)/sovereign-ai tools install prometheus kube-state-metrics
	$(BIN)/pytest -q -m monitoring tests/monitoring

fleet: tools ## A thousand simulated machines that run jobs, break and are repaired; NODES=5000 for more. Result in .sovereign/fleet
	$(BIN)/sovereign-ai tools install kueue-controller
	NODES=$(NODES) KILLS=$(KILLS) SEED=$(SEED) $(BIN)/pytest -q -s -m fleet tests/fleet

languages: tools ## Factories from programs in YAML and TypeScript; needs Node.js and npm
	$(BIN)/sovereign-ai tools install pulumi-language-yaml pulumi-language-nodejs
	$(BIN)/pytest -q -m languages tests/deploy/package

browser: setup ## Reports in headless Chromium; pictures of them in .sovereign/screenshots
	@if [ "$$(id -u)" = 0 ] && ! command -v chromium >/dev/null; then apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; fi
	$(BIN)/python -m tests.flaky -q -m browser tests/attest/report
	@echo "screenshots and PDFs: .sovereign/screenshots"

twin-programs: setup
	@if [ "$$(id -u)" = 0 ] && ! { command -v ibsim && command -v opensm && command -v smpquery && ls /usr/lib/*/umad2sim/libumad2sim.so; } >/dev/null 2>&1; \
	  then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	  ibsim-utils libumad2sim0 opensm infiniband-diags; fi
	@if [ "$$(id -u)" = 0 ] && ! test -x /usr/lib/frr/zebra -a -x /usr/lib/frr/frr-reload.py; then apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends frr frr-pythontools; fi

twin: twin-programs ## Tests of the fabric twins: real FRR in network namespaces, real OpenSM on ibsim; as root
	$(BIN)/python -m tests.flaky -q -n 2 --dist loadfile -m twin tests/fabric_twin tests/render/switches

loads: twin-programs ## Every output loaded into the programs it is meant for, as far as they can be had; as root
	@if [ "$$(id -u)" = 0 ] && ! { command -v kea-dhcp4 && command -v slurmctld && command -v slurmd && command -v promtool && command -v ibdmsh; } >/dev/null; then apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends kea-dhcp4-server slurmctld slurmd slurm-client ibutils prometheus iproute2; fi
	@if [ "$$(id -u)" = 0 ] && ! { command -v redis-server && test -x /usr/lib/postgresql/15/bin/initdb; } >/dev/null; then apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-15 redis-server; fi
	$(BIN)/python -m tests.loads.netbox_instance
	$(BIN)/python -m tests.loads.python_programs
	$(BIN)/python -m tests.loads.go_programs
	# What is held to seconds runs alone; the rest, whose files share no port and no daemon, by two.
	$(BIN)/pytest -q -m loads tests/loads/test_large_subnets.py
	$(BIN)/pytest -q -n 2 --dist loadfile -m loads tests/loads tests/outputs tests/render/switches --ignore tests/loads/test_large_subnets.py

hosts: setup ## Host roles on booted Debian root filesystems, by the real playbooks; as root
	@if [ "$$(id -u)" = 0 ] && ! { command -v mmdebstrap && command -v systemd-nspawn && command -v ip; } >/dev/null; then apt-get update -qq \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap systemd-container iproute2; fi
	$(BIN)/python -m tests.flaky -q -m host tests/host

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
	$(BIN)/sovereign-ai cluster down $(STACK) --cluster kind
	$(BIN)/sovereign-ai cluster engine down

kind-test: kind-tools ## Tests on a kind cluster
	$(BIN)/python -m tests.flaky -q -m kind tests/cli tests/kind

lint-objects: tools ## The rendered objects under checkov and kube-score; what they find is listed in tests/lint
	$(BIN)/python -m tests.lint.objects

attack: tools ## What an attacker would try, each with a control that must work; as root, since it becomes another account
	@command -v softhsm2-util >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq softhsm2; } \
	  || { echo "missing: softhsm2; install it and run this again" >&2; exit 3; }
	$(BIN)/pytest -q -m "not browser and not kind and not twin and not host" tests/attack

test: check unit e2e ## All of it

bench: tools ## Measure, as ratios against what else one would use
	for each in benchmarks/*.py; do $(BIN)/python $$each || exit 1; done

clean: ## Remove the virtual environment and what the demo wrote
	rm -rf $(VENV) .sovereign
