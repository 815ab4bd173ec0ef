//! What kubectl asks for: tables, partial metadata, discovery.
use grange_differential::{Case, Step};
use serde_json::json;

use super::{KINDS, with};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
const PARTIAL_LIST: &str =
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        let object = with(kind.object("x"), &["metadata", "labels"], json!({"app": "{ns}"}));
        let list = format!("{}?labelSelector=app%3D{{ns}}", kind.collection());
        for (what, accept) in [("table", TABLE), ("partial", PARTIAL), ("partial list", PARTIAL_LIST)] {
            cases.push(Case::new(
                format!("tables/{}/{what}", kind.plural),
                vec![
                    Step::post(kind.collection(), &object).silent(),
                    Step::get(list.clone()).header("accept", accept),
                    Step::get(kind.path("x")).header("accept", accept),
                    Step::get(kind.path("missing")).header("accept", accept),
                    Step::get(format!("{list}&includeObject=None")).header("accept", accept),
                    Step::get(format!("{list}&includeObject=Object")).header("accept", accept),
                    Step::get(format!("{list}&includeObject=Odd")).header("accept", accept),
                    Step::get(format!("{list}&limit=1")).header("accept", accept),
                ],
            ));
        }
    }
    cases
}
