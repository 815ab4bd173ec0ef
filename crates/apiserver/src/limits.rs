//! Every limit of the server by name.
use std::time::Duration;

/// Largest request body that is read whole (kube-apiserver's own limit).
pub const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;
/// Largest answer that is written as YAML, which needs it whole.
pub const MAX_YAML_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// Longest request path.
pub const MAX_PATH_BYTES: usize = 4096;
/// Longest query string.
pub const MAX_QUERY_BYTES: usize = 16 * 1024;
/// Longest continue token.
pub const MAX_CONTINUE_BYTES: usize = 4096;
/// Most watches open at once.
pub const MAX_WATCHES: usize = 20_000;
/// Watches one user may have open.
pub const USER_WATCHES: usize = MAX_WATCHES / 4;
/// Requests of one user that are worked on at once.
pub const USER_REQUESTS: usize = 128;
/// Requests of one user that may wait for a place.
pub const MAX_WAITING: usize = 256;
/// How long a request waits for a place.
pub const MAX_WAITING_TIME: Duration = Duration::from_secs(10);
/// Users whose shares are kept though they have no request.
pub const MAX_SHARES: usize = 1024;
/// Most impersonated groups, and most values of impersonated extras.
pub const MAX_IMPERSONATED_VALUES: usize = 512;
/// Most `Warning` headers in one answer.
pub const MAX_WARNINGS: usize = 32;
/// Longest bearer token looked at.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// How often a write that carries no resourceVersion is tried again after it met another writer.
pub const MAX_CONFLICT_RETRIES: usize = 16;
/// How often `generateName` tries another suffix.
pub const MAX_GENERATE_NAME_RETRIES: usize = 8;
/// Entries read from the store in one go when filtering, deleting collections or scanning.
pub const PAGE_ENTRIES: usize = 1000;
/// Bytes of a list or watch answer put together before they are handed to the connection.
pub const CHUNK_BYTES: usize = 128 * 1024;
/// Answers of at least this size are compressed for clients that accept it.
pub const GZIP_MINIMUM_BYTES: usize = 128 * 1024;
/// How long a read waits for a revision that is still to come.
pub const FUTURE_REVISION_WAIT: Duration = Duration::from_secs(3);
/// How often an idle watch that allows bookmarks gets one.
pub const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);
/// Shortest life of a watch that names no timeout; up to twice that, so that clients do not reconnect together.
pub const MIN_WATCH_TIMEOUT: Duration = Duration::from_secs(1800);
/// Longest life of a watch, whatever it asks for.
pub const MAX_WATCH_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// Pause of a controller after a failed store call.
pub const CONTROLLER_RETRY: Duration = Duration::from_millis(500);
/// How often quotas are counted anew though nothing seems to have happened.
pub const QUOTA_RESYNC: Duration = Duration::from_secs(300);
/// How long a count waits for the writes under way in its namespace.
pub const QUOTA_SETTLING: Duration = Duration::from_secs(5);
/// Most keys a controller's queue holds; more are found again by its next full pass.
pub const MAX_QUEUE: usize = 200_000;
/// Most edges the garbage collector keeps.
pub const MAX_GRAPH_NODES: usize = 2_000_000;
/// Default life of a service-account token.
pub const DEFAULT_TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// Shortest life of a service-account token that may be asked for.
pub const MIN_TOKEN_LIFETIME: Duration = Duration::from_secs(600);
/// Longest life of a service-account token that may be asked for.
pub const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
/// Most data bytes in a ConfigMap or Secret.
pub const MAX_DATA_BYTES: usize = 1024 * 1024;
