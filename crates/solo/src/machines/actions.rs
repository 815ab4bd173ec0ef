//! What people do to machines: KubeVirt's subresources start, stop, restart, pause, unpause, softreboot, guestosinfo
//! (those that add and remove volumes are in [`super::hotplug`]).

use std::sync::Arc;

use futures::future::BoxFuture;
use grange_apimachinery::{Object, Status};
use grange_apiserver::{Body, authorization::Authorized, resource::Subresource};
use grange_hypervisor::{Hypervisor, HypervisorError, Reset, simulated::Simulated};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Value, json};

use super::{
    hotplug::{self, Direction},
    machine::{is_final, strategy},
    vm_id,
};
use crate::{
    client::{Client, ClientError, Key, OwnClient},
    kinds,
};

const GROUP: &str = "subresources.kubevirt.io";
/// Largest options that come with an action.
const MAX_OPTIONS_SIZE_BYTES: usize = 64 * 1024;
/// Remembers how a halted machine ran before.
const RUN_STRATEGY: &str = "harvesterhci.io/vmRunStrategy";

/// The actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Start,
    Stop,
    Restart,
    Pause,
    Unpause,
    SoftReboot,
    Reset,
    GuestInfo,
}

impl Action {
    const ALL: [Action; 8] = [
        Action::Start,
        Action::Stop,
        Action::Restart,
        Action::Pause,
        Action::Unpause,
        Action::SoftReboot,
        Action::Reset,
        Action::GuestInfo,
    ];
    fn name(self) -> &'static str {
        match self {
            Action::Start => "start",
            Action::Stop => "stop",
            Action::Restart => "restart",
            Action::Pause => "pause",
            Action::Unpause => "unpause",
            Action::SoftReboot => "softreboot",
            Action::Reset => "reset",
            Action::GuestInfo => "guestosinfo",
        }
    }
    fn plural(self) -> &'static str {
        match self {
            Action::Start | Action::Stop | Action::Restart => "virtualmachines",
            _ => "virtualmachineinstances",
        }
    }
}

struct Handler {
    action: Action,
    client: OwnClient,
    hypervisor: Arc<Simulated>,
}

/// A handler for each action.
pub(super) fn all(client: &OwnClient, hypervisor: Arc<Simulated>) -> Vec<Arc<dyn Subresource>> {
    let actions = Action::ALL.into_iter().map(|action| {
        let handler = Handler { action, client: client.clone(), hypervisor: hypervisor.clone() };
        Arc::new(handler) as Arc<dyn Subresource>
    });
    let volumes = [Direction::Add, Direction::Remove].into_iter().map(|direction| {
        let handler = hotplug::Handler { direction, client: client.clone() };
        Arc::new(handler) as Arc<dyn Subresource>
    });
    actions.chain(volumes).collect()
}

impl Subresource for Handler {
    fn names(&self) -> (&str, &str, &str, &str) {
        (GROUP, "v1", self.action.plural(), self.action.name())
    }
    fn kind(&self) -> &str {
        if self.action.plural() == "virtualmachines" { "VirtualMachine" } else { "VirtualMachineInstance" }
    }
    fn verbs(&self) -> &[&str] {
        if self.action == Action::GuestInfo { &["get"] } else { &["update"] }
    }
    fn handle<'a>(
        &'a self,
        authorized: &'a Authorized<'a>,
        request: http::Request<Body>,
    ) -> BoxFuture<'a, Result<http::Response<Body>, Status>> {
        let key = Key::new(authorized.attributes.namespace, authorized.attributes.name);
        Box::pin(async move {
            let options = options(request).await?;
            let client = &self.client.get()?;
            match self.action {
                Action::Start => self.start(client, &key).await?,
                Action::Stop => self.stop(client, &key, &options).await?,
                Action::Restart => self.restart(client, &key).await?,
                Action::GuestInfo => return self.guest_info(client, &key).await,
                Action::Pause | Action::Unpause | Action::SoftReboot | Action::Reset => {
                    self.on_instance(client, &key).await?;
                }
            }
            Ok(accepted())
        })
    }
}

/// The answer of an action that has begun.
pub(super) fn accepted() -> http::Response<Body> {
    let mut response = http::Response::new(Body::Empty);
    *response.status_mut() = http::StatusCode::ACCEPTED;
    response
}

impl Handler {
    async fn start(&self, client: &Client, key: &Key) -> Result<(), Status> {
        let (machine, instance) = machine(client, key).await?;
        let runs = instance.as_ref().is_some_and(|instance| !is_final(instance));
        match strategy(&machine) {
            "Halted" if machine.text(&["spec", "runStrategy"]).is_empty() => {
                patch(client, key, json!({"spec": {"running": true}})).await
            }
            "Halted" => {
                let wanted = machine.annotation(RUN_STRATEGY).unwrap_or("RerunOnFailure");
                patch(client, key, json!({"spec": {"runStrategy": wanted}})).await
            }
            "Manual" | "RerunOnFailure" if runs => Err(refused(key, "VM is already running")),
            "Manual" | "RerunOnFailure" => request_change(client, key, json!([{"action": "Start"}])).await,
            other => Err(refused(key, &format!("{other} does not support manual start requests"))),
        }
    }

    async fn stop(&self, client: &Client, key: &Key, options: &Value) -> Result<(), Status> {
        let (machine, instance) = machine(client, key).await?;
        let runs = instance.as_ref().is_some_and(|instance| !is_final(instance));
        if options["gracePeriod"] == 0
            && let Some(instance) = &instance
        {
            // Only what has not obeyed yet is killed; the rest goes its way below.
            let result = self.hypervisor.stop(&vm_id(instance.uid()), grange_hypervisor::Stop::Now).await;
            ignore_undefined(result)?;
        }
        match strategy(&machine) {
            "Halted" if !runs => Err(refused(key, "VM is not running")),
            "Halted" => Ok(()),
            "Manual" | "RerunOnFailure" => match instance.filter(|_| runs) {
                Some(instance) => {
                    let request = json!([{"action": "Stop", "uid": instance.uid()}]);
                    request_change(client, key, request).await
                }
                None => Err(refused(key, "VM is not running")),
            },
            _ if machine.text(&["spec", "runStrategy"]).is_empty() => {
                patch(client, key, json!({"spec": {"running": false}})).await
            }
            _ => patch(client, key, json!({"spec": {"runStrategy": "Halted"}})).await,
        }
    }

    async fn restart(&self, client: &Client, key: &Key) -> Result<(), Status> {
        let (machine, instance) = machine(client, key).await?;
        if strategy(&machine) == "Halted" {
            return Err(refused(key, "Halted does not support manual restart requests"));
        }
        let Some(instance) = instance.filter(|instance| !is_final(instance)) else {
            return Err(refused(key, "VM is not running"));
        };
        let requests = json!([{"action": "Stop", "uid": instance.uid()}, {"action": "Start"}]);
        request_change(client, key, requests).await
    }

    async fn on_instance(&self, client: &Client, key: &Key) -> Result<(), Status> {
        let instance = instance(client, key).await?;
        let refused = |why: &str| Status::conflict("kubevirt.io", "virtualmachineinstance", &key.name, why);
        if instance.text(&["status", "phase"]) != "Running" {
            return Err(refused("VM is not running"));
        }
        let id = vm_id(instance.uid());
        let result = match self.action {
            Action::Pause => self.hypervisor.pause(&id).await,
            Action::Unpause => self.hypervisor.resume(&id).await,
            Action::SoftReboot => self.hypervisor.reset(&id, Reset::Soft).await,
            _ => self.hypervisor.reset(&id, Reset::Hard).await,
        };
        result.map_err(|error| match (&error, self.action) {
            (HypervisorError::WrongPhase { .. }, Action::Pause) => refused("VMI is already paused"),
            (HypervisorError::WrongPhase { .. }, Action::Unpause) => refused("VMI is not paused"),
            (HypervisorError::WrongPhase { .. }, _) => refused("VMI is paused"),
            (HypervisorError::NotDefined(_), _) => refused("VM is not running"),
            _ => Status::internal(error.to_string()),
        })
    }

    async fn guest_info(&self, client: &Client, key: &Key) -> Result<http::Response<Body>, Status> {
        let instance = instance(client, key).await?;
        let mut info = instance.get(&["status", "guestOSInfo"]).cloned().ok_or_else(|| {
            Status::conflict(
                "kubevirt.io",
                "virtualmachineinstance",
                &key.name,
                "VMI does not have guest agent connected",
            )
        })?;
        let host = info["hostname"].take();
        let document = json!({
            "apiVersion": "subresources.kubevirt.io/v1", "kind": "VirtualMachineInstanceGuestAgentInfo",
            "guestAgentVersion": "8.2.0", "hostname": host, "os": info, "timezone": "UTC, 0",
        });
        let mut response = http::Response::new(Body::from(document.to_string().into_bytes()));
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

fn ignore_undefined(result: Result<(), HypervisorError>) -> Result<(), Status> {
    match result {
        Ok(()) | Err(HypervisorError::NotDefined(_)) => Ok(()),
        Err(error) => Err(Status::internal(error.to_string())),
    }
}

/// The options that came with an action; nothing is null.
pub(super) async fn options(request: http::Request<Body>) -> Result<Value, Status> {
    let body = Limited::new(request.into_body(), MAX_OPTIONS_SIZE_BYTES)
        .collect()
        .await
        .map_err(|_| Status::bad_request("the options of an action are too long or did not come through"))?
        .to_bytes();
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body).map_err(|error| {
        Status::bad_request(format!("Can not unmarshal Request body to struct, error: {error}"))
    })
}

async fn machine(client: &Client, key: &Key) -> Result<(Object, Option<Object>), Status> {
    let machine = client
        .get(&kinds::MACHINES, key)
        .await
        .map_err(status)?
        .ok_or_else(|| Status::not_found("kubevirt.io", "virtualmachine", &key.name))?;
    let instance = client.get(&kinds::INSTANCES, key).await.map_err(status)?;
    Ok((machine, instance))
}

async fn instance(client: &Client, key: &Key) -> Result<Object, Status> {
    client
        .get(&kinds::INSTANCES, key)
        .await
        .map_err(status)?
        .ok_or_else(|| Status::not_found("kubevirt.io", "virtualmachineinstance", &key.name))
}

async fn patch(client: &Client, key: &Key, patch: Value) -> Result<(), Status> {
    client.patch(&kinds::MACHINES, key, "", &patch).await.map(drop).map_err(status)
}

async fn request_change(client: &Client, key: &Key, requests: Value) -> Result<(), Status> {
    let change = json!({"stateChangeRequests": requests});
    client.patch_status(&kinds::MACHINES, key, &change).await.map(drop).map_err(status)
}

fn refused(key: &Key, why: &str) -> Status {
    Status::conflict("kubevirt.io", "virtualmachine", &key.name, why)
}

/// What a client is told of a failure inside.
pub(super) fn status(error: ClientError) -> Status {
    match error {
        ClientError::Api { code: 404, message, .. } => {
            Status::new(404, grange_apimachinery::status::Reason::NotFound, message)
        }
        ClientError::Api { code: 409, message, .. } => {
            Status::new(409, grange_apimachinery::status::Reason::Conflict, message)
        }
        other => Status::internal(other.to_string()),
    }
}
