//! Which way each extraction goes: the cheapest of those that are open to it.
//!
//! Pure. What a way costs is said in [`crate::crm::price`], and whether it is open by whoever knows:
//! the connector, the project, the previous snapshot, the allowances.

use crate::crm::Way;
use crate::crm::price::{Price, Size};

/// A way with its price, and what keeps the extraction from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    pub way: Way,
    pub price: Price,
    pub barrier: Option<String>,
}

/// Why an extraction goes its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    Cheapest,
    /// The project or a flag says so.
    Forced,
    /// A broken pull went it already.
    Continued,
    /// Another way was tried and led nowhere.
    Instead {
        of: Way,
        because: String,
    },
}

/// How one extraction is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is read: `contacts`, `contacts (archived)`, `Lead`.
    pub extraction: String,
    pub size: Size,
    pub way: Way,
    pub reason: Reason,
    /// All ways, the chosen one among them, in the connector's order.
    pub considered: Vec<Considered>,
}

impl Choice {
    /// Chooses among `considered`. A forced way that is closed is given back with its barrier.
    ///
    /// # Errors
    /// The barrier, when the forced way is closed.
    pub fn new(
        extraction: &str,
        size: Size,
        considered: Vec<Considered>,
        forced: Option<Way>,
    ) -> Result<Self, String> {
        let (way, reason) = match forced {
            Some(way) => {
                let found = considered.iter().find(|one| one.way == way);
                let barrier = match found {
                    Some(one) => one.barrier.clone(),
                    None => Some("this CRM has no such way".to_owned()),
                };
                match barrier {
                    None => (way, Reason::Forced),
                    Some(barrier) => return Err(barrier),
                }
            }
            None => (cheapest(&considered).unwrap_or(Way::List), Reason::Cheapest),
        };
        Ok(Self { extraction: extraction.to_owned(), size, way, reason, considered })
    }

    /// Returns the price of the chosen way.
    pub fn price(&self) -> Price {
        let chosen = self.considered.iter().find(|one| one.way == self.way);
        chosen.map(|one| one.price).unwrap_or_default()
    }

    /// Turns to the cheapest other way, now that the chosen one led nowhere; `false` when none is
    /// left.
    pub fn turn(&mut self, because: &str) -> bool {
        let of = self.way;
        if let Some(one) = self.considered.iter_mut().find(|one| one.way == of) {
            one.barrier = Some(because.to_owned());
        }
        let Some(way) = cheapest(&self.considered) else { return false };
        self.way = way;
        self.reason = Reason::Instead { of, because: because.to_owned() };
        true
    }
}

/// Returns the open way of least weight, the plainer one of two alike.
fn cheapest(considered: &[Considered]) -> Option<Way> {
    let open = considered.iter().filter(|one| one.barrier.is_none());
    open.min_by_key(|one| one.price.weight()).map(|one| one.way)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn considered(way: Way, calls: u64, barrier: Option<&str>) -> Considered {
        let price = Price { calls, ..Price::default() };
        Considered { way, price, barrier: barrier.map(str::to_owned) }
    }

    #[test]
    fn the_cheapest_open_way_is_taken_and_the_next_one_when_it_leads_nowhere() {
        let ways = vec![
            considered(Way::List, 100, None),
            considered(Way::Export, 3, None),
            considered(Way::Changes, 1, Some("no previous snapshot")),
        ];
        let size = Size::default();
        let mut choice = Choice::new("contacts", size, ways.clone(), None).expect("a choice");
        assert_eq!((choice.way, choice.price().calls), (Way::Export, 3));
        assert!(choice.turn("no scope"));
        assert_eq!(choice.way, Way::List);
        assert!(!choice.turn("gone"));
        let forced = Choice::new("contacts", size, ways.clone(), Some(Way::List));
        assert_eq!(forced.expect("a choice").reason, Reason::Forced);
        let closed = Choice::new("contacts", size, ways, Some(Way::Changes));
        assert_eq!(closed, Err("no previous snapshot".to_owned()));
    }
}
