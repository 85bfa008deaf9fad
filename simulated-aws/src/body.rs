//! The body of an answer on its way out: counted, slowed, spoiled or cut.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::Counters;
use crate::connection::Ending;
use crate::faults::BodyEffects;
use crate::service::{BoxError, PlainBody};

/// A rate is kept in so many slices a second: fine enough to look steady, coarse enough for the timer.
const SLICES_PER_SECOND: u64 = 20;

/// A body with a fault's effects.
pub(crate) struct ShapedBody {
    plain: PlainBody,
    /// The part of the latest chunk that has not been sent.
    rest: Bytes,
    sent: u64,
    effects: BodyEffects,
    timer: Option<Pin<Box<Sleep>>>,
    started: Option<Instant>,
    ending: Ending,
    counters: Counters,
}

impl ShapedBody {
    pub(crate) fn new(
        plain: PlainBody,
        effects: BodyEffects,
        ending: Ending,
        counters: Counters,
    ) -> Self {
        Self {
            plain,
            rest: Bytes::new(),
            sent: 0,
            effects,
            timer: None,
            started: None,
            ending,
            counters,
        }
    }

    /// Whether the cut has come. From then on the body stays pending, and the connection ends it.
    fn reached_cut(&self) -> bool {
        let Some(cut) = self.effects.cut.filter(|cut| self.sent >= cut.at) else {
            return false;
        };
        self.ending.arm(cut.kind);
        true
    }

    /// Starts the wait that is due before the next byte, if any.
    fn start_wait(&mut self) {
        if let Some((_, pause)) = self.effects.pause.take_if(|(at, _)| self.sent >= *at) {
            self.timer = Some(Box::pin(tokio::time::sleep(pause)));
        } else if let Some(rate) = self.effects.bytes_per_second {
            let started = *self.started.get_or_insert_with(Instant::now);
            let micros = u128::from(self.sent) * 1_000_000 / u128::from(rate);
            let due =
                started + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX / 2));
            self.timer = (due > Instant::now()).then(|| Box::pin(tokio::time::sleep_until(due)));
        }
    }

    /// Takes the next piece that no effect divides.
    fn next_piece(&mut self) -> Bytes {
        let cut = self.effects.cut.map(|cut| cut.at);
        let pause = self.effects.pause.map(|(at, _)| at);
        let stop = [cut, pause]
            .into_iter()
            .flatten()
            .map(|at| at.saturating_sub(self.sent));
        let slice = self
            .effects
            .bytes_per_second
            .map(|rate| rate.div_ceil(SLICES_PER_SECOND));
        let limit = stop
            .chain(slice)
            .min()
            .and_then(|limit| usize::try_from(limit).ok());
        let piece = self
            .rest
            .split_to(limit.unwrap_or(usize::MAX).min(self.rest.len()));
        let piece = self.spoil(piece);
        self.sent += piece.len() as u64;
        self.counters.sent(piece.len());
        piece
    }

    fn spoil(&self, piece: Bytes) -> Bytes {
        let offset = self.effects.flip.and_then(|at| at.checked_sub(self.sent));
        let Some(index) = offset.and_then(|offset| usize::try_from(offset).ok()) else {
            return piece;
        };
        if index >= piece.len() {
            return piece;
        }
        let mut spoiled = BytesMut::from(piece);
        spoiled[index] ^= 0xff;
        spoiled.freeze()
    }
}

impl Body for ShapedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(timer) = &mut self.timer {
                ready!(timer.as_mut().poll(context));
                self.timer = None;
            }
            if self.reached_cut() {
                return Poll::Pending;
            }
            self.start_wait();
            if self.timer.is_some() {
                continue;
            }
            if !self.rest.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(self.next_piece()))));
            }
            match ready!(Pin::new(&mut self.plain).poll_frame(context)).transpose()? {
                None => return Poll::Ready(None),
                Some(frame) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.timer.is_none() && self.plain.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let plain = self.plain.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(plain.lower() + rest);
        if let Some(upper) = plain.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::service::full;

    async fn sent(effects: BodyEffects) -> (Vec<u8>, Counters) {
        let counters = Counters::default();
        let body = ShapedBody::new(
            full("0123456789"),
            effects,
            Ending::default(),
            counters.clone(),
        );
        let bytes = body
            .collect()
            .await
            .expect("the body has no errors")
            .to_bytes();
        (bytes.to_vec(), counters)
    }

    #[tokio::test]
    async fn a_plain_body_is_counted() {
        let (bytes, counters) = sent(BodyEffects::default()).await;
        assert_eq!(bytes, b"0123456789");
        assert_eq!(counters.bytes_sent(), 10);
    }

    #[tokio::test]
    async fn one_byte_is_spoiled() {
        let (bytes, _) = sent(BodyEffects {
            flip: Some(3),
            ..BodyEffects::default()
        })
        .await;
        assert_eq!(bytes[3], b'3' ^ 0xff);
        assert_eq!(
            bytes[2..5]
                .iter()
                .filter(|byte| byte.is_ascii_digit())
                .count(),
            2
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_takes_its_time() {
        let before = Instant::now();
        sent(BodyEffects {
            bytes_per_second: Some(5),
            ..BodyEffects::default()
        })
        .await;
        let took = before.elapsed();
        assert!(took >= Duration::from_millis(1_700), "{took:?}");
        assert!(took <= Duration::from_millis(2_300), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_comes_once() {
        let before = Instant::now();
        let pause = Some((4, Duration::from_secs(3)));
        sent(BodyEffects {
            pause,
            ..BodyEffects::default()
        })
        .await;
        let took = before.elapsed();
        assert!(
            took >= Duration::from_secs(3) && took < Duration::from_secs(4),
            "{took:?}"
        );
    }
}
