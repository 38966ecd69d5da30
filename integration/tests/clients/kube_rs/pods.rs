//! Into containers and their ports.

use anyhow::{Context, Result, ensure};
use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::StatusCause};
use kube::{
    Api,
    api::{AttachParams, EvictParams, LogParams, PostParams, TerminalSize},
    runtime::wait::{await_condition, conditions},
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{in_time, until, with_client};

const SERVER: &str = "mkdir /www && seq 200000 > /www/numbers && exec httpd -f -p 127.0.0.1:8080 -h /www";

fn pod(name: &str, command: &[&str]) -> Result<Pod> {
    Ok(serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "app", "image": "busybox:1", "command": command, "stdin": true}],
        },
    }))?)
}

async fn started(pods: &Api<Pod>, name: &str, command: &[&str]) -> Result<()> {
    pods.create(&PostParams::default(), &pod(name, command)?).await?;
    in_time("it runs", await_condition(pods.clone(), name, conditions::is_pod_running())).await??;
    Ok(())
}

#[test]
fn kube_rs_runs_commands() -> Result<()> {
    with_client("kubeexec", async |client| {
        let pods: Api<Pod> = Api::default_namespaced(client);
        started(&pods, "near", &["cat"]).await?;

        let script = ["sh", "-c", "echo out; echo err >&2; exit 7"];
        let mut process = pods.exec("near", script, &AttachParams::default()).await?;
        let (mut out, mut err) = (String::new(), String::new());
        let status = process.take_status().context("a status")?;
        process.stdout().context("its output")?.read_to_string(&mut out).await?;
        process.stderr().context("its errors")?.read_to_string(&mut err).await?;
        let status = in_time("its status", status).await?.context("a status")?;
        ensure!((out.as_str(), err.as_str()) == ("out\n", "err\n"), "{out}{err}");
        let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
        let told = |cause: &StatusCause| (cause.reason.clone(), cause.message.clone());
        let told: Vec<_> = causes.iter().map(told).collect();
        ensure!(told == [(Some("ExitCode".to_owned()), Some("7".to_owned()))], "{told:?}");
        process.join().await?;

        // What is sent comes back, and its end is the end of the process.
        let sent: String = (0..20_000).map(|number| format!("{number}\n")).collect();
        let mut process = pods.exec("near", ["cat"], &AttachParams::default().stdin(true).stderr(false)).await?;
        let mut input = process.stdin().context("its input")?;
        let mut output = process.stdout().context("its output")?;
        let write = async {
            input.write_all(sent.as_bytes()).await?;
            input.shutdown().await?;
            drop(input);
            anyhow::Ok(())
        };
        let mut echoed = String::new();
        let (written, read) =
            in_time("it ends", futures::future::join(write, output.read_to_string(&mut echoed))).await?;
        written?;
        read?;
        ensure!(echoed == sent, "{} octets came back of {}", echoed.len(), sent.len());
        process.join().await?;

        let wait = ["sh", "-c", "until stty size 2> /dev/null | grep -x '45 123'; do sleep 0.1; done"];
        let mut process = pods.exec("near", wait, &AttachParams::interactive_tty()).await?;
        let mut size = process.terminal_size().context("a size")?;
        futures::SinkExt::send(&mut size, TerminalSize { width: 123, height: 45 }).await?;
        let mut said = String::new();
        in_time("it ends", process.stdout().context("its output")?.read_to_string(&mut said)).await??;
        ensure!(said == "45 123\r\n", "{said}");
        Ok(())
    })
}

#[test]
fn kube_rs_attaches_reads_logs_and_evicts() -> Result<()> {
    with_client("kubeattach", async |client| {
        let pods: Api<Pod> = Api::default_namespaced(client);
        started(&pods, "echo", &["cat"]).await?;
        let mut process = pods.attach("echo", &AttachParams::default().stdin(true)).await?;
        process.stdin().context("its input")?.write_all(b"first\nsecond\n").await?;
        let mut said = vec![0; "first\nsecond\n".len()];
        let mut output = process.stdout().context("its output")?;
        in_time("it answers", output.read_exact(&mut said)).await??;
        ensure!(said == b"first\nsecond\n", "{}", String::from_utf8_lossy(&said));
        process.abort();

        let last = LogParams { tail_lines: Some(1), ..LogParams::default() };
        until("the log is written", async || Ok((pods.logs("echo", &last).await? == "second\n").then_some(()))).await?;
        let followed = pods.log_stream("echo", &LogParams { follow: true, ..LogParams::default() }).await?;
        let mut lines = followed.lines();
        let mut read = async || in_time("a line", lines.try_next()).await?.map_err(anyhow::Error::from);
        let lines = [read().await?, read().await?];
        ensure!(lines == ["first", "second"].map(|line| Some(line.to_owned())), "{lines:?}");

        pods.evict("echo", &EvictParams::default()).await?;
        until("it is gone", async || Ok(pods.get_opt("echo").await?.is_none().then_some(()))).await
    })
}

#[test]
fn kube_rs_forwards_ports() -> Result<()> {
    with_client("kubeports", async |client| {
        let pods: Api<Pod> = Api::default_namespaced(client);
        started(&pods, "near", &["sh", "-c", SERVER]).await?;
        let page = until("the server answers", async || {
            let mut forwarder = pods.portforward("near", &[8080]).await?;
            let mut tunnel = forwarder.take_stream(8080).context("a stream")?;
            let mut answer = String::new();
            // While the server does not listen yet the connection ends.
            let asked = tunnel.write_all(b"GET /numbers HTTP/1.0\r\n\r\n").await;
            let read = tunnel.read_to_string(&mut answer).await;
            Ok((asked.is_ok() && read.is_ok() && !answer.is_empty()).then_some(answer))
        })
        .await?;
        let wanted: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
        ensure!(page.ends_with(&wanted) && page.starts_with("HTTP/1.1 200 OK"), "{} octets came", page.len());

        let mut forwarder = pods.portforward("near", &[81]).await?;
        let error = forwarder.take_error(81).context("an error's channel")?;
        let error = in_time("an error", error).await?.context("an error")?;
        ensure!(error.contains("nobody answers at port 81 of the pod's localhost"), "{error}");
        Ok(())
    })
}
