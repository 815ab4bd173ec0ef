/** A Kubernetes API in memory behind `fetch`: lists in pages, watches, and whatever goes wrong. For tests. */
import { vi } from 'vitest'

import type { KubeObject } from '@/core/kubernetes'

export interface TestObject extends KubeObject {
  value?: number
}

export function object(name: string, value = 0, more: Partial<KubeObject['metadata']> = {}): TestObject {
  return { metadata: { name, namespace: 'barn', uid: `uid-${name}`, resourceVersion: '1', ...more }, value }
}

/** Generous: the machine may be busy. */
const DEADLINE_MS = 10_000

/** Waits until a condition holds. */
export const until = (check: () => boolean | undefined): Promise<void> =>
  vi.waitFor(
    () => {
      if (!check()) throw new Error('not yet')
    },
    { timeout: DEADLINE_MS, interval: 5 },
  )

type Handler = (url: URL, init: RequestInit) => Response | Promise<Response>

/** Answers every request until the test ends; what was asked is kept. */
export function serve(handler: Handler): { requests: { method: string; url: URL; headers: Headers; body: unknown }[] } {
  const requests: { method: string; url: URL; headers: Headers; body: unknown }[] = []
  vi.stubGlobal('fetch', async (path: string, init: RequestInit = {}) => {
    const url = new URL(path, 'https://server.example')
    requests.push({ method: init.method ?? 'GET', url, headers: new Headers(init.headers), body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined })
    init.signal?.throwIfAborted()
    return handler(url, init)
  })
  return { requests }
}

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } })

export const refusal = (code: number, reason: string, message = reason, details: object = {}): Response => json({ kind: 'Status', code, reason, message, details }, code, { 'X-Request-Id': 'r-0' })

/** One collection with its watches. */
export class FakeCollection {
  objects: TestObject[] = []
  revision = 1
  pageSize = Infinity
  /** Answers instead of the collection, once each. */
  failures: Response[] = []
  lists = 0
  private readonly watchers = new Set<ReadableStreamDefaultController<Uint8Array>>()
  readonly watched: string[] = []

  readonly handler: Handler = (url, { signal }) => {
    const failure = this.failures.shift()
    if (failure) return failure
    if (url.searchParams.get('watch')) return this.watch(url, signal ?? undefined)
    this.lists += 1
    const from = Number(url.searchParams.get('continue') ?? 0)
    const items = this.objects.slice(from, from + this.pageSize)
    const next = from + this.pageSize
    const more = next < this.objects.length ? { continue: String(next), remainingItemCount: this.objects.length - next } : {}
    return json({ items: structuredClone(items), metadata: { resourceVersion: String(this.revision), ...more } })
  }

  /** Tells every watch; several events at once come in one piece. */
  emit(...events: { type: string; object: unknown }[]): void {
    const bytes = new TextEncoder().encode(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    for (const watcher of this.watchers) watcher.enqueue(bytes)
  }

  /** Cuts every watch as a lost connection does. */
  cut(): void {
    for (const watcher of this.watchers) watcher.error(new TypeError('network error'))
    this.watchers.clear()
  }

  get watching(): number {
    return this.watchers.size
  }

  private watch(url: URL, signal: AbortSignal | undefined): Response {
    this.watched.push(url.searchParams.get('resourceVersion') ?? '')
    let own: ReadableStreamDefaultController<Uint8Array>
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller
        this.watchers.add(controller)
        signal?.addEventListener('abort', () => {
          if (this.watchers.delete(own)) own.error(new DOMException('aborted', 'AbortError'))
        })
      },
      cancel: () => void this.watchers.delete(own),
    })
    return new Response(body, { status: 200 })
  }
}
