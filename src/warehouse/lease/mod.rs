//! The writers' lease: who may write to this warehouse now, with an epoch that only grows.
//!
//! | Store | The turn | The epoch |
//! |---|---|---|
//! | files | an operating-system lock on `lease.lock`, which a dead process cannot keep | a number in `lease.json` that each holder raises by one |
//! | objects | `lease.json`, renewed in time by conditional puts; who finds it expired may take it | the same number, in the same put |
//!
//! While a lease is held, every write of the process passes its [`Fence`](super::Fence): to the
//! warehouse and to the CRMs alike. A holder that was frozen, cut off or overtaken writes nothing
//! more. Whoever finds a higher epoch than its own has lost its turn and stops.

mod local;
mod stored;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::address::StoreKind;
use super::{Warehouse, WarehouseError};
use local::{LocalHolding, LocalLease};
use stored::{StoredHolding, StoredLease};

const LEASE_FILE: &str = "lease.json";

/// The right to write, held until dropped.
#[derive(Debug)]
pub struct Lease {
    epoch: u64,
    warehouse: Warehouse,
    turn: Turn,
}

#[derive(Debug)]
enum Turn {
    Local(LocalLease),
    Stored(StoredLease),
}

/// What the fence asks.
#[derive(Clone, Debug)]
pub(super) enum Holding {
    Local(LocalHolding),
    Stored(StoredHolding),
}

#[derive(Debug, Error)]
pub enum LeaseError {
    #[error("another run is writing to this warehouse: `{holder}`")]
    Held {
        holder: String,
        /// Until its turn ends, unless it renews it; `None` where a turn ends with its process.
        seconds_left: Option<u64>,
    },
    #[error(
        "this run lost its turn and writes nothing more: it held epoch {held} of the lease, and `{holder}` has taken epoch {found}"
    )]
    Lost { held: u64, found: u64, holder: String },
    #[error("the lease cannot be renewed, so nothing more is written: {reason}")]
    NotRenewed { reason: String },
    #[error("the store ignores `{condition}`, so two runs could write at once: `{url}`")]
    Unconditional { url: String, condition: &'static str },
    #[error("cannot lock `{path}`")]
    Lock {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot start the thread that renews the lease")]
    Keeper {
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Warehouse(#[from] Box<WarehouseError>),
}

/// `lease.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    epoch: u64,
    /// A run's id or a command's name.
    holder: String,
    /// Unlike any other taking's. With `renewal` it makes each record one of a kind: stores derive
    /// e-tags from content, and an equal e-tag must mean that nobody wrote in between.
    #[serde(default)]
    nonce: String,
    #[serde(default)]
    renewal: u64,
    /// How long the turn lasts from the moment that the store took this record; 0 for files.
    #[serde(default)]
    seconds: u64,
    #[serde(default)]
    is_released: bool,
    /// The store has been seen to keep both conditions.
    #[serde(default)]
    is_proven: bool,
}

impl Lease {
    /// Takes the lease for `holder` (a run id or a command's name).
    ///
    /// # Errors
    /// [`LeaseError::Held`] when another process has it; [`LeaseError::Unconditional`] when the
    /// store ignores the conditions on which the lease and the journal rest.
    pub async fn take(warehouse: &Warehouse, holder: &str) -> Result<Self, LeaseError> {
        let (turn, holding) = if warehouse.address.kind() == StoreKind::Files {
            let lease = LocalLease::take(warehouse.address.directory(), holder)?;
            let holding = Holding::Local(lease.holding.clone());
            (Turn::Local(lease), holding)
        } else {
            let lease = StoredLease::take(warehouse, holder).await?;
            let holding = Holding::Stored(lease.holding().clone());
            (Turn::Stored(lease), holding)
        };
        let epoch = holding.epoch();
        warehouse.fence().close(holding);
        Ok(Self { epoch, warehouse: warehouse.clone(), turn })
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Proves that the lease is still ours; called before every write to a CRM.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] when a later epoch is on record.
    pub async fn verify(&self) -> Result<(), LeaseError> {
        self.warehouse.fence().pass(self.warehouse.call_time_max()).await
    }
}

impl Drop for Lease {
    /// Gives the turn back. The fence of a lease that was lost stays closed.
    fn drop(&mut self) {
        let is_lost = match &self.turn {
            Turn::Local(lease) => lease.holding.verify().is_err(),
            Turn::Stored(lease) => lease.holding().is_lost(),
        };
        if !is_lost {
            self.warehouse.fence().open();
        }
    }
}

impl Holding {
    fn epoch(&self) -> u64 {
        match self {
            Self::Local(holding) => holding.epoch,
            Self::Stored(holding) => holding.epoch,
        }
    }

    /// Proves that the lease is ours and lasts `longest` more.
    pub async fn outlives(&self, longest: Duration) -> Result<(), LeaseError> {
        match self {
            Self::Local(holding) => holding.verify(),
            Self::Stored(holding) => holding.outlives(longest).await,
        }
    }
}

impl LeaseError {
    /// Says what a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Held { seconds_left: None, .. } => {
                Some("wait for it to end, or stop it".to_owned())
            }
            Self::Held { seconds_left: Some(seconds), .. } => Some(format!(
                "wait for it to end, or stop it; if it was killed, its turn ends in {seconds} s"
            )),
            Self::Lost { .. } | Self::NotRenewed { .. } => Some(
                "what it had done is in its journal; the next run settles what is open".to_owned(),
            ),
            Self::Unconditional { .. } => Some(
                "use a store that keeps `If-None-Match` and `If-Match` on a put, or a newer version of this one".to_owned(),
            ),
            _ => None,
        }
    }
}

impl From<WarehouseError> for LeaseError {
    fn from(error: WarehouseError) -> Self {
        Self::Warehouse(Box::new(error))
    }
}

impl Record {
    /// Stands for a record that somebody took away.
    fn gone() -> Self {
        Self { holder: "nobody".to_owned(), ..Self::default() }
    }

    fn lost_by(self, held: u64) -> LeaseError {
        LeaseError::Lost { held, found: self.epoch, holder: self.holder }
    }

    fn text(&self) -> Result<Vec<u8>, WarehouseError> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|source| WarehouseError::Json { path: LEASE_FILE.to_owned(), source })?;
        text.push(b'\n');
        Ok(text)
    }
}

/// Finds what the fence said among the causes of a store's error.
pub(super) fn behind(error: &(dyn std::error::Error + 'static)) -> Option<LeaseError> {
    let causes = std::iter::successors(Some(error), |error| (**error).source());
    causes.filter_map(|cause| cause.downcast_ref::<LeaseError>()).find_map(|error| match error {
        LeaseError::Lost { held, found, holder } => {
            Some(LeaseError::Lost { held: *held, found: *found, holder: holder.clone() })
        }
        LeaseError::NotRenewed { reason } => {
            Some(LeaseError::NotRenewed { reason: reason.clone() })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_written_by_one_holder_at_a_time_and_not_by_one_that_was_overtaken()
    -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let open = || Warehouse::open("warehouse", dir.path());
        let (first, second) = (open()?, open()?);
        let lease = Lease::take(&first, "the first").await?;
        let held = Lease::take(&second, "the second").await;
        assert!(matches!(held, Err(LeaseError::Held { holder, .. }) if holder == "the first"));
        first.put_json("x.json", &1).await?;
        lease.verify().await?;

        // Whoever removes the lock's file can take a lease beside it.
        std::fs::remove_file(dir.path().join("warehouse/lease.lock"))?;
        let other = Lease::take(&second, "the second").await?;
        assert_eq!((lease.epoch(), other.epoch()), (1, 2));
        let refused = first.put_json("x.json", &2).await;
        let Err(WarehouseError::Lease(LeaseError::Lost { held: 1, found: 2, holder })) = refused
        else {
            anyhow::bail!("{refused:?}");
        };
        assert_eq!(holder, "the second");
        assert!(lease.verify().await.is_err());
        assert!(first.fence().pass(Duration::ZERO).await.is_err());
        drop(lease);
        assert!(first.put_json("x.json", &2).await.is_err(), "lost stays lost");
        second.put_json("y.json", &2).await?;
        drop(other);
        second.put_json("z.json", &2).await?;
        assert_eq!(second.get_json::<u8>("x.json").await?, Some(1));
        Ok(())
    }
}
