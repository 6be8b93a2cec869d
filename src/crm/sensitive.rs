//! Values that must not reach a log, an error or a screen by accident.

use std::fmt;

/// A secret or personal value. `Debug` hides it, there is no `Display`, and reading it is a
/// visible [`Sensitive::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value itself; every call is a place to look at.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_value() {
        let token = Sensitive::new("pat-na1-secret".to_owned());
        assert_eq!(format!("{token:?}"), "[REDACTED]");
        assert_eq!(token.expose(), "pat-na1-secret");
    }
}
