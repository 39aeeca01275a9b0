//! What kind of failure an error is that no service expects.

use std::error::Error;

use myelin_storage::StorageError;

/// Whether the client is to blame: it sent a text with a zero character where that has to be stored or looked for.
pub fn is_zero_character(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(StorageError::ZeroCharacter { .. })) {
            return true;
        }
        cause = error.source();
    }
    false
}
