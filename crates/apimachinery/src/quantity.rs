//! Kubernetes resource quantities (`500m`, `2Gi`, `1e3`).

/// A quantity as an exact number of thousandths (milli-units).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Quantity(pub i128);

impl std::str::FromStr for Quantity {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let _ = text;
        todo!()
    }
}
impl Quantity {
    /// Whole units, rounded up (as Kubernetes' `Value()`).
    pub fn value(self) -> i128 {
        todo!()
    }
}
