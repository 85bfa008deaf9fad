//! What clients ask for: a request path becomes an [`ArtifactKey`] at the door, or a clear refusal.
//!
//! Everything that can be derived from a key's name lives here, so that nobody else formats or
//! inspects one: its content type ([`media_type()`]) and whether it may change
//! ([`ArtifactKey::freshness`]); and where a repository keeps what [`Coordinates`] name.

mod coordinates;
mod freshness;
mod key;
mod media_type;

pub use coordinates::{Coordinates, CoordinatesError, is_dynamic};
pub use freshness::Freshness;
pub use key::{ArtifactKey, FolderKey, KeyError, RequestPath};
pub use media_type::media_type;
