//! How much memory is in use, counted by the allocator of the whole process.
//!
//! Only one input is checked at a time in a process, so that what is counted is that input's.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes in use now.
pub(crate) fn live() -> usize {
    ALLOCATOR.current_usage()
}

/// Begins to look for the most bytes in use; what is in use now.
pub(crate) fn start() -> usize {
    ALLOCATOR.reset_peak_usage();
    live()
}

/// The most bytes in use since [`start`], over what it gave.
pub(crate) fn peak_since(before: usize) -> usize {
    ALLOCATOR.peak_usage().saturating_sub(before)
}
