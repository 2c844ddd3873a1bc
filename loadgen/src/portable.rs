//! How parts of a plan travel to another machine that serde does not know, or would not carry exactly.

/// What has a text, as that.
pub(crate) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(crate) fn serialize<T: AsRef<str>, S: Serializer>(it: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(it.as_ref())
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// A float to the last bit: decimals read back may be the neighbour, and the schedule another.
pub(crate) mod exact {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(it: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(it.to_bits())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(f64::from_bits(u64::deserialize(from)?))
    }
}
