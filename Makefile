# Thin names for people; `cargo xtask` does the work.
.PHONY: demo test test-kubernetes bench bench-kubernetes

demo: ## A server and a stand-in cluster, imported, until Ctrl-C
	@cargo xtask demo

test: ## Everything that needs no special machine
	@cargo xtask ci

test-kubernetes: ## The same flows against a real kube-apiserver (needs Go)
	@cargo xtask test-kubernetes

bench: ## The numbers of SPECIFICATION.md
	@cargo xtask bench

bench-kubernetes: ## Side by side with a real kube-apiserver and etcd (needs Go)
	@cargo xtask bench kubernetes
