/**
 * A live copy of a list: every object by uid, kept current by a watch, shared by everybody who looks at it.
 *
 * - The first page shows while the others load; while a list is taken anew, the old objects stay.
 * - Changes are gathered and applied once a frame, the last state of each object only, so a storm of updates costs one
 *   small batch; a row that did not change is not touched.
 * - When the watch breaks, data stays with its age (`freshAt`) and the collection comes back by itself.
 *
 * INVARIANT: memory is bounded: by MAX_OBJECTS, and what waits for the next frame is at most one state an object.
 */
import { shallowReactive, shallowRef } from 'vue'

import { Backoff } from '../backoff'
import { connection } from '../connection'
import { isAbort, isApiError, isTransient, NoAnswer } from '../http'
import { keyOf, type KubeObject } from '../kubernetes'
import { listPage, readOne, watch } from './fetching'
import { queryPath, type Query } from './query'

/** More objects than this are not held; the page then says so and offers filters. */
export const MAX_OBJECTS = 20_000
/** A frame in a tab that nobody sees. */
const HIDDEN_FRAME_MS = 1_000
/** How often an object is read that may not be watched. */
const POLL_MS = 10_000
/** A watch that ended sooner than this was not worth opening the next at once. */
const SHORT_WATCH_MS = 1_000
/** How often something that was refused is asked for again. */
const REFUSED_RETRY_MS = 60_000

export type Phase =
  /** Nothing has come yet. */
  | 'loading'
  /** Current. */
  | 'live'
  /** Was current at `freshAt`; on its way back. */
  | 'away'
  /** May not be read, is not served, or was answered with nonsense: `error` says it. */
  | 'refused'

export interface Batch {
  /** Uids of objects that are new or different. */
  changed: ReadonlySet<string>
  removed: ReadonlySet<string>
}

export class Collection<T extends KubeObject = KubeObject> {
  /** By uid. Reactive a key at a time. */
  readonly objects = shallowReactive(new Map<string, T>())
  readonly phase = shallowRef<Phase>('loading')
  readonly error = shallowRef<unknown>(null)
  /** When the data was last known to be current (milliseconds since the epoch). */
  readonly freshAt = shallowRef<number | null>(null)
  /** All pages have come. */
  readonly isComplete = shallowRef(false)
  /** How many there are beyond those held. */
  readonly beyond = shallowRef(0)

  private readonly uids = new Map<string, string>()
  private readonly pending = new Map<string, T | null>()
  private readonly listeners = new Set<(batch: Batch) => void>()
  private readonly backoff = new Backoff()
  private resourceVersion = ''
  /** Neither list nor watch is allowed, but the one object may be read: it is asked for again and again. */
  private isPolled = false
  private isFrameDue = false
  private stopper = new AbortController()
  private wake: (() => void) | null = null
  private stream: AbortController | null = null

  constructor(readonly query: Query) {}

  start(): void {
    this.stopper = new AbortController()
    const { signal } = this.stopper
    signal.addEventListener('abort', connection.onRecovery(() => this.retry()))
    signal.addEventListener('abort', connection.onCut(() => this.stream?.abort()))
    void this.run(signal)
  }

  stop(): void {
    this.stopper.abort()
    this.pending.clear()
  }

  /** Does not wait for the next turn. */
  retry(): void {
    this.wake?.()
  }

  /** Told of every batch after it was applied. Returns how to stop that. */
  onBatch(listener: (batch: Batch) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** The object of a `namespace/name`. */
  named(key: string): T | undefined {
    const uid = this.uids.get(key)
    return uid === undefined ? undefined : this.objects.get(uid)
  }

  /** Takes what a write answered, so that the page need not wait for the watch to say the same. */
  accept(object: T): void {
    const uid = uidOf(object)
    // The watch may have been faster, and what it said may still wait for the next frame.
    const known = this.pending.has(uid) ? this.pending.get(uid) : this.objects.get(uid)
    if (known === null || (known && !isNewer(object, known))) return
    this.queue(object)
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.isPolled) {
          await this.poll(signal)
          continue
        }
        if (this.resourceVersion === '') await this.list(signal)
        const began = performance.now()
        await this.follow(signal)
        // A server that ends every watch at once must not be asked in a tight loop.
        if (performance.now() - began < SHORT_WATCH_MS) await this.pause(this.backoff.next(), signal)
      } catch (error) {
        if (signal.aborted || isAbort(error)) return
        const wait = this.failed(error)
        if (wait > 0) await this.pause(wait, signal)
      }
    }
  }

  private async list(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>()
    let token: string | undefined
    let taken = 0
    do {
      const page = await listPage<T>(this.query, token, signal)
      // Objects created while pages load are found by the watch from the first page's version on.
      if (token === undefined) this.resourceVersion = page.resourceVersion
      for (const object of page.items.slice(0, MAX_OBJECTS - taken)) {
        seen.add(this.queue(object))
      }
      taken += page.items.length
      token = page.continue
      const isFull = taken >= MAX_OBJECTS
      this.beyond.value = isFull ? Math.max(taken - MAX_OBJECTS, 0) + (page.remaining ?? (token ? 1 : 0)) : 0
      if (isFull) token = undefined
      this.flush()
      this.fresh()
    } while (token !== undefined)
    for (const uid of this.objects.keys()) {
      if (!seen.has(uid)) this.pending.set(uid, null)
    }
    this.flush()
    this.isComplete.value = true
  }

  private async poll(signal: AbortSignal): Promise<void> {
    const object = await readOne<T>(this.query, signal)
    this.queue(object)
    this.flush()
    this.fresh()
    this.isComplete.value = true
    await this.pause(POLL_MS, signal)
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const stream = new AbortController()
    this.stream = stream
    try {
      await this.watch(AbortSignal.any([signal, stream.signal]))
    } catch (error) {
      // Given up by us, because the connection is known to be gone.
      if (!signal.aborted && stream.signal.aborted) throw new NoAnswer('network', { method: 'GET', path: queryPath(this.query) })
      throw error
    }
    this.freshAt.value = Date.now()
  }

  private async watch(signal: AbortSignal): Promise<void> {
    await watch<T>(
      this.query,
      this.resourceVersion,
      {
        opened: () => this.fresh(),
        changed: (object, isNew) => {
          if (isNew && this.isBeyond(object)) this.beyond.value += 1
          else this.queue(object)
        },
        removed: (object) => {
          if (this.isBeyond(object)) this.beyond.value = Math.max(0, this.beyond.value - 1)
          else this.queueRemoval(object)
        },
        reached: (resourceVersion) => {
          this.resourceVersion = resourceVersion
        },
      },
      signal,
    )
  }

  private fresh(): void {
    this.backoff.reset()
    this.error.value = null
    this.freshAt.value = Date.now()
    this.phase.value = 'live'
  }

  /** Notes a failure; how long to wait before the next attempt. */
  private failed(error: unknown): number {
    if (isApiError(error, 410)) {
      this.resourceVersion = ''
      return this.backoff.next()
    }
    if (isApiError(error, 403) && this.query.name !== undefined && !this.isPolled) {
      this.isPolled = true
      return 0
    }
    this.error.value = error
    if (isTransient(error)) {
      // A stream that breaks off was current until now.
      if (this.phase.value === 'live') this.freshAt.value = Date.now()
      this.phase.value = 'away'
      return this.backoff.next()
    }
    this.resourceVersion = ''
    this.phase.value = 'refused'
    if (isApiError(error)) this.clear()
    return REFUSED_RETRY_MS
  }

  /** What one may no longer read is not shown any longer. */
  private clear(): void {
    for (const uid of this.objects.keys()) this.pending.set(uid, null)
    this.flush()
  }

  private pause(wait: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.wake = null
        resolve()
      }
      const timer = setTimeout(done, wait)
      this.wake = done
      signal.addEventListener('abort', done, { once: true })
    })
  }

  /** One of those that are counted but not held. */
  private isBeyond(object: T): boolean {
    return this.objects.size >= MAX_OBJECTS && !this.objects.has(uidOf(object))
  }

  private queue(object: T): string {
    // Half of most objects, and of no use on a page; the YAML view reads the object anew.
    delete (object.metadata as { managedFields?: unknown }).managedFields
    const uid = uidOf(object)
    this.pending.set(uid, object)
    this.requestFrame()
    return uid
  }

  private queueRemoval(object: T): void {
    this.pending.set(uidOf(object), null)
    this.requestFrame()
  }

  private requestFrame(): void {
    if (this.isFrameDue) return
    this.isFrameDue = true
    const apply = (): void => {
      this.isFrameDue = false
      this.flush()
    }
    if (document.visibilityState === 'hidden') setTimeout(apply, HIDDEN_FRAME_MS)
    else requestAnimationFrame(apply)
  }

  private flush(): void {
    if (this.pending.size === 0) return
    const changed = new Set<string>()
    const removed = new Set<string>()
    for (const [uid, object] of this.pending) {
      if (object === null) {
        const held = this.objects.get(uid)
        if (!held) continue
        this.objects.delete(uid)
        // A namesake may have taken its place already.
        if (this.uids.get(keyOf(held)) === uid) this.uids.delete(keyOf(held))
        removed.add(uid)
      } else if (this.objects.has(uid) || this.objects.size < MAX_OBJECTS) {
        this.objects.set(uid, object)
        this.uids.set(keyOf(object), uid)
        changed.add(uid)
      }
    }
    this.pending.clear()
    if (changed.size + removed.size === 0) return
    for (const listener of this.listeners) listener({ changed, removed })
  }
}

function uidOf(object: KubeObject): string {
  return object.metadata.uid ?? keyOf(object)
}

/** Only equality of resource versions is promised; ours and etcd's are numbers that rise. */
function isNewer(a: KubeObject, b: KubeObject): boolean {
  return Number(a.metadata.resourceVersion) > Number(b.metadata.resourceVersion)
}
