//! Changes of a text at places that are known, all else staying as it is.

use std::cmp::Reverse;
use std::ops::Range;

use bytes::Bytes;

/// What is to be changed, in any order.
#[derive(Debug, Default)]
pub(super) struct Edits {
    edits: Vec<(Range<usize>, String)>,
}

impl Edits {
    /// Puts `text` in the place of what is there.
    pub(super) fn replace(&mut self, place: Range<usize>, text: String) {
        self.edits.push((place, text));
    }

    /// Puts `text` before the byte at `place`.
    pub(super) fn insert(&mut self, place: usize, text: String) {
        self.edits.push((place..place, text));
    }

    pub(super) fn remove(&mut self, place: Range<usize>) {
        self.edits.push((place, String::new()));
    }

    /// Takes those items out of a list of JSON, with the commas that they leave behind. `items` are the places
    /// of all, in order, and `is_dropped` says which go.
    pub(super) fn remove_items(
        &mut self,
        items: &[Range<usize>],
        is_dropped: impl Fn(usize) -> bool,
    ) {
        let mut at = 0;
        while at < items.len() {
            if !is_dropped(at) {
                at += 1;
                continue;
            }
            let first = at;
            while at < items.len() && is_dropped(at) {
                at += 1;
            }
            let place = match (items.get(at), first.checked_sub(1)) {
                (Some(next), _) => items[first].start..next.start,
                (None, Some(before)) => items[before].end..items[at - 1].end,
                (None, None) => items[first].start..items[at - 1].end,
            };
            self.remove(place);
        }
    }

    /// The text with all changes; what lies in a place that is taken already stays undone.
    pub(super) fn apply(mut self, body: &Bytes) -> Bytes {
        if self.edits.is_empty() {
            return body.clone();
        }
        self.edits
            .sort_by_key(|(place, _)| (place.start, Reverse(place.end)));
        let more: usize = self.edits.iter().map(|(_, text)| text.len()).sum();
        let mut edited = Vec::with_capacity(body.len() + more);
        let mut at = 0;
        for (place, text) in self.edits {
            let Some(kept) = body.get(at..place.start) else {
                continue;
            };
            edited.extend_from_slice(kept);
            edited.extend_from_slice(text.as_bytes());
            at = place.end;
        }
        edited.extend_from_slice(&body[at.min(body.len())..]);
        edited.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays() {
        let body = Bytes::from_static(b"0123456789");
        let mut edits = Edits::default();
        edits.replace(7..8, "seven".to_owned());
        edits.remove(1..3);
        edits.replace(2..3, "in what is gone".to_owned());
        edits.insert(10, "!".to_owned());
        edits.insert(5, "-".to_owned());
        assert_eq!(edits.apply(&body), "034-56seven89!");
        assert_eq!(Edits::default().apply(&body), body);
    }

    #[test]
    fn a_list_keeps_its_commas_in_order() {
        let body = Bytes::from_static(b"[0, 1 ,2,3]");
        let items = [1..2, 4..5, 7..8, 9..10];
        for kept in 0..16_usize {
            let is_dropped = |at: usize| kept >> at & 1 == 0;
            let mut edits = Edits::default();
            edits.remove_items(&items, is_dropped);
            let list: Vec<usize> =
                serde_json::from_slice(&edits.apply(&body)).expect("still a list");
            let expected: Vec<usize> = (0..4).filter(|at| !is_dropped(*at)).collect();
            assert_eq!(list, expected);
        }
    }
}
