//! The differential suite. Modules whose names begin with `kube` need the real Kubernetes.

mod cases;
mod kubernetes;
mod kubernetes_rbac;
