/** Whether the server can be reached, since when not, and the signal to everybody who waits that it is back. */
import { computed, shallowRef } from 'vue'

import { Backoff } from './backoff'

const PING = '/ping'
const PING_TIMEOUT_MS = 5_000

const lostSince = shallowRef<number | null>(null)
const listeners = new Set<() => void>()
const backoff = new Backoff()
let timer: ReturnType<typeof setTimeout> | undefined

export const connection = {
  isLost: computed(() => lostSince.value !== null),
  /** Milliseconds since the epoch. */
  lostSince: computed(() => lostSince.value),

  /** A request got no answer. */
  lost(): void {
    if (lostSince.value !== null) return
    lostSince.value = Date.now()
    schedule()
  },

  /** A request was answered, whatever the answer. */
  reached(): void {
    if (lostSince.value === null) return
    lostSince.value = null
    backoff.reset()
    clearTimeout(timer)
    for (const listener of listeners) listener()
  },

  /** Tries at once instead of waiting for the next turn. */
  retry(): void {
    clearTimeout(timer)
    void ping()
  },

  /** Calls back when the server is reached again. Returns how to stop that. */
  onRecovery(listener: () => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
}

function schedule(): void {
  clearTimeout(timer)
  timer = setTimeout(ping, backoff.next())
}

async function ping(): Promise<void> {
  try {
    await fetch(PING, { cache: 'no-store', signal: AbortSignal.timeout(PING_TIMEOUT_MS) })
    connection.reached()
  } catch {
    if (lostSince.value !== null) schedule()
  }
}

window.addEventListener('online', () => {
  if (lostSince.value !== null) connection.retry()
})
