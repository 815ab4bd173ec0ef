//! What happens to tokens by itself: they expire, lie idle, and their objects are told when they were used.
use std::time::Duration;

use grange_apimachinery::time::rfc3339;
use grange_settings::definition::SESSION_IDLE_TTL;
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::{Handle, index::Usage, objects::TokenRecord, service::is_status};

const TICK: Duration = Duration::from_secs(1);
/// Ended tokens whose objects are deleted in one tick.
const MAX_SWEEP: usize = 256;
/// How coarsely the objects say when a token was last used.
const USAGE_STEP: Duration = Duration::from_secs(60);
/// Objects brought up to date in one tick.
const MAX_USAGE_WRITES: usize = 64;

impl Handle {
    /// Announces expired and idle tokens within a second or two and deletes their objects; tells when the others were
    /// used.
    pub(crate) async fn sweep(&self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut waiting: Vec<String> = Vec::new();
        loop {
            tick.tick().await;
            self.index().set_idle_ttl(self.settings().duration(SESSION_IDLE_TTL));
            self.tell_usage().await;
            waiting.extend(self.index().expire(Timestamp::now()));
            let idle = self.index().idle_sessions(Timestamp::now());
            waiting.extend(idle.into_iter().filter(|token| !waiting.contains(token)).collect::<Vec<_>>());
            for token in waiting.drain(..waiting.len().min(MAX_SWEEP)) {
                if let Err(error) = self.revoke(&token).await {
                    tracing::warn!(token, %error, "an expired token could not be deleted; it opens nothing");
                }
            }
        }
    }

    async fn tell_usage(&self) {
        for Usage { token, last_used_at, last_active_at } in self.index().usage(USAGE_STEP, MAX_USAGE_WRITES)
        {
            let mut patch = json!({"lastUsedAt": rfc3339(last_used_at)});
            if let Some(at) = last_active_at {
                patch["activityLastSeenAt"] = json!(rfc3339(at));
            }
            match self.tokens().patch(&token, &PatchParams::default(), &Patch::Merge(patch)).await {
                Ok(object) => {
                    TokenRecord::read(&object)
                        .into_iter()
                        .for_each(|record| self.index().apply_token(record, false));
                }
                Err(error) if is_status(&error, 404) => {}
                Err(error) => {
                    tracing::debug!(token, %error, "when a token was used cannot be noted now");
                    return;
                }
            }
        }
    }
}
