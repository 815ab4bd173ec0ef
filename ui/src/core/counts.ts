/**
 * How many objects of each kind there are, for the menu: one short request a kind, few at a time, refreshed slowly.
 *
 * A list that is open anyway gives its own number; for the others the server is asked for one object's metadata and
 * says how many remain.
 */
import { shallowReactive } from 'vue'

import { request } from './http'
import { resourceId, resourcePath, type Gvr } from './kubernetes'
import { peek } from './resources'
import type { Scope } from './scope'

const FRESH_MS = 60_000
const MAX_REQUESTS_AT_ONCE = 3
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json'

const counts = shallowReactive(new Map<string, number>())
const askedAt = new Map<string, number>()
const queue: (() => Promise<void>)[] = []
let running = 0

/** The number, or `undefined` until it is known, or for a part that only the page itself can tell. Reactive. */
export function countOf(scope: Scope, gvr: Gvr & { view?: string; labelSelector?: string }): number | undefined {
  const { view, labelSelector } = gvr
  if (view && !labelSelector) return undefined
  const open = peek({ scope, gvr, labelSelector })
  if (open?.isComplete.value) return open.objects.size + open.beyond.value
  const key = `${scope.id}|${resourceId(gvr)}|${labelSelector ?? ''}`
  if (Date.now() - (askedAt.get(key) ?? 0) > FRESH_MS) {
    askedAt.set(key, Date.now())
    queue.push(() => ask(scope, gvr, key, labelSelector))
    queueMicrotask(drain)
  }
  return counts.get(key)
}

function drain(): void {
  while (running < MAX_REQUESTS_AT_ONCE) {
    const next = queue.shift()
    if (!next) return
    running += 1
    void next().finally(() => {
      running -= 1
      drain()
    })
  }
}

async function ask(scope: Scope, gvr: Gvr, key: string, labelSelector: string | undefined): Promise<void> {
  try {
    const { items, metadata } = await request<{ items?: unknown[]; metadata?: { remainingItemCount?: number } }>(
      scope.base + resourcePath(gvr),
      { query: { limit: 1, labelSelector }, accept: METADATA_ONLY },
    )
    counts.set(key, (items?.length ?? 0) + (metadata?.remainingItemCount ?? 0))
  } catch {
    counts.delete(key)
  }
}
