# The two commands: `make demo` and `make test`. Both install what they need. The steps of `make test` are targets of their own,
# and scripts/test says in which order they run. The browser tests are a module of their own (e2e).
VERSION := $(shell scripts/version)
LINT    := .tools/golangci-lint-2.15.0
VULN    := .tools/govulncheck-1.9.0
NFPM    := .tools/nfpm-2.44.0
SBOM    := .tools/cyclonedx-gomod-1.10.0
CADDY   := .tools/caddy
FUZZ    ?= 20s
SOAK    ?= 10m
CHAOS   ?= 100
RATE    ?= 1000
ENGINES ?= nats
ROUNDS  ?= 20
FAULTS  ?=

.PHONY: demo example-laravel test build vet plain race portable browser js dashboard typescript cross lint security release test-release test-packages test-monitoring test-deploy fuzz soak bench compare hostile chaos rolling capacity handover-chaos handover-figures dashboard-figures tidy clean
.DEFAULT_GOAL := build

build: ; go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/scenecast ./cmd/scenecast
demo: build ; bin/scenecast demo $(ARGS)
example-laravel: build ; scripts/install-test-tools && examples/laravel/run
test: ; scripts/test

vet: ; go vet ./... ./e2e/...
plain: ; go test -vet=off -timeout 20m -parallel 8 $$(scripts/packages plain)
race: ; go test -vet=off -timeout 20m -p 3 -parallel 4 -race $$(scripts/packages race)
portable: ; go test -vet=off -timeout 20m -parallel 4 -race ./server -short -portable
browser: ; scripts/install-test-tools && scripts/install-npm e2e/pusher && scripts/install-npm dashboard/app && go test -vet=off -timeout 20m ./e2e/...
js: build ; scripts/install-test-tools && unset SCENECAST_TUTORIAL_TEXT && scripts/install-npm clients/js && cd clients/js && npm run build && npm test && npm run check
dashboard: ; scripts/install-test-tools && scripts/install-npm dashboard/app && cd dashboard/app && npm test --silent && npm run --silent check
typescript: ; scripts/install-test-tools && scripts/install-npm api/typescript && cd api/typescript && npm test
cross: ; GOOS=darwin go build ./... && GOOS=windows go build ./...
lint: $(LINT) ; $(LINT) run --allow-parallel-runners ./... ./e2e/...
$(LINT): ; scripts/install-go-tool $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: docs docs-dev test-docs
docs: ; scripts/install-npm site && cd site && npm run --silent build -- $(ARGS)
docs-dev: ; scripts/install-npm site && cd site && npm run --silent dev -- $(ARGS)
test-docs: docs ; scripts/install-test-tools && cd e2e && go test -count=1 -run '^TestDocs' . -docs $(CURDIR)/bin/docs

.PHONY: screenshots
screenshots: ; scripts/install-test-tools && cd e2e && go test -count=1 -run '^Test(Popup|Dashboard)Pictures$$' -v . -readme-pictures $(CURDIR)/docs/images

.PHONY: test-caddy
test-caddy: $(CADDY) ; go test -run '^TestCaddy$$' -v ./cmd/scenecast -caddy $(CURDIR)/$(CADDY)
$(CADDY): ; scripts/install-caddy $@

.PHONY: test-php
test-php: ; scripts/test-php-versions
.PHONY: php
php: ; scripts/test-php-versions load

security: $(VULN) ; scripts/check-vulnerabilities $(VULN)
$(VULN): ; scripts/install-go-tool $@ golang.org/x/vuln/cmd/govulncheck

release: ; scripts/release
test-release: ; scripts/test-release
test-packages: ; scripts/test-packages
test-deploy: ; scripts/test-deploy
test-monitoring: ; scripts/test-monitoring
.tools/nfpm: $(NFPM) ; ln -sf $(notdir $<) $@
$(NFPM): ; scripts/install-go-tool $@ github.com/goreleaser/nfpm/v2/cmd/nfpm
.tools/cyclonedx-gomod: $(SBOM) ; ln -sf $(notdir $<) $@
$(SBOM): ; scripts/install-go-tool $@ github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

fuzz: ; scripts/fuzz $(FUZZ)
soak: ; go test -race -run '^(TestSoak|TestNumbering|TestNumberingOverNodes)$$' -timeout 0 -v ./server -soak $(SOAK) && go test -race -run '^(TestSoak|TestNumbering|TestNumberingOverNodes)$$' -timeout 0 -v ./server -portable -soak $(SOAK) && go test -run "^TestModel$$" -timeout 0 ./engine/cluster ./presence -seeds 3000 && go test -race -run "^TestPresenceModel$$" -timeout 0 -p 1 ./engine/memory ./engine/nats ./engine/redis -presence-rounds 300
chaos: ; go test -run '^(TestChaos|TestPartition|TestSingleNodeIsKilled)$$' -timeout 0 -v ./cmd/scenecast -chaos $(CHAOS) -chaos-rate $(RATE) -chaos-engines $(ENGINES) -chaos-faults "$(FAULTS)"
rolling: ; go test -run '^TestRollingBehindProxy$$' -timeout 0 -v ./cmd/scenecast -rolling $(ROUNDS)
compare: ; scripts/install-compare-peers && go run ./bench/compare --json bin/compare/report.json --svg bin/compare/chart.svg --markdown bin/compare/report.md $(ARGS)
dashboard-figures: ; scripts/install-test-tools && go test -count=1 -vet=off -timeout 30m -run "^TestDashboardFigures$$" -v ./e2e -figures $(ARGS)
capacity: build ; go run ./bench/capacity --binary bin/scenecast $(ARGS)
hostile: build ; go run ./bench/hostile --binary bin/scenecast $(ARGS)
handover-chaos: ; scripts/handover-chaos
handover-figures: build ; scripts/handover-figures $(ARGS)
bench: ; go test -run '^$$' -bench . -benchmem ./...
tidy: ; go mod tidy && cd e2e && go mod tidy
clean: ; rm -rf bin .tools site/.pages
