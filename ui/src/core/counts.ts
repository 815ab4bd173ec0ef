/**
 * How many objects of each kind there are, for the menu: one short request a kind, few at a time, refreshed slowly.
 *
 * A list that is open anyway gives its own number; for the others the server is asked for one object's metadata and
 * says how many remain. Where a list leaves objects out that only the page can tell, the first ones are looked at.
 */
import { computed, shallowReactive, type ComputedRef } from 'vue'

import { request } from './http'
import { kindId, type Kind } from './kinds'
import { resourcePath, type KubeObject } from './kubernetes'
import { peek, type Collection } from './resources'
import type { Scope } from './scope'

type Counted = Pick<Kind, 'group' | 'version' | 'resource' | 'view' | 'labelSelector' | 'isInternal'>

const FRESH_MS = 60_000
/** Objects beyond are counted without a look, so that a number stays one short request. */
const MAX_LOOKED_AT = 100
const MAX_REQUESTS_AT_ONCE = 3
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json'

const counts = shallowReactive(new Map<string, number>())
const askedAt = new Map<string, number>()
const queue: (() => Promise<void>)[] = []
let running = 0

/** How many the kind's list shows; `undefined` until it is known. Reactive. */
export function countOf(scope: Scope, kind: Counted): number | undefined {
  const open = peek({ scope, gvr: kind, labelSelector: kind.labelSelector })
  if (open?.isComplete.value) return shownIn(open, kind).value
  const key = `${scope.id}|${kindId(kind)}`
  if (Date.now() - (askedAt.get(key) ?? 0) > FRESH_MS) {
    askedAt.set(key, Date.now())
    queue.push(() => ask(scope, kind, key))
    queueMicrotask(drain)
  }
  return counts.get(key)
}

const ofOpen = new WeakMap<Collection, Map<string, ComputedRef<number>>>()

/** What looks at it is told when the number changes, and not with every change of an object. */
function shownIn(open: Collection, kind: Counted): ComputedRef<number> {
  let ofKinds = ofOpen.get(open)
  if (!ofKinds) ofOpen.set(open, (ofKinds = new Map()))
  let count = ofKinds.get(kindId(kind))
  if (!count) ofKinds.set(kindId(kind), (count = computed(() => (kind.isInternal ? shown([...open.objects.values()], kind) : open.objects.size) + open.beyond.value)))
  return count
}

const shown = (objects: KubeObject[], { isInternal }: Counted): number => (isInternal ? objects.filter((object) => !isInternal(object)).length : objects.length)

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

async function ask(scope: Scope, kind: Counted, key: string): Promise<void> {
  const { labelSelector, isInternal } = kind
  try {
    const { items = [], metadata } = await request<{ items?: KubeObject[]; metadata?: { remainingItemCount?: number } }>(
      scope.base + resourcePath(kind),
      isInternal ? { query: { limit: MAX_LOOKED_AT, labelSelector } } : { query: { limit: 1, labelSelector }, accept: METADATA_ONLY },
    )
    counts.set(key, shown(items, kind) + (metadata?.remainingItemCount ?? 0))
  } catch {
    counts.delete(key)
  }
}
