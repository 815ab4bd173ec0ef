//! Skeleton; see the architecture document.
