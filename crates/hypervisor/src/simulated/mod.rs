//! The simulated engine: machines that take their time, have addresses and an agent, and run nothing.
//!
//! [`model`] is the pure part (commands and time in, events out); this file drives it with a [`Clock`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::sync::{Notify, broadcast};

use crate::{
    Clock, EVENT_QUEUE_LENGTH, Hypervisor, HypervisorError, Reset, Stop, TokioClock, VmEvent, VmId, VmSpec,
    VmStatus,
};

mod model;

use model::Model;

/// How long things take and where addresses come from.
#[derive(Clone, Debug)]
pub struct Config {
    /// Addresses follow from this and the machine's name: the same seed gives the same addresses.
    pub seed: u64,
    /// From start to running.
    pub start: Duration,
    /// From running (or a reboot) to the guest's agent answering.
    pub agent: Duration,
    /// From being asked to shut down to off.
    pub shutdown: Duration,
    /// Most machines.
    pub limit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 0,
            start: Duration::from_millis(600),
            agent: Duration::from_secs(3),
            shutdown: Duration::from_millis(1200),
            limit: 100_000,
        }
    }
}

/// The engine. [`Simulated::run`] must run for time to have an effect.
pub struct Simulated {
    clock: Arc<dyn Clock>,
    model: Mutex<Model>,
    changed: Notify,
    events: broadcast::Sender<VmEvent>,
}

impl Simulated {
    /// An engine on Tokio's clock.
    pub fn new(config: Config) -> Self {
        Self::with_clock(config, Arc::new(TokioClock::new()))
    }
    /// An engine on a clock of the caller's.
    pub fn with_clock(config: Config, clock: Arc<dyn Clock>) -> Self {
        Simulated {
            clock,
            model: Mutex::new(Model::new(config)),
            changed: Notify::new(),
            events: broadcast::channel(EVENT_QUEUE_LENGTH).0,
        }
    }
    /// Lets time pass; ends only by being dropped.
    pub async fn run(&self) {
        loop {
            let next = {
                let mut model = self.lock();
                self.announce(model.advance(self.clock.now()));
                model.next_deadline()
            };
            match next {
                Some(when) => tokio::select! {
                    () = self.clock.sleep_until(when) => {}
                    () = self.changed.notified() => {}
                },
                None => self.changed.notified().await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Model> {
        // The model is consistent between statements, so a panic elsewhere does not spoil it.
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn announce(&self, events: Vec<VmEvent>) {
        for event in events {
            // Nobody listening is fine: the state can be asked for.
            let _ = self.events.send(event);
        }
    }
    fn command<T>(
        &self,
        act: impl FnOnce(&mut Model, Duration) -> Result<(T, Vec<VmEvent>), HypervisorError>,
    ) -> BoxFuture<'static, Result<T, HypervisorError>>
    where
        T: Send + 'static,
    {
        let result = {
            let mut model = self.lock();
            let now = self.clock.now();
            self.announce(model.advance(now));
            act(&mut model, now).map(|(value, events)| {
                self.announce(events);
                value
            })
        };
        self.changed.notify_one();
        Box::pin(std::future::ready(result))
    }
}

impl Hypervisor for Simulated {
    fn define<'a>(&'a self, id: &'a VmId, spec: VmSpec) -> BoxFuture<'a, Result<(), HypervisorError>> {
        self.command(|model, _| model.define(id, spec).map(|events| ((), events)))
    }
    fn undefine<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<(), HypervisorError>> {
        self.command(|model, _| Ok(((), model.undefine(id))))
    }
    fn start<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<(), HypervisorError>> {
        self.command(|model, now| model.start(id, now).map(|events| ((), events)))
    }
    fn adopt<'a>(&'a self, id: &'a VmId, spec: VmSpec) -> BoxFuture<'a, Result<(), HypervisorError>> {
        self.command(|model, now| model.adopt(id, spec, now).map(|events| ((), events)))
    }
    fn stop<'a>(&'a self, id: &'a VmId, how: Stop) -> BoxFuture<'a, Result<(), HypervisorError>> {
        self.command(|model, now| model.stop(id, how, now).map(|events| ((), events)))
    }
    fn reset<'a>(&'a self, id: &'a VmId, how: Reset) -> BoxFuture<'a, Result<(), HypervisorError>> {
        // A simulated guest reboots the same way however it is asked.
        let _ = how;
        self.command(|model, now| model.reset(id, now).map(|events| ((), events)))
    }
    fn pause<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<(), HypervisorError>> {
        self.command(|model, _| model.pause(id).map(|events| ((), events)))
    }
    fn resume<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<(), HypervisorError>> {
        self.command(|model, _| model.resume(id).map(|events| ((), events)))
    }
    fn status<'a>(&'a self, id: &'a VmId) -> BoxFuture<'a, Result<Option<VmStatus>, HypervisorError>> {
        self.command(|model, _| Ok((model.status(id), Vec::new())))
    }
    fn all(&self) -> BoxFuture<'_, Result<BTreeMap<VmId, VmStatus>, HypervisorError>> {
        self.command(|model, _| Ok((model.all(), Vec::new())))
    }
    fn events(&self) -> broadcast::Receiver<VmEvent> {
        self.events.subscribe()
    }
}
