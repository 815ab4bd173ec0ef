/** Other lists whose objects belong to the rows of a kind: held while the page lives, indexed by the row they belong to. */
import { computed, effectScope, onScopeDispose, shallowReactive, toValue, watch, type ComputedRef, type MaybeRefOrGetter } from 'vue'

import { keyOf, type KubeObject } from '../kubernetes'
import { useList, type Batch, type Collection } from '../resources'
import type { Scope } from '../scope'
import type { Context, Join, Kind, Owner } from './types'

/** Objects by the `namespace/name` of their row; reactive a row at a time. */
class Index {
  private readonly byOwner = shallowReactive(new Map<string, KubeObject[]>())
  private readonly owners = new Map<string, readonly string[]>()
  readonly stop: () => void

  constructor(
    private readonly collection: Collection,
    private readonly owner: (object: KubeObject) => Owner,
  ) {
    this.stop = collection.onBatch((batch) => this.apply(batch))
    this.apply({ changed: new Set(collection.objects.keys()), removed: new Set() })
  }

  of(key: string): KubeObject[] {
    return this.byOwner.get(key) ?? []
  }

  private apply({ changed, removed }: Batch): void {
    for (const uid of removed) this.place(uid, undefined)
    for (const uid of changed) this.place(uid, this.collection.objects.get(uid))
  }

  private place(uid: string, object: KubeObject | undefined): void {
    for (const before of this.owners.get(uid) ?? []) {
      const rest = this.of(before).filter(({ metadata }) => metadata.uid !== uid)
      if (rest.length > 0) this.byOwner.set(before, rest)
      else this.byOwner.delete(before)
    }
    const owners = object ? ownersOf(this.owner(object)) : []
    if (object) for (const owner of owners) this.byOwner.set(owner, [...this.of(owner), object])
    if (owners.length > 0) this.owners.set(uid, owners)
    else this.owners.delete(uid)
  }
}

export const ownersOf = (owner: Owner): readonly string[] => (typeof owner === 'string' ? [owner] : [...new Set(owner)])

export interface Joins {
  context: ComputedRef<Context>
  /** For tables: whose batches change which rows. */
  sources: ComputedRef<{ collection: Collection; owner: (object: KubeObject) => Owner }[]>
}

export function useJoins(kind: MaybeRefOrGetter<Kind | undefined>, scope: MaybeRefOrGetter<Scope>, namespace: MaybeRefOrGetter<string | undefined>): Joins {
  const indexes = shallowReactive(new Map<string, Index>())
  const collections = shallowReactive(new Map<string, Collection>())
  let lists = effectScope()

  const open = (name: string, join: Join<KubeObject>): void => {
    const { collection } = useList(() => join.query({ scope: toValue(scope), namespace: toValue(namespace) }))
    watch(
      collection,
      (present) => {
        indexes.get(name)?.stop()
        if (!present) return
        indexes.set(name, new Index(present, join.owner))
        collections.set(name, present)
      },
      { immediate: true, flush: 'sync' },
    )
  }
  watch(
    () => toValue(kind)?.joins,
    (joins = {}) => {
      lists.stop()
      for (const index of indexes.values()) index.stop()
      indexes.clear()
      collections.clear()
      lists = effectScope()
      lists.run(() => {
        for (const [name, join] of Object.entries(joins)) open(name, join)
      })
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    lists.stop()
    for (const index of indexes.values()) index.stop()
  })

  const joined: Context['joined'] = <J extends KubeObject>(name: string, object: KubeObject) => {
    const key = toValue(kind)?.joins?.[name]?.key?.(object) ?? keyOf(object)
    return (indexes.get(name)?.of(key) ?? []) as J[]
  }
  return {
    context: computed(() => ({ scope: toValue(scope), joined })),
    sources: computed(() =>
      [...collections].map(([name, collection]) => ({ collection, owner: toValue(kind)?.joins?.[name]?.owner ?? keyOf })),
    ),
  }
}
