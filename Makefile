# A pipe fails with its first command.
SHELL       = /bin/bash
.SHELLFLAGS = -o pipefail -c

# Tools run by version, so that nothing of them is in go.mod.
GOFUMPT      = mvdan.cc/gofumpt@v0.12.0
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOLANGCI     = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# The root module and the nested, unpublished ones.
MODULES = $(sort $(dir $(shell git ls-files '*go.mod' 'go.mod')))

FUZZTIME  ?= 20s
BENCH     ?= .
BENCHTIME ?= 1s
# LARGE=1 has tenants of 100,000 people, too; empty leaves them out.
LARGE     ?= 1
COUNT     ?= 1

.PHONY: test lint bench fuzz

# test runs everything that this machine can run; what is missing skips with a line
# that says what to install. CI=true lets nothing skip.
test:
	@set -e; for m in $(MODULES); do echo "== go test ./... in $$m"; (cd $$m && go test -race -timeout 20m ./...); done

lint:
	@out=$$(go run $(GOFUMPT) -l .); if [ -n "$$out" ]; then echo "gofumpt wants these:"; echo "$$out"; exit 1; fi
	@set -e; for m in $(MODULES); do echo "== lint $$m"; (cd $$m && go vet ./... && go run $(STATICCHECK) ./... && go run $(GOLANGCI) run --allow-parallel-runners ./...); done

# bench prints what one operation costs on each store, with allocations.
bench:
	@set -e; for m in $(MODULES); do (cd $$m && LARGE=$(LARGE) go test -p 1 -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -count $(COUNT) -benchmem -timeout 60m ./... | { grep -v 'no test files' || true; }); done

# fuzz gives every fuzz target its time.
fuzz:
	@set -e; for m in $(MODULES); do (cd $$m && for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do echo "== $$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$p; done; done); done
