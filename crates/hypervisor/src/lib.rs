//! Virtual machines as an engine runs them: define, start, stop, pause, watch. Knows nothing of Kubernetes.
//!
//! [`Hypervisor`] is the seam between the cluster's controllers and an engine. This build has one engine,
//! [`simulated::Simulated`], which walks machines through their phases over time without running anything; a QEMU
//! engine fits behind the same trait. Start reading at [`Hypervisor`], then [`simulated`].
//!
//! INVARIANT: every change of a machine's [`VmStatus`] is announced once on [`Hypervisor::events`]; whoever missed
//! some asks [`Hypervisor::status`], which is always the truth.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::sync::broadcast;

pub mod choice;
pub mod clock;
pub mod simulated;

pub use choice::{Choice, NotInThisBuild};
pub use clock::{Clock, TokioClock};

/// A machine's identity for as long as it is defined: the caller's own unique text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VmId(pub Arc<str>);

impl VmId {
    /// The id with this text.
    pub fn new(text: &str) -> Self {
        VmId(text.into())
    }
}

impl std::fmt::Display for VmId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What a machine is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VmSpec {
    /// The name the guest's host name defaults to.
    pub name: String,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Disks in boot order.
    pub disks: Vec<DiskSpec>,
    /// Network interfaces.
    pub nics: Vec<NicSpec>,
    /// Operating system the guest is said to be (`ubuntu`, `windows`, …), or `""`.
    pub guest_os: String,
}

/// One disk of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskSpec {
    /// The disk's name.
    pub name: String,
    /// What holds its content: a claim, an image, a seed.
    pub source: String,
    /// Size, bytes; 0 when the source decides.
    pub size_bytes: u64,
}

/// One network interface of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NicSpec {
    /// The interface's name.
    pub name: String,
    /// `52:54:00:…`; `None` lets the engine choose one.
    pub mac: Option<String>,
}

/// Where a machine is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmPhase {
    /// Defined, not running.
    Off,
    /// The engine is starting it.
    Starting,
    /// The processors run.
    Running,
    /// The processors are held.
    Paused,
    /// It was asked to shut down.
    Stopping,
    /// The engine lost it.
    Failed,
}

/// A network interface as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicStatus {
    /// The name in [`NicSpec`].
    pub name: String,
    /// Its hardware address.
    pub mac: String,
    /// Its address, once the guest has one.
    pub ip: Option<String>,
    /// The guest's own name for it, once its agent tells.
    pub guest_name: Option<String>,
}

/// What the guest's agent tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestInfo {
    /// `ubuntu`.
    pub id: String,
    /// `Ubuntu`.
    pub name: String,
    /// `Ubuntu 22.04.4 LTS`.
    pub pretty_name: String,
    /// `22.04`.
    pub version: String,
    /// The kernel's release.
    pub kernel_release: String,
    /// The guest's host name.
    pub host_name: String,
}

/// A machine as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmStatus {
    /// Where it is in its life.
    pub phase: VmPhase,
    /// Its interfaces.
    pub nics: Vec<NicStatus>,
    /// Present while the guest's agent answers.
    pub guest: Option<GuestInfo>,
    /// Rises by one with every boot of the guest (start, reset, guest reboot).
    pub boots: u32,
}

/// A change of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmEvent {
    /// Which.
    pub id: VmId,
    /// How it is now; `None` once it is no longer defined.
    pub status: Option<VmStatus>,
}

/// How a machine is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The guest is asked (ACPI); killed when it has not obeyed within this time.
    Graceful(Duration),
    /// At once.
    Now,
}

/// How a guest is booted anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// As with the reset button.
    Hard,
    /// The guest is asked to reboot.
    Soft,
}

/// Why an engine refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HypervisorError {
    /// No machine with this id.
    #[error("machine {0} is not defined")]
    NotDefined(VmId),
    /// There is one with this id already, made of something else.
    #[error("machine {0} is defined differently already")]
    DefinedDifferently(VmId),
    /// Its phase does not allow this.
    #[error("machine {id} is {phase:?}, which does not allow to {operation} it")]
    WrongPhase {
        /// Which machine.
        id: VmId,
        /// What was asked.
        operation: &'static str,
        /// What it is.
        phase: VmPhase,
    },
    /// The engine holds as many machines as it takes.
    #[error("the engine holds its limit of {0} machines")]
    TooMany(usize),
    /// The engine itself failed.
    #[error("engine failure: {0}")]
    Engine(String),
}

/// Most events kept for a slow reader; one that falls behind is told how many it missed and asks for states anew.
pub const EVENT_QUEUE_LENGTH: usize = 1024;

/// An engine that runs machines.
pub trait Hypervisor: Send + Sync + 'static {
    /// Makes a machine known. Defining the same again is no error.
    fn define<'a>(&'a self, id: &'a VmId, spec: VmSpec) -> BoxFuture<'a, Result<(), HypervisorError>>;
    /// Forgets a machine, stopping it at once if it runs. Forgetting an unknown one is no error.
    fn undefine<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<(), HypervisorError>>;
    /// Starts it. Starting one that runs or starts is no error.
    fn start<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<(), HypervisorError>>;
    /// Takes a machine over that ran before this process did, as running.
    fn adopt<'a>(&'a self, id: &'a VmId, spec: VmSpec) -> BoxFuture<'a, Result<(), HypervisorError>>;
    /// Stops it. Stopping one that is off is no error.
    fn stop<'a>(&'a self, id: &'a VmId, how: Stop) -> BoxFuture<'a, Result<(), HypervisorError>>;
    /// Boots the guest anew.
    fn reset<'a>(&'a self, id: &'a VmId, how: Reset) -> BoxFuture<'a, Result<(), HypervisorError>>;
    /// Holds the processors.
    fn pause<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<(), HypervisorError>>;
    /// Lets them go on.
    fn resume<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<(), HypervisorError>>;
    /// The machine as it is; `None` if it is not defined.
    fn status<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<Option<VmStatus>, HypervisorError>>;
    /// Every machine as it is.
    fn all(&self) -> BoxFuture<'_, Result<BTreeMap<VmId, VmStatus>, HypervisorError>>;
    /// Changes from now on.
    fn events(&self) -> broadcast::Receiver<VmEvent>;
}
