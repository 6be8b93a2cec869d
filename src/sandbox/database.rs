//! How both stand-ins keep what they hold.

use std::path::Path;

use rusqlite::Connection;

/// Opens a server's database: the file, or else one that nobody else sees and that is gone with the
/// connection.
///
/// That one is in memory up to the size of the cache, 128 MiB. What is more goes to a nameless file
/// where the system keeps temporary ones (`TMPDIR`), which the system frees whatever happens to the
/// process, so a company of any size takes little memory and leaves nothing behind.
pub fn open(file: Option<&Path>) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file.unwrap_or(Path::new("")))?;
    // A crash may cost a sandbox its last calls; waiting for the disk would cost every call.
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = off; pragma cache_size = -131072;",
    )?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}
