//! Virtual machines as KubeVirt and Harvester keep them: a machine ([`machine`]) has an instance while it runs
//! ([`instance`]), the instance a launcher Pod and an entry in the hypervisor; claims are bound ([`claims`]), images
//! imported ([`images`]), keys and templates looked after ([`keys`], [`templates`]), and people act through KubeVirt's
//! subresources ([`actions`], [`hotplug`]). What is refused on the way in is in [`checks`].

use std::sync::Arc;

use grange_apiserver::resource::Subresource;
use grange_hypervisor::{Hypervisor, VmId, simulated::Simulated};
use tokio::sync::broadcast::error::RecvError;

use crate::{
    client::{Key, OwnClient},
    cluster::Controllers,
    events::Recorder,
    kinds,
    pods::logs::LogBook,
    queue::Queue,
};

mod actions;
pub(crate) mod checks;
mod claims;
mod conditions;
mod draft;
mod hotplug;
mod images;
mod instance;
mod keys;
mod launcher;
mod machine;
mod spec;
mod templates;
mod wanted_claims;

/// The ways people act on machines.
pub(crate) fn subresources(client: &OwnClient, hypervisor: &Arc<Simulated>) -> Vec<Arc<dyn Subresource>> {
    actions::all(client, hypervisor.clone())
}

/// Starts the controllers of machines, instances, claims and images.
pub(crate) fn start(
    controllers: &Controllers<'_>,
    hypervisor: Arc<Simulated>,
    recorder: Arc<Recorder>,
    logs: Arc<LogBook>,
    node_name: &str,
    node_address: &str,
) {
    let client = &controllers.client;
    let instances = Queue::<Key>::new();
    let machines = Queue::<Key>::new();

    let engine = hypervisor.clone();
    controllers.spawn(async move { engine.run().await });

    let (machine_adder, instance_adder) = (machines.clone(), instances.clone());
    controllers.watch(&kinds::INSTANCES, move |seen| {
        let header = seen.header();
        instance_adder.add(header.key());
        if let Some(owner) = header.owner("VirtualMachine") {
            machine_adder.add(owner);
        }
    });
    let adder = machines.clone();
    controllers.watch(&kinds::MACHINES, move |seen| adder.add(seen.header().key()));
    let adder = instances.clone();
    controllers.watch(&kinds::PODS, move |seen| {
        if let Some(owner) = seen.header().owner("VirtualMachineInstance") {
            adder.add(owner);
        }
    });

    let reconciler = Arc::new(instance::Instances::new(
        client.clone(),
        hypervisor.clone(),
        recorder.clone(),
        logs,
        instance::Node { name: node_name.to_owned(), address: node_address.to_owned() },
    ));
    let mut events = hypervisor.events();
    let (adder, known) = (instances.clone(), reconciler.clone());
    controllers.spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => known.key_of(&event.id).into_iter().for_each(|key| adder.add(key)),
                // Some were missed: every machine is looked at anew.
                Err(RecvError::Lagged(_)) => known.keys().into_iter().for_each(|key| adder.add(key)),
                Err(RecvError::Closed) => break,
            }
        }
    });
    controllers.reconcile(instances, reconciler);
    controllers.reconcile(machines, Arc::new(machine::Machines::new(client.clone(), recorder)));

    let queue = Queue::<claims::ClaimKey>::new();
    let adder = queue.clone();
    controllers.watch(&kinds::CLAIMS, move |seen| adder.add(claims::ClaimKey::of(seen.header())));
    controllers.reconcile(queue, Arc::new(claims::Claims::new(client.clone())));

    let queue = Queue::<Key>::new();
    let adder = queue.clone();
    controllers.watch(&kinds::IMAGES, move |seen| adder.add(seen.header().key()));
    controllers.reconcile(queue, Arc::new(images::Images::new(client.clone())));

    let queue = Queue::<Key>::new();
    let adder = queue.clone();
    controllers.watch(&kinds::KEY_PAIRS, move |seen| adder.add(seen.header().key()));
    controllers.reconcile(queue, Arc::new(keys::Keys::new(client.clone())));

    let (queue, versions) = (Queue::<Key>::new(), Queue::<Key>::new());
    let adder = queue.clone();
    controllers.watch(&kinds::TEMPLATES, move |seen| adder.add(seen.header().key()));
    let adder = versions.clone();
    controllers.watch(&kinds::TEMPLATE_VERSIONS, move |seen| adder.add(seen.header().key()));
    controllers.reconcile(versions, Arc::new(templates::Versions::new(client.clone(), queue.clone())));
    controllers.reconcile(queue, Arc::new(templates::Templates::new(client.clone())));
}

/// The hypervisor's name for an instance: its uid, so that each start is a machine of its own.
fn vm_id(instance_uid: &str) -> VmId {
    VmId::new(instance_uid)
}
