# The two commands: `make demo` and `make test`. Both install what they need. `make js` builds and tests the page script.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LINT    := .tools/golangci-lint-2.15.0
FUZZ    ?= 20s
SOAK    ?= 10m

.PHONY: demo test js typescript build cross lint fuzz soak bench compare clean
.DEFAULT_GOAL := build

build: ; go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/scenecast ./cmd/scenecast
demo: build ; bin/scenecast demo $(ARGS)
test: build cross lint ; scripts/install-test-tools && go vet ./... && go test -race ./... && go test -race ./server -portable && $(MAKE) js
js: build typescript ; scripts/install-test-tools && unset SCENECAST_TUTORIAL_TEXT && cd clients/js && npm ci --no-audit --no-fund && npm run build && npm test && npm run check
typescript: ; scripts/install-test-tools && cd api/typescript && npm ci --no-audit --no-fund && npm test
cross: ; GOOS=darwin go build ./... && GOOS=windows go build ./...
lint: $(LINT) ; $(LINT) run ./...
fuzz: ; scripts/fuzz $(FUZZ)
soak: ; go test -race -run '^(TestSoak|TestNumbering)$$' -timeout 0 -v ./server -soak $(SOAK)
compare: ; scripts/install-compare-peers && go run ./bench/compare --json bin/compare/report.json --svg bin/compare/chart.svg --markdown bin/compare/report.md $(ARGS)
bench: ; go test -run '^$$' -bench . -benchmem ./...
clean: ; rm -rf bin .tools

$(LINT):
	GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv .tools/golangci-lint $(LINT)
