//! A bounded memory that takes what is nearly as large as its bound.

use std::hash::Hash;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// In one part: by default each of several takes no more than its share, and pages may be larger than that.
pub(crate) fn unsharded<Key, Value, Weight>(
    items_expected: usize,
    most: u64,
    weight: Weight,
) -> Cache<Key, Value, Weight>
where
    Key: Eq + Hash,
    Value: Clone,
    Weight: Weighter<Key, Value> + Clone,
{
    let options = OptionsBuilder::new()
        .shards(1)
        .estimated_items_capacity(items_expected)
        .weight_capacity(most)
        .build();
    match options {
        Ok(options) => Cache::with_options(
            options,
            weight,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ),
        // It wants both figures, and has them.
        Err(_) => Cache::with_weighter(items_expected, most, weight),
    }
}
