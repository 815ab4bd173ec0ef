//! The process of one Pod: started, watched, started anew when it ends, ended when its Pod must go.

use std::{process::Stdio, time::Duration};

use grange_apimachinery::{Object, time};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared, environment,
    files::{Files, REFRESH_INTERVAL},
    logs::MAX_LINE_SIZE_BYTES,
    status::{self, Container},
};
use crate::{client::Key, kinds, queue::Backoff};

/// The wait before a restart, as on a node: none the first time, then 10 s, doubling up to 5 min.
const RESTART_BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(10), longest: Duration::from_secs(300) };
/// A run this long clears the count of restarts for [`RESTART_BACKOFF`].
const STABLE_AFTER: Duration = Duration::from_secs(600);
/// How long until a mount that could not be made is tried again.
const MOUNT_RETRY_DELAY: Duration = Duration::from_secs(1);
/// The grace of a Pod that names none.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);
/// How long the last output of a process that ended is waited for.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);

/// How a run ended.
struct Ended {
    exit_code: i32,
    signal: i32,
    started_at: String,
    lasted: Duration,
}

/// Runs the Pod's process until `stop`, then ends it.
pub(super) async fn run(shared: &Shared, pod: &Object, stop: CancellationToken) {
    let mut container = restored(pod);
    let mut failures = 0;
    loop {
        let Some(files) = mounted(shared, pod, &mut container, &stop).await else { return };
        let ended = match run_once(shared, pod, &files, &mut container, &stop).await {
            Ok(ended) => ended,
            Err(why) => {
                shared.recorder.record(pod, true, "Failed", &format!("Error: {why}"), "kubelet").await;
                Ended { exit_code: 128, signal: 0, started_at: time::now(), lasted: Duration::ZERO }
            }
        };
        let terminated = terminated(pod, &ended);
        if stop.is_cancelled() {
            container.state = json!({"terminated": terminated});
            return report(shared, pod, &container).await;
        }
        failures = if ended.lasted >= STABLE_AFTER { 0 } else { failures + 1 };
        container.last_state = json!({"terminated": terminated});
        if failures > 1 {
            let gap = RESTART_BACKOFF.gap(failures - 1);
            let message = format!(
                "back-off {} restarting failed container={} pod={}_{}({})",
                seconds(gap),
                container_name(pod),
                pod.name(),
                pod.namespace(),
                pod.uid()
            );
            container.state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
            report(shared, pod, &container).await;
            let text = format!("Back-off restarting failed container {}", container_name(pod));
            shared.recorder.record(pod, true, "BackOff", &text, "kubelet").await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(gap) => {}
            }
        } else {
            container.state = json!({"terminated": terminated});
            report(shared, pod, &container).await;
        }
        container.restart_count += 1;
    }
}

/// The Pod's mounts, waited for until what they need is there; `None` when the Pod must go first.
async fn mounted(
    shared: &Shared,
    pod: &Object,
    container: &mut Container,
    stop: &CancellationToken,
) -> Option<Files> {
    let mut told = String::new();
    loop {
        match Files::make(shared, pod).await {
            Ok(files) => return Some(files),
            Err(why) if why != told => {
                container.state = json!({"waiting": {"reason": "ContainerCreating", "message": why.clone()}});
                report(shared, pod, container).await;
                shared.recorder.record(pod, true, "FailedMount", &why, "kubelet").await;
                told = why;
            }
            Err(_) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(MOUNT_RETRY_DELAY) => {}
        }
    }
}

async fn run_once(
    shared: &Shared,
    pod: &Object,
    files: &Files,
    container: &mut Container,
    stop: &CancellationToken,
) -> Result<Ended, String> {
    let environment = environment::of(&shared.client, pod, &shared.node, files).await?;
    let mut child = Command::new(&shared.node.agent_program)
        .arg("agent")
        .env_clear()
        .envs(environment)
        .current_dir(&files.service_account)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot run {}: {error}", shared.node.agent_program.display()))?;
    // Held until the child has ended: should this process die, the pipe closes and the child knows.
    let parent_pipe = child.stdin.take();
    let (started, started_at) = (Instant::now(), time::now());
    container.state = json!({"running": {"startedAt": started_at}});
    report(shared, pod, container).await;
    let text = format!("Started container {}", container_name(pod));
    shared.recorder.record(pod, false, "Started", &text, "kubelet").await;
    let output = futures::future::join(
        copy_lines(child.stdout.take(), shared, pod.uid()),
        copy_lines(child.stderr.take(), shared, pod.uid()),
    );
    tokio::pin!(output);
    let mut output_ended = false;
    let mut refresh = tokio::time::interval_at(Instant::now() + REFRESH_INTERVAL, REFRESH_INTERVAL);
    let exit = loop {
        tokio::select! {
            exit = child.wait() => break exit,
            () = stop.cancelled() => break terminate(&mut child, grace(pod), &mut output, &mut output_ended).await,
            _ = &mut output, if !output_ended => output_ended = true,
            _ = refresh.tick() => {
                if let Err(why) = files.write(shared, pod).await {
                    shared.recorder.record(pod, true, "FailedMount", &why, "kubelet").await;
                }
            }
        }
    };
    drop(parent_pipe);
    if !output_ended {
        let _ = tokio::time::timeout(OUTPUT_TIMEOUT, output).await;
    }
    let exit = exit.map_err(|error| error.to_string())?;
    use std::os::unix::process::ExitStatusExt as _;
    let signal = exit.signal().unwrap_or(0);
    let exit_code = exit.code().unwrap_or(128 + signal);
    Ok(Ended { exit_code, signal, started_at, lasted: started.elapsed() })
}

/// SIGTERM, then SIGKILL when the grace is over.
async fn terminate(
    child: &mut Child,
    grace: Duration,
    output: &mut (impl Future + Unpin),
    output_ended: &mut bool,
) -> std::io::Result<std::process::ExitStatus> {
    if let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed()))
        && let Err(error) = kill_process(pid, Signal::TERM)
    {
        tracing::debug!(%error, "the process has ended already");
    }
    let deadline = Instant::now() + grace;
    loop {
        tokio::select! {
            exit = child.wait() => return exit,
            _ = &mut *output, if !*output_ended => *output_ended = true,
            () = tokio::time::sleep_until(deadline) => break,
        }
    }
    child.kill().await?;
    child.wait().await
}

/// Copies what a child writes into the Pod's log, line by line.
async fn copy_lines(from: Option<impl AsyncRead + Unpin>, shared: &Shared, uid: &str) {
    let Some(from) = from else { return };
    let mut reader = BufReader::with_capacity(MAX_LINE_SIZE_BYTES, from);
    let mut line = Vec::new();
    loop {
        let (used, ends) = match reader.fill_buf().await {
            Ok([]) | Err(_) => break,
            Ok(available) => match available.iter().position(|byte| *byte == b'\n') {
                Some(index) => {
                    line.extend_from_slice(&available[..index]);
                    (index + 1, true)
                }
                None => {
                    line.extend_from_slice(available);
                    (available.len(), line.len() >= MAX_LINE_SIZE_BYTES)
                }
            },
        };
        reader.consume(used);
        if ends {
            shared.logs.append(uid, &String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    if !line.is_empty() {
        shared.logs.append(uid, &String::from_utf8_lossy(&line));
    }
}

async fn report(shared: &Shared, pod: &Object, container: &Container) {
    let status = status::of(pod, &shared.node, container, &time::now());
    let result = shared.client.patch_status(&kinds::PODS, &Key::of(pod), &status).await;
    if let Err(error) = result.as_ref().map(drop)
        && !error.is_not_found()
    {
        tracing::warn!(pod = %Key::of(pod), %error, "status could not be written");
    }
}

fn terminated(pod: &Object, ended: &Ended) -> Value {
    let mut terminated = json!({
        "exitCode": ended.exit_code,
        "reason": if ended.exit_code == 0 { "Completed" } else { "Error" },
        "startedAt": ended.started_at, "finishedAt": time::now(),
        "containerID": format!("grange://{}", pod.uid()),
    });
    if ended.signal != 0 {
        terminated["signal"] = ended.signal.into();
    }
    terminated
}

/// What an earlier run of this program left in the Pod's status.
fn restored(pod: &Object) -> Container {
    let before = pod.get(&["status", "containerStatuses"]).map_or(Value::Null, |list| list[0].clone());
    let restarted = !before["state"]["running"].is_null() || !before["state"]["terminated"].is_null();
    let count = before["restartCount"].as_u64().unwrap_or(0) as u32;
    Container {
        state: json!({"waiting": {"reason": "ContainerCreating"}}),
        last_state: match before["lastState"].as_object() {
            Some(map) if !map.is_empty() => before["lastState"].clone(),
            _ => Value::Null,
        },
        restart_count: if restarted { count + 1 } else { count },
    }
}

fn grace(pod: &Object) -> Duration {
    pod.get(&["spec", "terminationGracePeriodSeconds"])
        .and_then(Value::as_u64)
        .map_or(DEFAULT_GRACE, Duration::from_secs)
}

fn container_name(pod: &Object) -> &str {
    pod.get(&["spec", "containers"])
        .and_then(|list| list.pointer("/0/name"))
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// `10s`, `5m0s`: a duration as Go prints it.
fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}
