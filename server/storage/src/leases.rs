//! Who may write. A process writes under a lease with an epoch, and each of its transactions compares that epoch; who
//! takes a lease over raises it, and so waits for transactions in flight and stops later ones.
//!
//! Today there is one lease, for the whole server, and one slot. Leases of single rooms come with more processes.

use crate::{
    ReadTxn, StorageError, dialect,
    engine::{args, sql},
    positions::Slot,
};

/// The right to write, as this process holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    epoch: i64,
}

const SERVER: &str = "server";

/// Takes the lease over from whoever had it.
pub(crate) async fn take_over(txn: &mut ReadTxn) -> Result<Lease, StorageError> {
    let epoch = txn.fetch_one(TAKE_OVER, args![SERVER, i64::from(Slot::FIRST.number())]).await?;
    Ok(Lease { epoch })
}

impl Lease {
    /// Fails if somebody else has taken over; otherwise nobody can until the transaction ends.
    pub(crate) async fn check(self, txn: &mut ReadTxn) -> Result<(), StorageError> {
        let epoch: i64 = txn.fetch_one(dialect::LEASE_EPOCH, args![SERVER]).await?;
        if epoch == self.epoch { Ok(()) } else { Err(StorageError::LeaseLost) }
    }
}

sql! {
    TAKE_OVER = "
        INSERT INTO leases (resource, slot, epoch) VALUES ($1, $2, 1)
        ON CONFLICT (resource) DO UPDATE SET slot = excluded.slot, epoch = leases.epoch + 1
        RETURNING epoch";
}
