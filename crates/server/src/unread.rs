//! Answers that their clients do not read: what they hold is let go.
//!
//! Over HTTP/2 each answer has a window of its own, so a client may leave one of them and go on with the others: its
//! connection is well, and the answer waits for ever, with all that it holds. Here each long answer says when its last piece
//! was taken from it, and [`Unread::sweep`] lets go those that have waited for too long. Over HTTP/1.1 the connection itself
//! waits, and [`crate::connection`] ends it.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

use crate::{
    connection::Connection,
    limits::{PIECE_BYTES_MAX, UNREAD_PATIENCE},
    server::Server,
};

/// Says of an answer, as its extension, that its client may stop reading for as long as it likes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pausable;

/// Says of an answer, as its extension, with which words it ends where it was not read.
#[derive(Clone, Debug)]
pub(crate) struct LastWords(pub(crate) Bytes);

/// Has an answer watched for being read, if it is long.
pub(crate) async fn heed(State(server): State<Server>, request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Connection>().cloned();
    let mut response = next.run(request).await;
    let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if is_upgrade || response.extensions().get::<Pausable>().is_some() {
        if let Some(connection) = connection {
            connection.allow_pauses();
        }
        return response;
    }
    // What is no longer than a piece is handed over at once.
    if response.body().size_hint().upper().is_some_and(|most| most <= PIECE_BYTES_MAX as u64) {
        return response;
    }
    let last_words = response.extensions_mut().remove::<LastWords>().map(|LastWords(words)| words);
    response.map(|body| Body::new(server.inner.unread.answer(body, last_words)))
}

/// The long answers that are on their way. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread(Arc<Mutex<Answers>>);

#[derive(Debug, Default)]
struct Answers {
    next: u64,
    by_number: BTreeMap<u64, Arc<Mutex<Left>>>,
}

/// What is left to be read of an answer.
#[derive(Debug)]
struct Left {
    body: Rest,
    /// What has come out of the body, and was too long to be given at once.
    piece: Bytes,
    /// When it was last there to be taken, or something was, if nobody has come for more since.
    taken: Option<Instant>,
    last_words: Option<Bytes>,
}

#[derive(Debug)]
enum Rest {
    Body(Body),
    /// It has been let go.
    Nothing,
    /// That has been told, or it was read to its end.
    Over,
}

impl Unread {
    fn answer(&self, body: Body, last_words: Option<Bytes>) -> Answer {
        let left = Left { body: Rest::Body(body), piece: Bytes::new(), taken: Some(Instant::now()), last_words };
        let left = Arc::new(Mutex::new(left));
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = answers.next;
        answers.next += 1;
        answers.by_number.insert(number, Arc::clone(&left));
        Answer { number, left, answers: self.clone() }
    }

    /// Lets go what has not been read for [`UNREAD_PATIENCE`]; how many answers that were.
    pub(crate) fn sweep(&self, now: Instant) -> usize {
        let answers: Vec<_> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).by_number.values().cloned().collect();
        let is_stale = |left: &Left| left.taken.is_some_and(|taken| now.duration_since(taken) >= UNREAD_PATIENCE);
        let mut count = 0;
        for left in answers {
            let mut left = lock(&left);
            if is_stale(&left) {
                left.body = Rest::Nothing;
                left.piece = Bytes::new();
                left.taken = None;
                count += 1;
            }
        }
        count
    }
}

/// A body that is watched for being read.
struct Answer {
    number: u64,
    left: Arc<Mutex<Left>>,
    answers: Unread,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.answers.0.lock().unwrap_or_else(PoisonError::into_inner).by_number.remove(&self.number);
    }
}

fn lock(left: &Mutex<Left>) -> MutexGuard<'_, Left> {
    left.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut left = lock(&self.left);
        let left = &mut *left;
        left.taken = None;
        if left.piece.is_empty() {
            match &mut left.body {
                Rest::Body(body) => match ready!(Pin::new(body).poll_frame(cx)).transpose()?.map(Frame::into_data) {
                    Some(Ok(octets)) => left.piece = octets,
                    Some(Err(trailers)) => return Poll::Ready(Some(Ok(trailers))),
                    None => {
                        left.body = Rest::Over;
                        return Poll::Ready(None);
                    }
                },
                Rest::Nothing => {
                    left.body = Rest::Over;
                    let told = left.last_words.take().map(|words| Ok(Frame::data(words)));
                    return Poll::Ready(Some(told.unwrap_or_else(|| Err(axum::Error::new(NotRead)))));
                }
                Rest::Over => return Poll::Ready(None),
            }
        }
        left.taken = Some(Instant::now());
        // A copy: a part of a long text that somebody holds would hold all of it.
        let piece = match left.piece.len() {
            0..=PIECE_BYTES_MAX => std::mem::take(&mut left.piece),
            _ => Bytes::copy_from_slice(&left.piece.split_to(PIECE_BYTES_MAX)),
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        let left = lock(&self.left);
        left.piece.is_empty()
            && match &left.body {
                Rest::Body(body) => body.is_end_stream(),
                Rest::Nothing => false,
                Rest::Over => true,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let left = lock(&self.left);
        let Rest::Body(body) = &left.body else { return SizeHint::default() };
        let (piece, rest) = (left.piece.len() as u64, body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + piece);
        if let Some(most) = rest.upper() {
            hint.set_upper(most + piece);
        }
        hint
    }
}

/// Why an answer breaks off.
#[derive(Debug, thiserror::Error)]
#[error("the client has not read the answer for {} s", UNREAD_PATIENCE.as_secs())]
struct NotRead;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{FutureExt as _, StreamExt as _, stream};
    use http_body_util::BodyExt as _;
    use tokio::time::advance;

    use super::*;

    fn told(pieces: &[&'static str]) -> Body {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes()))).collect();
        Body::from_stream(stream::iter(pieces).chain(stream::pending()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_is_let_go_and_what_waits_for_news_is_not() {
        let unread = Unread::default();
        let mut stalled = Body::new(unread.answer(told(&["one", "two"]), Some("bye".into()))).into_data_stream();
        let mut silent = Body::new(unread.answer(told(&["one", "two"]), None)).into_data_stream();
        let mut idle = Body::new(unread.answer(told(&["one"]), None)).into_data_stream();
        for body in [&mut stalled, &mut silent, &mut idle] {
            assert_eq!(body.next().await.unwrap().unwrap(), "one");
        }
        assert!(idle.next().now_or_never().is_none(), "it waits for its next piece");
        advance(UNREAD_PATIENCE.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(unread.sweep(Instant::now()), 0);
        advance(Duration::from_secs(1)).await;
        assert_eq!(unread.sweep(Instant::now()), 2);
        assert_eq!(unread.sweep(Instant::now()), 0, "no more than once");

        assert_eq!(stalled.next().await.unwrap().unwrap(), "bye");
        assert!(stalled.next().await.is_none());
        let broken = silent.next().await.unwrap().unwrap_err();
        assert_eq!(broken.to_string(), "the client has not read the answer for 60 s");
        assert!(silent.next().await.is_none());
        assert!(idle.next().now_or_never().is_none());
        drop((stalled, silent, idle));
        assert!(unread.0.lock().unwrap().by_number.is_empty());
    }

    #[tokio::test]
    async fn a_long_text_comes_in_pieces_and_whole() {
        let text = "0123456789".repeat(PIECE_BYTES_MAX / 4);
        let mut body = Unread::default().answer(Body::from(text.clone()), None);
        assert_eq!(body.size_hint().exact(), Some(text.len() as u64));
        let mut read = String::new();
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE_BYTES_MAX);
            read.push_str(std::str::from_utf8(&piece).unwrap());
            let rest = body.size_hint().exact().unwrap_or_default();
            assert_eq!(rest, (text.len() - read.len()) as u64);
        }
        assert_eq!(read, text);
        assert!(body.is_end_stream());
    }
}
