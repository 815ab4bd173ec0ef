# Thin names for people; `cargo xtask` does the work.
.PHONY: demo test fuzz test-kubernetes bench bench-kubernetes

demo: ## A server and a stand-in cluster, imported, until Ctrl-C
	@cargo xtask demo

test: ## Everything that needs no special machine
	@cargo xtask ci

fuzz: ## Ten minutes of random requests, documents and frames
	@cargo xtask fuzz

test-kubernetes: ## The same flows against a real kube-apiserver (needs Go)
	@cargo xtask test-kubernetes

bench: ## The numbers of SPECIFICATION.md
	@cargo xtask bench

bench-kubernetes: ## Side by side with a real kube-apiserver and etcd (needs Go)
	@cargo xtask bench kubernetes
