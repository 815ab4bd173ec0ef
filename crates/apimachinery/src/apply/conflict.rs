//! Fields that another manager owns with another value.

use super::{
    managers::{ManagerKey, Operation},
    path::{PathElement, display},
    set::FieldSet,
};
use crate::{
    Reason, Status,
    status::{Cause, Details, quote},
};

/// One field in conflict.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Who owns it.
    pub manager: ManagerKey,
    /// The field.
    pub path: Vec<PathElement>,
}

/// The conflicts of one manager.
pub(super) fn of_manager<'a>(
    manager: &'a ManagerKey,
    fields: &FieldSet,
) -> impl Iterator<Item = Conflict> + 'a {
    fields.paths().into_iter().map(|path| Conflict { manager: manager.clone(), path })
}

/// Most conflicts that one answer lists.
const MAX_CONFLICTS_LISTED: usize = 1000;

/// 409 with a cause for each conflict, in kube-apiserver's words. Conflicts come ordered by manager.
pub(super) fn status(conflicts: &[Conflict]) -> Status {
    let message = match conflicts {
        [only] => format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            named(&only.manager),
            display(&only.path)
        ),
        several => {
            let mut lines = Vec::new();
            for of_one in several[..several.len().min(MAX_CONFLICTS_LISTED)]
                .chunk_by(|own, next| own.manager == next.manager)
            {
                lines.push(format!("conflicts with {}:", named(&of_one[0].manager)));
                lines.extend(of_one.iter().map(|conflict| format!("- {}", display(&conflict.path))));
            }
            format!("Apply failed with {} conflicts: {}", several.len(), lines.join("\n"))
        }
    };
    let cause = |conflict: &Conflict| Cause {
        reason: "FieldManagerConflict".into(),
        message: format!("conflict with {}", named(&conflict.manager)),
        field: display(&conflict.path),
    };
    let causes = conflicts.iter().take(MAX_CONFLICTS_LISTED).map(cause).collect();
    Status {
        code: 409,
        reason: Some(Reason::Conflict),
        message,
        details: Some(Box::new(Details { causes, ..Details::default() })),
        warnings: Vec::new(),
    }
}

fn named(manager: &ManagerKey) -> String {
    let mut text = quote(&manager.manager);
    if !manager.subresource.is_empty() {
        text.push_str(&format!(" with subresource {}", quote(&manager.subresource)));
    }
    if manager.operation == Operation::Update {
        text.push_str(&format!(" using {}", manager.api_version));
    }
    text
}
