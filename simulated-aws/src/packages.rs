//! Packages that real clients install, made on the spot.

mod archive;
mod npm;
mod sdist;
mod wheel;

pub use npm::NpmPackage;
pub use sdist::Sdist;
pub use wheel::Wheel;
