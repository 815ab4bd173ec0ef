//! Makes the objects of the settings there are, and keeps the values in step with what is written.
use std::{collections::HashSet, time::Duration};

use futures::{StreamExt as _, pin_mut};
use grange_resources::management::{Setting, SettingFields};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Settings,
    definition::{DEFINITIONS, Definition},
    values::{FROM_DEFAULT, FROM_START},
};

/// How long to wait before the objects are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The long-running part.
pub struct Service {
    client: Client,
    settings: Settings,
    ready: watch::Sender<bool>,
}

impl Service {
    /// `client` acts as the system itself. The receiver turns true once every stored value is known.
    pub fn new(client: Client, settings: Settings) -> (Service, watch::Receiver<bool>) {
        let (ready, is_ready) = watch::channel(false);
        (Service { client, settings, ready }, is_ready)
    }

    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let running = async {
            while let Err(error) = self.make_objects().await {
                tracing::warn!(%error, "the settings cannot be written yet");
                tokio::time::sleep(RETRY).await;
            }
            self.follow().await;
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = running => {}
        }
    }

    async fn make_objects(&self) -> Result<(), kube::Error> {
        let api: Api<Setting> = Api::all(self.client.clone());
        for known in DEFINITIONS {
            match api.get_opt(known.name).await? {
                None => {
                    let object: Setting =
                        serde_json::from_value(self.wanted(known, &SettingFields::default()))
                            .map_err(kube::Error::SerdeError)?;
                    api.create(&PostParams::default(), &object).await?;
                }
                Some(present) => {
                    let wanted = self.wanted(known, &present.spec);
                    let fields = serde_json::to_value(&present.spec).map_err(kube::Error::SerdeError)?;
                    let is_same = wanted.as_object().is_some_and(|wanted| {
                        wanted.iter().all(|(key, value)| key == "metadata" || fields.get(key) == Some(value))
                    });
                    if !is_same {
                        api.patch(known.name, &PatchParams::default(), &Patch::Merge(wanted)).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The object of a setting as this server has it; what people set stays.
    fn wanted(&self, known: &Definition, present: &SettingFields) -> Value {
        let mut object =
            json!({ "metadata": {"name": known.name}, "default": self.settings.default_of(known) });
        if let Some((value, source)) = self.settings.fixed(known) {
            object["value"] = json!(value);
            object["source"] = json!(source);
            object["customized"] = json!(false);
        } else if present.source == FROM_START || present.source.is_empty() {
            // Never set, or given at an earlier start and no longer.
            object["value"] = json!("");
            object["source"] = json!(FROM_DEFAULT);
            object["customized"] = json!(false);
        }
        object
    }

    async fn follow(&self) {
        let api: Api<Setting> = Api::all(self.client.clone());
        let events = watcher(api, watcher::Config::default()).default_backoff();
        pin_mut!(events);
        let mut listed = HashSet::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    self.settings.apply(&object);
                    listed.extend(object.metadata.name);
                }
                Ok(Event::InitDone) => {
                    let listed = std::mem::take(&mut listed);
                    self.settings.retain(|name| listed.contains(name));
                    self.ready.send_replace(true);
                }
                Ok(Event::Apply(object)) => self.settings.apply(&object),
                Ok(Event::Delete(object)) => {
                    self.settings.remove(object.metadata.name.as_deref().unwrap_or_default());
                }
                Err(error) => tracing::warn!(%error, "the watch of settings broke off and is started again"),
            }
        }
    }
}
