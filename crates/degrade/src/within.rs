//! The bounds of a setting.

use circuit::BadSetting;

/// A setting that must lie between two others, ends included.
pub(crate) fn within<T: PartialOrd + std::fmt::Debug>(
    key: &'static str,
    value: T,
    min: T,
    max: T,
) -> Result<(), BadSetting> {
    if value >= min && value <= max {
        return Ok(());
    }
    Err(BadSetting { key, value: format!("{value:?}"), allowed: format!("{min:?} to {max:?}") })
}
