/**
 * Whether the server can be reached, since when not, and the signals to everybody who waits.
 *
 * A request without an answer is a suspicion; a ping that fails, or the browser saying that it is offline, makes it certain.
 * Streams may be dead without anybody noticing, so the server is also pinged now and then while the page is looked at,
 * and when the connection is known to be cut, every stream is given up (`onCut`) and taken up again (`onRecovery`).
 */
import { computed, shallowRef } from 'vue'

import { Backoff } from './backoff'

const PING = '/ping'
const PING_TIMEOUT_MS = 5_000
const HEARTBEAT_MS = 15_000

const lostSince = shallowRef<number | null>(null)
const isCut = shallowRef(false)
const recovered = new Set<() => void>()
const cut = new Set<() => void>()
const backoff = new Backoff()
let timer: ReturnType<typeof setTimeout> | undefined

export const connection = {
  /** For certain. */
  isLost: computed(() => isCut.value),
  /** Milliseconds since the epoch. */
  lostSince: computed(() => lostSince.value),

  /** A request got no answer. */
  suspect(): void {
    if (lostSince.value !== null) return
    lostSince.value = Date.now()
    void ping()
  },

  /** A request was answered, whatever the answer. */
  reached(): void {
    if (lostSince.value === null) return
    lostSince.value = null
    isCut.value = false
    backoff.reset()
    clearTimeout(timer)
    tell(recovered)
  },

  /** Tries at once instead of waiting for the next turn. */
  retry(): void {
    clearTimeout(timer)
    void ping()
  },

  /** Calls back when the server is reached again. Returns how to stop that. */
  onRecovery(listener: () => void): () => void {
    recovered.add(listener)
    return () => recovered.delete(listener)
  },

  /** Calls back when what is open is open no longer. Returns how to stop that. */
  onCut(listener: () => void): () => void {
    cut.add(listener)
    return () => cut.delete(listener)
  },
}

const tell = (listeners: ReadonlySet<() => void>): void => {
  for (const listener of listeners) listener()
}

function confirm(): void {
  lostSince.value ??= Date.now()
  if (!isCut.value) {
    isCut.value = true
    tell(cut)
  }
  clearTimeout(timer)
  timer = setTimeout(ping, backoff.next())
}

async function ping(): Promise<void> {
  try {
    const response = await fetch(PING, { cache: 'no-store', signal: AbortSignal.timeout(PING_TIMEOUT_MS) })
    if (isFromServer(response)) connection.reached()
    else confirm()
  } catch {
    confirm()
  }
}

/** A gateway in between answers for a server that is not there; the server itself numbers its answers. */
export const isFromServer = (response: Response): boolean => response.status < 500 || response.headers.has('X-Request-Id')

window.addEventListener('offline', confirm)
window.addEventListener('online', () => {
  if (lostSince.value !== null) connection.retry()
})
setInterval(() => {
  if (document.visibilityState === 'visible' && lostSince.value === null) void ping()
}, HEARTBEAT_MS)
