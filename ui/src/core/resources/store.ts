/** All live collections, shared: two components with the same query look at one list over one watch. */
import type { KubeObject } from '../kubernetes'
import { Collection } from './collection'
import { queryKey, type Query } from './query'

/** A collection that nobody looks at is kept this long, so that going back shows it at once. */
const LINGER_MS = 30_000

interface Entry {
  collection: Collection
  users: number
  expiry: ReturnType<typeof setTimeout> | undefined
}

const entries = new Map<string, Entry>()

/** Takes part in a collection; every `acquire` needs its `release`. */
export function acquire<T extends KubeObject>(query: Query): Collection<T> {
  const key = queryKey(query)
  let entry = entries.get(key)
  if (!entry) {
    entry = { collection: new Collection(query), users: 0, expiry: undefined }
    entries.set(key, entry)
    entry.collection.start()
  }
  clearTimeout(entry.expiry)
  entry.users += 1
  return entry.collection as unknown as Collection<T>
}

export function release(query: Query): void {
  const key = queryKey(query)
  const entry = entries.get(key)
  if (!entry) return
  entry.users -= 1
  if (entry.users > 0) return
  entry.expiry = setTimeout(() => {
    entry.collection.stop()
    entries.delete(key)
  }, LINGER_MS)
}

/** A collection that somebody else holds; for counts and the like, which must not begin a watch of their own. */
export function peek(query: Query): Collection | undefined {
  return entries.get(queryKey(query))?.collection
}

/** Hands the answer of a write to every collection that holds the object. */
export function acceptWritten(scopeId: string, group: string, resource: string, object: KubeObject): void {
  for (const { collection } of entries.values()) {
    const { scope, gvr } = collection.query
    if (scope.id !== scopeId || gvr.group !== group || gvr.resource !== resource) continue
    if (object.metadata.uid !== undefined && collection.objects.has(object.metadata.uid)) collection.accept(object)
  }
}

/** Ends everything: another person is about to log in. */
export function forgetAll(): void {
  for (const entry of entries.values()) {
    clearTimeout(entry.expiry)
    entry.collection.stop()
  }
  entries.clear()
}
