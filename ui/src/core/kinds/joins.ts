/** Other lists whose objects belong to the rows of a kind: held while the page lives, indexed by the row they belong to. */
import { computed, effectScope, onScopeDispose, shallowReactive, toRaw, toValue, watch, type ComputedRef, type MaybeRefOrGetter } from 'vue'

import { keyOf, type KubeObject } from '../kubernetes'
import { useList, type Batch, type Collection } from '../resources'
import type { Scope } from '../scope'
import type { Context, Join, Kind, Owner } from './types'

/** Tells which rows, by `namespace/name`, have other joined objects than before. Returns how to stop that. */
export interface RowSource {
  onRows: (listener: (rows: ReadonlySet<string>) => void) => () => void
}

type OwnerOf = (object: KubeObject) => Owner

/**
 * The objects of a collection by the `namespace/name` of their row; reactive a row at a time.
 *
 * It belongs to its collection and lives as long: a page that is opened again finds it made.
 */
class Index implements RowSource {
  private readonly byOwner: Map<string, KubeObject[]>
  private readonly owners = new Map<string, readonly string[]>()
  private readonly listeners = new Set<(rows: ReadonlySet<string>) => void>()

  constructor(
    private readonly collection: Collection,
    private readonly owner: OwnerOf,
  ) {
    // Nobody looks yet, so that what is there needs no telling.
    const present = new Map<string, KubeObject[]>()
    for (const [uid, object] of toRaw(collection.objects)) this.place(present, uid, object)
    this.byOwner = shallowReactive(present)
    collection.onBatch((batch) => this.apply(batch))
  }

  of(key: string): KubeObject[] {
    return this.byOwner.get(key) ?? []
  }

  onRows(listener: (rows: ReadonlySet<string>) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private apply({ changed, removed }: Batch): void {
    const rows = new Set<string>()
    const objects = toRaw(this.collection.objects)
    // A row that loses an object is another one, too; whose it was is known only here.
    for (const uid of removed) this.place(this.byOwner, uid, undefined, rows)
    for (const uid of changed) this.place(this.byOwner, uid, objects.get(uid), rows)
    if (rows.size > 0) for (const listener of this.listeners) listener(rows)
  }

  private place(byOwner: Map<string, KubeObject[]>, uid: string, object: KubeObject | undefined, rows?: Set<string>): void {
    for (const before of this.owners.get(uid) ?? []) {
      const rest = (byOwner.get(before) ?? []).filter(({ metadata }) => metadata.uid !== uid)
      if (rest.length > 0) byOwner.set(before, rest)
      else byOwner.delete(before)
      rows?.add(before)
    }
    const owners = object ? ownersOf(this.owner(object)) : []
    for (const owner of owners) {
      if (object) byOwner.set(owner, [...(byOwner.get(owner) ?? []), object])
      rows?.add(owner)
    }
    if (owners.length > 0) this.owners.set(uid, owners)
    else this.owners.delete(uid)
  }
}

const indexed = new WeakMap<Collection, Map<OwnerOf, Index>>()

function indexOf(collection: Collection, owner: OwnerOf): Index {
  let indexes = indexed.get(collection)
  if (!indexes) indexed.set(collection, (indexes = new Map<OwnerOf, Index>()))
  let index = indexes.get(owner)
  if (!index) indexes.set(owner, (index = new Index(collection, owner)))
  return index
}

const ownersOf = (owner: Owner): readonly string[] => (typeof owner === 'string' ? [owner] : [...new Set(owner)])

export interface Joins {
  context: ComputedRef<Context>
  /** For tables: what changes which rows. */
  sources: ComputedRef<RowSource[]>
}

export function useJoins(kind: MaybeRefOrGetter<Kind | undefined>, scope: MaybeRefOrGetter<Scope>, namespace: MaybeRefOrGetter<string | undefined>): Joins {
  const indexes = shallowReactive(new Map<string, Index>())
  let lists = effectScope()

  const open = (name: string, join: Join<KubeObject>): void => {
    const { collection } = useList(() => join.query({ scope: toValue(scope), namespace: toValue(namespace) }))
    watch(
      collection,
      (present) => {
        if (present) indexes.set(name, indexOf(present, join.owner))
        else indexes.delete(name)
      },
      { immediate: true, flush: 'sync' },
    )
  }
  watch(
    () => toValue(kind)?.joins,
    (joins = {}) => {
      lists.stop()
      indexes.clear()
      lists = effectScope()
      lists.run(() => {
        for (const [name, join] of Object.entries(joins)) open(name, join)
      })
    },
    { immediate: true },
  )
  onScopeDispose(() => lists.stop())

  const joined: Context['joined'] = <J extends KubeObject>(name: string, object: KubeObject) => {
    const key = toValue(kind)?.joins?.[name]?.key?.(object) ?? keyOf(object)
    return (indexes.get(name)?.of(key) ?? []) as J[]
  }
  return {
    context: computed(() => ({ scope: toValue(scope), joined })),
    sources: computed(() => [...indexes.values()]),
  }
}
