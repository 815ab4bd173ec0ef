//! Live sessions to imported clusters: reversed HTTP/2 inside one outbound WebSocket. See `registry` and `session`.
