//! How many records a batch call carries: the vendor's ceiling, and less while the CRM strains.
//!
//! Chosen: to halve after a call that strained and to add a part of the ceiling after each that went
//! well, as network congestion is met. Instead of: a size found once, because what slows a CRM down
//! (a lock, other apps, automations) comes and goes within a night.

/// Part of the ceiling that is added again after a full call without a strain, as a divisor.
const GROWTH: usize = 10;

/// Least part of the ceiling that a call carries, as a divisor: smaller ones would spend the day's
/// calls and relieve nobody.
const LEAST: usize = 16;

/// The size of one CRM's batch calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallSize {
    ceiling: usize,
    records: usize,
}

impl CallSize {
    /// Begins at the ceiling, so that a CRM at ease sees the calls that were planned.
    pub fn new(ceiling: usize) -> Self {
        Self { ceiling, records: ceiling }
    }

    /// Returns the most records of the next call.
    pub fn records(self) -> usize {
        self.records.max(1)
    }

    /// Takes note of a call of so many records. One that carried fewer than it might have says nothing
    /// of what a larger one would meet.
    pub fn note(&mut self, n_records: usize, is_strained: bool) {
        if is_strained {
            self.records = (self.records / 2).max(self.ceiling / LEAST);
        } else if n_records >= self.records {
            self.records = (self.records + self.ceiling / GROWTH).min(self.ceiling);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_halves_to_a_floor_and_grows_back_slowly_to_the_ceiling() {
        let mut size = CallSize::new(100);
        let mut strained = || {
            size.note(size.records(), true);
            size.records()
        };
        assert_eq!([(); 5].map(|()| strained()), [50, 25, 12, 6, 6]);
        size.note(3, false);
        assert_eq!(size.records(), 6, "three records prove nothing");
        let mut well = || {
            size.note(size.records(), false);
            size.records()
        };
        assert_eq!([(); 11].map(|()| well()), [16, 26, 36, 46, 56, 66, 76, 86, 96, 100, 100]);
    }

    #[test]
    fn a_ceiling_of_one_stays_one() {
        let mut size = CallSize::new(1);
        size.note(1, true);
        assert_eq!(size.records(), 1);
    }
}
