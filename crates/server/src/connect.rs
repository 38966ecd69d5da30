//! The ways into pods: their `exec`, `attach` and `portforward` subresources.
//!
//! A request is upgraded to a WebSocket or to SPDY/3.1, whichever the client asks for. What then goes through it differs, and is
//! in modules of its own: a process behind [channels] or behind [SPDY's streams](mod@spdy), and [ports](mod@forward).

mod channels;
mod forward;
mod spdy;
mod upgrade;

use api::status::Status;
use axum::extract::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};

use crate::{
    answer::Answer,
    authn::End,
    container,
    limits::SESSIONS_MAX,
    query::Params,
    server::Server,
    streams::{self, ExecOptions},
    write::Target,
};
pub(crate) use forward::forward;
use upgrade::Upgrade;

/// `exec`: a command in a container.
pub(crate) async fn exec(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let command: Vec<String> = params.all("command").map(str::to_owned).collect();
    if command.is_empty() {
        return Err(Status::bad_request("you must specify at least 1 command for the container").into());
    }
    connect(server, target, params, command, request).await
}

/// `attach`: the first process of a container.
pub(crate) async fn attach(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    connect(server, target, params, Vec::new(), request).await
}

async fn connect(
    server: &Server,
    target: Target<'_>,
    params: &Params,
    command: Vec<String>,
    request: Request,
) -> Answer {
    let pod = server.store().get(&target.key());
    let pod = pod.ok_or_else(|| Status::not_found(target.resource, target.name))?;
    let container = container::choose(&pod, params.text("container"))?;
    let pod = begun(&pod, &target)?;
    let tty = params.flag("tty");
    let options = ExecOptions {
        command,
        stdin: params.flag("stdin"),
        stdout: params.flag("stdout"),
        stderr: params.flag("stderr") && !tty,
        tty,
    };
    if !(options.stdin || options.stdout || options.stderr) {
        return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr").into());
    }
    let stream_target = streams::Target { pod, container: container.to_owned() };
    let cut = Cut::new(server, &request);
    let upgrade = Upgrade::of(request, &channels::PROTOCOLS, spdy::PROTOCOL).await?;
    let place = place(server)?;

    // What the engine refuses is told on the status channel: to any other answer than the upgrade kubectl replies by
    // trying SPDY, and then shows what became of that.
    let session = server.inner.parts.streams.exec(&stream_target, &options).await;
    Ok(match upgrade {
        Upgrade::WebSocket(socket, protocol) => upgrade::web_socket(socket, async move |socket| {
            channels::serve(socket, session, protocol == channels::V5, cut.come()).await;
            drop(place);
        }),
        Upgrade::Spdy(connection) => connection.accept(async move |connection| {
            spdy::serve(connection, session, &options, cut.come()).await;
            drop(place);
        }),
    })
}

/// The pod, as those name it who reach into it. Errors: 400 where nothing has been done about it yet.
fn begun(pod: &Value, target: &Target<'_>) -> Result<streams::Pod, Status> {
    if container::is_untouched(pod) {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", target.name)));
    }
    Ok(streams::Pod::of(pod))
}

/// A place for a session, held as long as it lasts. It is taken before anything is waited for: many that come at once are as
/// many as they are. Errors: 429.
fn place(server: &Server) -> Result<TaskTrackerToken, Status> {
    let place = server.inner.sessions.token();
    if server.inner.sessions.len() > SESSIONS_MAX {
        return Err(Status::too_many_requests("too many exec, attach and port-forward sessions are open, end some", 1));
    }
    Ok(place)
}

/// What ends a session from outside.
struct Cut {
    stop: CancellationToken,
    token: Option<End>,
}

impl Cut {
    fn new(server: &Server, request: &Request) -> Cut {
        Cut { stop: server.inner.stop.clone(), token: request.extensions().get::<End>().cloned() }
    }

    /// Waits for it; why it is.
    async fn come(self) -> &'static str {
        let ended = async {
            match self.token {
                Some(end) => end.come().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => "the server is stopping",
            () = ended => "the token counts no more",
        }
    }
}

/// A terminal's size as clients send it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Size {
    width: u16,
    height: u16,
}

/// How a process ended, as clients are told: a `Status` that `kubectl` makes its own exit code of.
fn ended_status(ended: Result<i64, String>) -> Value {
    match ended {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {},
            "status": "Failure",
            "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(why) => json!({
            "metadata": {},
            "status": "Failure",
            "reason": "InternalError",
            "message": format!("error executing command in container: {why}"),
            "code": 500,
        }),
    }
}
