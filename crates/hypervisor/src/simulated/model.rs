//! The simulation as a pure value: commands and the time go in, events come out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    GuestInfo, HypervisorError, NicStatus, Stop, VmEvent, VmId, VmPhase, VmSpec, VmStatus, simulated::Config,
};

/// All machines of one engine.
pub(super) struct Model {
    config: Config,
    machines: BTreeMap<VmId, Machine>,
    /// Each machine's next change, ordered by time. INVARIANT: holds exactly the machines whose `due` is set.
    agenda: BTreeSet<(Duration, VmId)>,
}

struct Machine {
    spec: VmSpec,
    status: VmStatus,
    due: Option<Duration>,
}

impl Model {
    pub(super) fn new(config: Config) -> Self {
        Model { config, machines: BTreeMap::new(), agenda: BTreeSet::new() }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.agenda.first().map(|(when, _)| *when)
    }

    /// Everything that happens up to `now`.
    pub(super) fn advance(&mut self, now: Duration) -> Vec<VmEvent> {
        let mut events = Vec::new();
        while let Some((when, id)) = self.agenda.first().cloned() {
            if when > now {
                break;
            }
            self.schedule(&id, None);
            let Some(machine) = self.machines.get_mut(&id) else { continue };
            match machine.status.phase {
                VmPhase::Starting => {
                    machine.status.phase = VmPhase::Running;
                    machine.status.boots += 1;
                    self.schedule(&id, Some(when + self.config.agent));
                }
                VmPhase::Running => machine.agent_answers(self.config.seed, &id),
                VmPhase::Stopping => machine.turn_off(),
                VmPhase::Off | VmPhase::Paused | VmPhase::Failed => continue,
            }
            events.extend(self.event(&id));
        }
        events
    }

    pub(super) fn define(&mut self, id: &VmId, spec: VmSpec) -> Result<Vec<VmEvent>, HypervisorError> {
        if let Some(machine) = self.machines.get(id) {
            return if machine.spec == spec {
                Ok(Vec::new())
            } else {
                Err(HypervisorError::DefinedDifferently(id.clone()))
            };
        }
        if self.machines.len() >= self.config.limit {
            return Err(HypervisorError::TooMany(self.config.limit));
        }
        let nics = (spec.nics.iter().enumerate())
            .map(|(index, nic)| NicStatus {
                name: nic.name.clone(),
                mac: nic.mac.clone().unwrap_or_else(|| mac(self.config.seed, id, index)),
                ip: None,
                guest_name: None,
            })
            .collect();
        let status = VmStatus { phase: VmPhase::Off, nics, guest: None, boots: 0 };
        self.machines.insert(id.clone(), Machine { spec, status, due: None });
        Ok(self.event(id))
    }

    pub(super) fn undefine(&mut self, id: &VmId) -> Vec<VmEvent> {
        self.schedule(id, None);
        match self.machines.remove(id) {
            Some(_) => vec![VmEvent { id: id.clone(), status: None }],
            None => Vec::new(),
        }
    }

    pub(super) fn start(&mut self, id: &VmId, now: Duration) -> Result<Vec<VmEvent>, HypervisorError> {
        let machine = self.machine(id)?;
        match machine.status.phase {
            VmPhase::Off | VmPhase::Failed => {
                machine.status.phase = VmPhase::Starting;
                self.schedule(id, Some(now + self.config.start));
                Ok(self.event(id))
            }
            VmPhase::Starting | VmPhase::Running | VmPhase::Paused => Ok(Vec::new()),
            VmPhase::Stopping => Err(wrong_phase(id, "start", VmPhase::Stopping)),
        }
    }

    pub(super) fn adopt(
        &mut self,
        id: &VmId,
        spec: VmSpec,
        now: Duration,
    ) -> Result<Vec<VmEvent>, HypervisorError> {
        let mut events = self.define(id, spec)?;
        let machine = self.machine(id)?;
        if machine.status.phase == VmPhase::Off {
            machine.status.phase = VmPhase::Running;
            machine.status.boots = 1;
            self.schedule(id, Some(now));
            events.extend(self.event(id));
            events.extend(self.advance(now));
        }
        Ok(events)
    }

    pub(super) fn stop(
        &mut self,
        id: &VmId,
        how: Stop,
        now: Duration,
    ) -> Result<Vec<VmEvent>, HypervisorError> {
        let shutdown = self.config.shutdown;
        let machine = self.machine(id)?;
        match (machine.status.phase, how) {
            (VmPhase::Off, _) => return Ok(Vec::new()),
            // A guest whose processors are held cannot obey: it is killed when its time is over.
            (VmPhase::Paused, Stop::Graceful(grace)) => {
                machine.status.phase = VmPhase::Stopping;
                self.schedule(id, Some(now + grace));
            }
            (VmPhase::Running | VmPhase::Starting, Stop::Graceful(grace)) => {
                machine.status.phase = VmPhase::Stopping;
                machine.status.guest = None;
                self.schedule(id, Some(now + shutdown.min(grace)));
            }
            (VmPhase::Stopping, Stop::Graceful(_)) => return Ok(Vec::new()),
            (VmPhase::Failed, _) | (_, Stop::Now) => {
                machine.turn_off();
                self.schedule(id, None);
            }
        }
        Ok(self.event(id))
    }

    pub(super) fn reset(&mut self, id: &VmId, now: Duration) -> Result<Vec<VmEvent>, HypervisorError> {
        let agent = self.config.agent;
        let machine = self.machine(id)?;
        if machine.status.phase != VmPhase::Running {
            return Err(wrong_phase(id, "reset", machine.status.phase));
        }
        machine.status.boots += 1;
        machine.status.guest = None;
        self.schedule(id, Some(now + agent));
        Ok(self.event(id))
    }

    pub(super) fn pause(&mut self, id: &VmId) -> Result<Vec<VmEvent>, HypervisorError> {
        let machine = self.machine(id)?;
        if machine.status.phase != VmPhase::Running {
            return Err(wrong_phase(id, "pause", machine.status.phase));
        }
        machine.status.phase = VmPhase::Paused;
        self.schedule(id, None);
        Ok(self.event(id))
    }

    pub(super) fn resume(&mut self, id: &VmId) -> Result<Vec<VmEvent>, HypervisorError> {
        let machine = self.machine(id)?;
        if machine.status.phase != VmPhase::Paused {
            return Err(wrong_phase(id, "resume", machine.status.phase));
        }
        machine.status.phase = VmPhase::Running;
        let mut events = self.event(id);
        // A guest that was still booting when it was held answers now: what is left of its boot is not kept.
        let seed = self.config.seed;
        let machine = self.machine(id)?;
        if machine.status.guest.is_none() {
            machine.agent_answers(seed, id);
            events.extend(self.event(id));
        }
        Ok(events)
    }

    pub(super) fn status(&self, id: &VmId) -> Option<VmStatus> {
        self.machines.get(id).map(|machine| machine.status.clone())
    }

    pub(super) fn all(&self) -> BTreeMap<VmId, VmStatus> {
        self.machines.iter().map(|(id, machine)| (id.clone(), machine.status.clone())).collect()
    }

    fn machine(&mut self, id: &VmId) -> Result<&mut Machine, HypervisorError> {
        self.machines.get_mut(id).ok_or_else(|| HypervisorError::NotDefined(id.clone()))
    }

    fn event(&self, id: &VmId) -> Vec<VmEvent> {
        self.status(id).map(|status| VmEvent { id: id.clone(), status: Some(status) }).into_iter().collect()
    }

    fn schedule(&mut self, id: &VmId, when: Option<Duration>) {
        let Some(machine) = self.machines.get_mut(id) else { return };
        if let Some(due) = machine.due.take() {
            self.agenda.remove(&(due, id.clone()));
        }
        if let Some(when) = when {
            machine.due = Some(when);
            self.agenda.insert((when, id.clone()));
        }
    }
}

impl Machine {
    fn turn_off(&mut self) {
        self.status.phase = VmPhase::Off;
        self.status.guest = None;
        for nic in &mut self.status.nics {
            nic.ip = None;
            nic.guest_name = None;
        }
    }

    fn agent_answers(&mut self, seed: u64, id: &VmId) {
        for (index, nic) in self.status.nics.iter_mut().enumerate() {
            nic.ip = Some(ip(seed, id, index));
            nic.guest_name = Some(format!("enp{}s0", index + 1));
        }
        self.status.guest = Some(guest(&self.spec));
    }
}

fn guest(spec: &VmSpec) -> GuestInfo {
    let (id, name, pretty_name, version, kernel_release) = match spec.guest_os.as_str() {
        "windows" => ("mswindows", "Microsoft Windows", "Windows Server 2022 Standard", "2022", "10.0.20348"),
        "debian" => ("debian", "Debian GNU/Linux", "Debian GNU/Linux 12 (bookworm)", "12", "6.1.0-21-amd64"),
        "opensuse" | "sles" => {
            ("opensuse-leap", "openSUSE Leap", "openSUSE Leap 15.6", "15.6", "6.4.0-150600.21-default")
        }
        _ => ("ubuntu", "Ubuntu", "Ubuntu 22.04.4 LTS", "22.04", "5.15.0-105-generic"),
    };
    GuestInfo {
        id: id.into(),
        name: name.into(),
        pretty_name: pretty_name.into(),
        version: version.into(),
        kernel_release: kernel_release.into(),
        host_name: spec.name.clone(),
    }
}

fn wrong_phase(id: &VmId, operation: &'static str, phase: VmPhase) -> HypervisorError {
    HypervisorError::WrongPhase { id: id.clone(), operation, phase }
}

/// KubeVirt's pod network of a Harvester is 10.52.0.0/16; addresses ending in 0 or 255 are left out.
fn ip(seed: u64, id: &VmId, index: usize) -> String {
    let hash = mix(seed ^ 0x1b, id, index);
    format!("10.52.{}.{}", hash % 256, 1 + (hash >> 8) % 254)
}

/// QEMU's own prefix, as KubeVirt uses it.
fn mac(seed: u64, id: &VmId, index: usize) -> String {
    let hash = mix(seed, id, index);
    format!("52:54:00:{:02x}:{:02x}:{:02x}", hash & 0xff, (hash >> 8) & 0xff, (hash >> 16) & 0xff)
}

/// FNV-1a over the inputs with a final avalanche: stable over builds, which std's hasher does not promise.
fn mix(seed: u64, id: &VmId, index: usize) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(id.0.bytes()).chain((index as u64).to_le_bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NicSpec;

    const SECOND: Duration = Duration::from_secs(1);

    fn spec() -> VmSpec {
        VmSpec {
            name: "web01".into(),
            cpus: 2,
            memory_bytes: 1 << 30,
            nics: vec![NicSpec { name: "default".into(), mac: None }],
            ..VmSpec::default()
        }
    }
    fn model() -> Model {
        Model::new(Config { start: SECOND, agent: 2 * SECOND, shutdown: SECOND, ..Config::default() })
    }
    fn phases(events: &[VmEvent]) -> Vec<(VmPhase, bool)> {
        events
            .iter()
            .filter_map(|event| event.status.as_ref())
            .map(|s| (s.phase, s.guest.is_some()))
            .collect()
    }

    #[test]
    fn a_machine_starts_gets_its_agent_and_stops() {
        let (mut model, id) = (model(), VmId::new("demo/web01"));
        model.define(&id, spec()).unwrap();
        assert_eq!(phases(&model.start(&id, SECOND).unwrap()), [(VmPhase::Starting, false)]);
        assert_eq!(model.next_deadline(), Some(2 * SECOND));
        assert_eq!(phases(&model.advance(2 * SECOND)), [(VmPhase::Running, false)]);
        assert_eq!(model.status(&id).unwrap().nics[0].ip, None);
        assert_eq!(phases(&model.advance(4 * SECOND)), [(VmPhase::Running, true)]);
        let status = model.status(&id).unwrap();
        assert!(status.nics[0].ip.as_deref().unwrap().starts_with("10.52."));
        assert!(status.nics[0].mac.starts_with("52:54:00:"));
        let stopping = model.stop(&id, Stop::Graceful(60 * SECOND), 5 * SECOND).unwrap();
        assert_eq!(phases(&stopping), [(VmPhase::Stopping, false)]);
        assert_eq!(phases(&model.advance(6 * SECOND)), [(VmPhase::Off, false)]);
        assert_eq!(model.next_deadline(), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_addresses() {
        let addresses = |seed| {
            let mut model = Model::new(Config { seed, ..Config::default() });
            let id = VmId::new("demo/web01");
            model.adopt(&id, spec(), Duration::ZERO).unwrap();
            model.status(&id).unwrap().nics
        };
        assert_eq!(addresses(7), addresses(7));
        assert_ne!(addresses(7), addresses(8));
    }

    #[test]
    fn a_wanted_mac_is_kept() {
        let (mut model, id) = (model(), VmId::new("a"));
        let mut spec = spec();
        spec.nics[0].mac = Some("02:00:00:00:00:01".into());
        model.define(&id, spec).unwrap();
        assert_eq!(model.status(&id).unwrap().nics[0].mac, "02:00:00:00:00:01");
    }

    #[test]
    fn a_paused_machine_is_killed_after_its_grace() {
        let (mut model, id) = (model(), VmId::new("a"));
        model.adopt(&id, spec(), Duration::ZERO).unwrap();
        assert_eq!(phases(&model.pause(&id).unwrap()), [(VmPhase::Paused, true)]);
        assert!(model.pause(&id).is_err());
        model.stop(&id, Stop::Graceful(30 * SECOND), SECOND).unwrap();
        assert_eq!(model.next_deadline(), Some(31 * SECOND));
        assert_eq!(phases(&model.advance(31 * SECOND)), [(VmPhase::Off, false)]);
    }

    #[test]
    fn wrong_moments_are_refused() {
        let (mut model, id) = (model(), VmId::new("a"));
        assert_eq!(model.start(&id, SECOND), Err(HypervisorError::NotDefined(id.clone())));
        model.define(&id, spec()).unwrap();
        assert!(model.reset(&id, SECOND).is_err());
        assert!(model.resume(&id).is_err());
        assert!(model.define(&id, VmSpec { cpus: 9, ..spec() }).is_err());
        assert_eq!(model.undefine(&id).len(), 1);
        assert_eq!(model.undefine(&id).len(), 0);
        assert_eq!(model.next_deadline(), None);
    }
}
