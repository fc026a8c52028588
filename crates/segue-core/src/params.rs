//! Hyper-parameters declared once: the struct, its defaults, its ranges, its documentation and its aliases.

use crate::nearest::nearest;

/// The values a numeric parameter may take, both ends included unless `open`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Whether `min` itself is excluded.
    pub open: bool,
}

impl Interval {
    /// `[min, ∞)`.
    pub const fn at_least(min: f64) -> Self {
        Self { min, max: f64::INFINITY, open: false }
    }

    /// `(min, ∞)`.
    pub const fn above(min: f64) -> Self {
        Self { min, max: f64::INFINITY, open: true }
    }

    /// `[min, max]`.
    pub const fn between(min: f64, max: f64) -> Self {
        Self { min, max, open: false }
    }

    /// Whether `value` lies inside. Infinity and NaN never do.
    pub fn contains(&self, value: f64) -> bool {
        value.is_finite() && (value > self.min || (!self.open && value == self.min)) && value <= self.max
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let open = if self.open { '(' } else { '[' };
        if self.max.is_finite() {
            write!(f, "{open}{}, {}]", self.min, self.max)
        } else {
            write!(f, "{open}{}, ∞)", self.min)
        }
    }
}

/// A parameter type that an [`Interval`] can check.
pub trait Numeric {
    /// The value as `f64`.
    fn as_f64(&self) -> f64;
}

macro_rules! numeric { ($($t:ty),*) => { $(impl Numeric for $t { fn as_f64(&self) -> f64 { *self as f64 } })* } }
numeric!(f32, f64, usize, u32, u64);

impl<T: Numeric> Numeric for Option<T> {
    /// An absent value lies in every interval that holds its own minimum.
    fn as_f64(&self) -> f64 {
        self.as_ref().map_or(f64::NAN, Numeric::as_f64)
    }
}

/// One row of a model's parameter table.
#[derive(Debug, Clone, Copy)]
pub struct ParamInfo {
    /// Key.
    pub name: &'static str,
    /// Meaning, from the doc comment.
    pub doc: &'static str,
    /// Allowed range, where it is numeric.
    pub range: Option<Interval>,
    /// Other keys that mean the same.
    pub aliases: &'static [&'static str],
}

/// Why parameters are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParamError {
    /// No such key.
    #[error("model `{model}` has no parameter `{key}`{}; it has: {known}", .nearest.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// The model.
        model: String,
        /// The key given.
        key: String,
        /// The nearest key.
        nearest: Option<String>,
        /// All keys, joined.
        known: String,
    },
    /// A number outside its range.
    #[error("model `{model}`: `{key}` = {value} is outside {range}")]
    Range {
        /// The model.
        model: String,
        /// The key.
        key: String,
        /// The value given.
        value: f64,
        /// The allowed interval.
        range: Interval,
    },
    /// A value of another type, or one that contradicts another parameter.
    #[error("model `{model}`: {message}")]
    Value {
        /// The model.
        model: String,
        /// What is wrong and what would be right.
        message: String,
    },
}

impl ParamError {
    /// The error for a key that `params` does not have.
    pub fn unknown(model: &str, key: &str, params: &[ParamInfo]) -> Self {
        let names = || params.iter().flat_map(|p| std::iter::once(p.name).chain(p.aliases.iter().copied()));
        Self::Unknown {
            model: model.into(),
            key: key.into(),
            nearest: nearest(key, names()).map(Into::into),
            known: params.iter().map(|p| p.name).collect::<Vec<_>>().join(", "),
        }
    }
}

/// What [`params!`](crate::params) writes for a parameter struct.
pub trait Params {
    /// The parameter table, in declaration order.
    const PARAMS: &'static [ParamInfo];

    /// Checks every numeric parameter against its range.
    fn check_ranges(&self, model: &str) -> Result<(), ParamError>;
}

/// Declares a parameter struct: serde (unknown keys refused, absent keys defaulted), `Default`, ranges and the table.
///
/// ```
/// segue_core::params! {
///     /// Ridge regression.
///     pub struct Ridge {
///         /// Strength of the penalty.
///         l2: f32 = 10.0, range segue_core::Interval::at_least(0.0), alias "reg";
///         /// Whether to centre the data.
///         centre: bool = true;
///     }
/// }
/// let ridge: Ridge = serde_json::from_str(r#"{"reg": 3.0}"#).unwrap();
/// assert_eq!((ridge.l2, ridge.centre), (3.0, true));
/// ```
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[doc = $doc:literal])+ $field:ident : $ty:ty = $default:expr
            $(, range $range:expr)? $(, alias $alias:literal)* ;)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, $crate::serde::Serialize, $crate::serde::Deserialize)]
        #[serde(crate = "segue_core::serde", deny_unknown_fields, default)]
        pub struct $name {
            $($(#[doc = $doc])+ $(#[serde(alias = $alias)])* pub $field: $ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::Params for $name {
            const PARAMS: &'static [$crate::ParamInfo] = &[$($crate::ParamInfo {
                name: stringify!($field),
                doc: concat!($($doc),+),
                range: $crate::params!(@range $($range)?),
                aliases: &[$($alias),*],
            }),*];

            #[allow(unused_variables)]
            fn check_ranges(&self, model: &str) -> Result<(), $crate::ParamError> {
                $($(
                    let (value, range): (f64, $crate::Interval) = ($crate::Numeric::as_f64(&self.$field), $range);
                    if !range.contains(value) && !value.is_nan() {
                        return Err($crate::ParamError::Range {
                            model: model.into(), key: stringify!($field).into(), value, range,
                        });
                    }
                )?)*
                Ok(())
            }
        }
    };
    (@range) => { None };
    (@range $range:expr) => { Some($range) };
}
