//! The `log` subresource of pods.

use api::status::{Cause, Status};
use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{StreamExt as _, future, stream::BoxStream};
use http::{StatusCode, header};
use jiff::{Timestamp, ToSpan as _};

use crate::{
    answer::Answer,
    container,
    query::Params,
    server::Server,
    streams::{self, LogOptions, StreamError},
    unread::Pausable,
    write::Target,
};

/// `GET` of a container's log.
pub(crate) async fn get(server: &Server, target: Target<'_>, params: &Params) -> Answer {
    let pod = server.store().get(&target.key());
    let pod = pod.ok_or_else(|| Status::not_found(target.resource, target.name))?;
    let now = server.now();
    let (options, limit) = read(params, target.name, now)?;
    let container = container::choose(&pod, params.text("container"))?;
    if container::is_untouched(&pod) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    container::check_log(&pod, container, options.previous)?;
    let place = if options.follow {
        let place = server.inner.followed.clone().try_acquire_owned();
        Some(place.map_err(|_| Status::too_many_requests("too many logs are being followed, end some", 1))?)
    } else {
        None
    };
    let stream_target = streams::Target { pod: streams::Pod::of(&pod), container: container.to_owned() };
    let text = server.inner.parts.streams.logs(&stream_target, &options).await.map_err(|error| refusal(&error))?;
    // A log that is followed ends with the server.
    let text = text.take_until(server.inner.stop.clone().cancelled_owned());
    // The place is held until the stream is dropped.
    let text = text.inspect(move |_| _ = &place).boxed();
    let mut answer = plain(cut(text, limit));
    if options.follow {
        // Whoever follows a log in a pager stops reading for as long as it takes to look at a page.
        answer.extensions_mut().insert(Pausable);
    }
    Ok(answer)
}

fn refusal(error: &StreamError) -> Status {
    match error {
        StreamError::NotFound(_) | StreamError::NoPrevious { .. } => Status::bad_request(error.to_string()),
        StreamError::Engine(why) => Status::internal(why),
    }
}

fn plain(text: BoxStream<'static, std::io::Result<Bytes>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain")], Body::from_stream(text)).into_response()
}

/// At most so many bytes of a stream.
fn cut(
    text: BoxStream<'static, std::io::Result<Bytes>>,
    limit: Option<u64>,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    let Some(mut left) = limit else { return text };
    text.scan((), move |(), piece| {
        let piece = piece.map(|mut piece| {
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
            piece
        });
        let is_over = piece.as_ref().is_ok_and(Bytes::is_empty);
        future::ready((!is_over).then_some(piece))
    })
    .boxed()
}

/// The options, and at most how many bytes. Errors: 400 for what cannot be read, 422 with every cause.
fn read(params: &Params, pod: &str, now: Timestamp) -> Result<(LogOptions, Option<u64>), Status> {
    let mut causes = Vec::new();
    let tail = params.number("tailLines")?;
    if let Some(tail) = tail.filter(|tail| *tail < 0) {
        causes.push(Cause::invalid("tailLines", tail, "must be greater than or equal to 0"));
    }
    let limit = params.number("limitBytes")?;
    if let Some(limit) = limit.filter(|limit| *limit < 1) {
        causes.push(Cause::invalid("limitBytes", limit, "must be greater than 0"));
    }
    let seconds = params.number("sinceSeconds")?;
    if let Some(seconds) = seconds.filter(|seconds| *seconds < 1) {
        causes.push(Cause::invalid("sinceSeconds", seconds, "must be greater than 0"));
    }
    let time = match params.text("sinceTime") {
        None => None,
        Some(text) => {
            let time: Result<Timestamp, _> = text.parse();
            Some(time.map_err(|_| Status::bad_request(format!("sinceTime: {text:?} is no time as of RFC 3339")))?)
        }
    };
    if seconds.is_some() && time.is_some() {
        causes.push(Cause::forbidden("sinceTime", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
    }
    if !causes.is_empty() {
        return Err(Status::invalid("PodLogOptions", "", pod, &causes));
    }
    let ago = seconds.map(|seconds| {
        // Before all time is since ever.
        1.second().checked_mul(seconds).and_then(|span| now.checked_sub(span)).unwrap_or(Timestamp::MIN)
    });
    let options = LogOptions {
        follow: params.flag("follow"),
        previous: params.flag("previous"),
        since: time.or(ago),
        tail: tail.and_then(|tail| u64::try_from(tail).ok()),
        timestamps: params.flag("timestamps"),
    };
    Ok((options, limit.and_then(|limit| u64::try_from(limit).ok())))
}
