//! Artifacts that everybody can tell apart without keeping them: slices of one block of noise.

use std::ops::Range;
use std::sync::OnceLock;

use simulated_aws::SimulatedAws;
use tests::scratch::BUCKET;

/// From one artifact's first byte to the next one's.
const STEP: usize = 64;
/// The largest artifact.
const LARGEST: usize = 5 * 1024 * 1024;

/// The sizes, over and over: poms, jars, and now and then a large one.
const SIZES: [usize; 8] = [700, 2_000, 9_000, 1_200, 30_000, 4_000, 100_000, 2_500];
/// Every artifact of this number and its multiples is a large one, which is downloaded in another lane.
const LARGE_EVERY: usize = 1_000;

/// A bucket with so many artifacts.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    folder: &'static str,
    artifacts: usize,
    sizes: &'static [usize],
    has_large_ones: bool,
}

impl Library {
    /// Artifacts of all sizes.
    pub(crate) fn mixed(folder: &'static str, artifacts: usize) -> Self {
        Self {
            folder,
            artifacts,
            sizes: &SIZES,
            has_large_ones: true,
        }
    }

    /// Small ones only.
    pub(crate) fn small(folder: &'static str, artifacts: usize) -> Self {
        Self {
            folder,
            artifacts,
            sizes: &[900, 2_100, 1_400],
            has_large_ones: false,
        }
    }

    /// Puts all of them into the bucket.
    pub(crate) async fn publish(self, aws: &SimulatedAws) {
        let s3 = aws.s3().clone();
        let publishing = tokio::task::spawn_blocking(move || {
            for number in 0..self.artifacts {
                let path = self.path(number);
                let put = s3.put(BUCKET, path.trim_start_matches('/'), self.bytes(number));
                put.expect("an object");
            }
        });
        publishing.await.expect("no panic in it");
    }

    pub(crate) fn artifacts(self) -> usize {
        self.artifacts
    }

    /// What a client asks for.
    pub(crate) fn path(self, number: usize) -> String {
        format!("/{}/{}/{number}.jar", self.folder, number % 97)
    }

    /// What it has to get.
    pub(crate) fn bytes(self, number: usize) -> &'static [u8] {
        let is_large = self.has_large_ones && number % LARGE_EVERY == LARGE_EVERY - 1;
        let size = self.sizes[number % self.sizes.len()];
        let start = number * STEP;
        noise(start..start + if is_large { LARGEST } else { size })
    }
}

fn noise(range: Range<usize>) -> &'static [u8] {
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    const BYTES: usize = LARGEST + 30_000 * STEP;
    let noise = NOISE.get_or_init(|| {
        let mut bytes = vec![0; BYTES];
        fastrand::Rng::with_seed(5).fill(&mut bytes);
        bytes
    });
    &noise[range]
}
