/** Collections in components: acquired when needed, released when not, switched when the query changes. */
import { computed, onScopeDispose, shallowRef, toValue, watch, type ComputedRef, type MaybeRefOrGetter, type ShallowRef } from 'vue'

import { isApiError } from '../http'
import type { KubeObject } from '../kubernetes'
import type { Collection, Phase } from './collection'
import { queryKey, type Query } from './query'
import { acquire, release } from './store'

/** What a component sees of a list. */
export interface LiveList<T extends KubeObject> {
  collection: ShallowRef<Collection<T> | null>
  /** All objects, in no particular order. For small lists; a table follows the collection's batches instead. */
  items: ComputedRef<T[]>
  phase: ComputedRef<Phase>
  error: ComputedRef<unknown>
  freshAt: ComputedRef<number | null>
  retry: () => void
}

/** A live list; `null` or `undefined` for a query that is not known yet. */
export function useList<T extends KubeObject = KubeObject>(query: MaybeRefOrGetter<Query | null | undefined>): LiveList<T> {
  const collection = shallowRef<Collection<T> | null>(null)
  let held: Query | null = null
  const hold = (next: Query | null): void => {
    const old = held
    held = next
    // First the new, then the old: what both share is not started anew.
    collection.value = next ? acquire<T>(next) : null
    if (old) release(old)
  }
  watch(
    () => {
      const next = toValue(query)
      return next ? queryKey(next) : null
    },
    () => hold(toValue(query) ?? null),
    { immediate: true, flush: 'sync' },
  )
  onScopeDispose(() => {
    if (held) release(held)
  })
  return {
    collection,
    items: computed(() => [...(collection.value?.objects.values() ?? [])]),
    phase: computed(() => collection.value?.phase.value ?? 'loading'),
    error: computed(() => collection.value?.error.value ?? null),
    freshAt: computed(() => collection.value?.freshAt.value ?? null),
    retry: () => collection.value?.retry(),
  }
}

/** What a component sees of one object. */
export interface LiveObject<T extends KubeObject> {
  object: ComputedRef<T | undefined>
  /** `gone`: it was there, or is known not to be. */
  phase: ComputedRef<Phase | 'gone'>
  error: ComputedRef<unknown>
  freshAt: ComputedRef<number | null>
  retry: () => void
}

/** One live object; the query is of `oneOf`. */
export function useObject<T extends KubeObject = KubeObject>(query: MaybeRefOrGetter<Query | null | undefined>): LiveObject<T> {
  const list = useList<T>(query)
  const object = computed(() => list.items.value[0])
  return {
    object,
    phase: computed(() => {
      if (isApiError(list.error.value, 404)) return 'gone'
      const isEmpty = list.collection.value?.isComplete.value === true && object.value === undefined
      return isEmpty && list.phase.value === 'live' ? 'gone' : list.phase.value
    }),
    error: list.error,
    freshAt: list.freshAt,
    retry: list.retry,
  }
}
