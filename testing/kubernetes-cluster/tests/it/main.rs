//! Tests of the control plane for tests. Modules whose names begin with `kube` need the real Kubernetes.

mod kubernetes;
