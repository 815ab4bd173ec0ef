//! Every target, by family.

mod documents;
mod gateway;
mod objects;
mod patches;
mod requests;
mod rules;
mod schemas;
mod settings;
mod texts;
mod tunnel;

use crate::Target;

/// Bytes in use at once that reading one small input may take.
const SMALL: usize = 8 * 1024 * 1024;
/// The same for what builds trees, compiles patterns or evaluates within a budget.
const LARGE: usize = 64 * 1024 * 1024;

/// All targets.
pub fn all() -> Vec<Target> {
    let families = [
        texts::targets(),
        documents::targets(),
        objects::targets(),
        patches::targets(),
        schemas::targets(),
        rules::targets(),
        tunnel::targets(),
        settings::targets(),
        requests::targets(),
        gateway::targets(),
    ];
    families.into_iter().flatten().collect()
}
