/**
 * The rows of a table over a live collection: filtered and sorted, kept so incrementally.
 *
 * A batch of changes costs its own size and one pass over the order; only a new filter or sort order looks at everything.
 * Sort keys are plain strings and numbers made once a change, because comparing with a collator is what makes big
 * tables slow.
 */
import { shallowRef, toRaw } from 'vue'

import type { KubeObject } from '../kubernetes'
import type { Batch, Collection } from '../resources'

export type SortKey = string | number

export interface Order<T> {
  /** Rows without a key come last, whatever the direction. */
  key: (object: T) => SortKey | null
  descending: boolean
}

export interface View<T extends KubeObject> {
  order: Order<T>
  matches: (object: T) => boolean
}

interface Entry {
  uid: string
  key: SortKey | null
  /** Breaks ties, so that equal rows keep their places. */
  name: string
}

export class TableModel<T extends KubeObject> {
  /** Uids in order. Replaced, never changed in place. */
  readonly rows = shallowRef<readonly string[]>([])

  private order: Entry[] = []
  private readonly stopListening: () => void

  constructor(
    private readonly collection: Collection<T>,
    private view: View<T>,
  ) {
    this.stopListening = collection.onBatch((batch) => this.apply(batch))
    this.show(view)
  }

  dispose(): void {
    this.stopListening()
  }

  /** Shows everything anew under another filter or order. */
  show(view: View<T>): void {
    this.view = view
    const entries: Entry[] = []
    // The map is read without tracking: batches tell of changes.
    for (const [uid, object] of rawEntries(this.collection)) {
      if (view.matches(object)) entries.push(this.entry(uid, object))
    }
    this.order = entries.sort(this.compare)
    this.publish()
  }

  /** Looks again at rows whose object is the same but whose joined objects changed. */
  refresh(uids: ReadonlySet<string>): void {
    this.apply({ changed: uids, removed: new Set() })
  }

  private apply({ changed, removed }: Batch): void {
    const fresh: Entry[] = []
    const objects = raw(this.collection)
    for (const uid of changed) {
      const object = objects.get(uid)
      if (object && this.view.matches(object)) fresh.push(this.entry(uid, object))
    }
    fresh.sort(this.compare)
    const kept = this.order.filter(({ uid }) => !changed.has(uid) && !removed.has(uid))
    const before = this.order
    this.order = fresh.length === 0 ? kept : this.merge(kept, fresh)
    if (!isSameOrder(before, this.order)) this.publish()
  }

  private merge(a: Entry[], b: Entry[]): Entry[] {
    const merged: Entry[] = []
    let i = 0
    for (const entry of b) {
      for (let next = a[i]; next && this.compare(next, entry) <= 0; next = a[++i]) merged.push(next)
      merged.push(entry)
    }
    return merged.concat(a.slice(i))
  }

  private entry(uid: string, object: T): Entry {
    const { namespace = '', name } = object.metadata
    return { uid, key: this.view.order.key(object), name: `${naturalKey(name)}\u0000${namespace}\u0000${uid}` }
  }

  private readonly compare = (a: Entry, b: Entry): number => {
    const byKey = compareKeys(a.key, b.key, this.view.order.descending)
    return byKey !== 0 ? byKey : comparePlain(a.name, b.name)
  }

  private publish(): void {
    this.rows.value = this.order.map(({ uid }) => uid)
  }
}

function compareKeys(a: SortKey | null, b: SortKey | null, descending: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  // A column may mix numbers and words; numbers come first.
  const order = typeof a === typeof b ? comparePlain(a, b) : typeof a === 'number' ? -1 : 1
  return descending ? -order : order
}

const comparePlain = (a: SortKey, b: SortKey): number => (a < b ? -1 : a > b ? 1 : 0)

function isSameOrder(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry.uid === b[index]?.uid)
}

/** A text under which plain comparison orders as people do: case and accents aside, vm-2 before vm-10. */
export function naturalKey(text: string): string {
  const lower = text.toLowerCase()
  const plain = /\P{ASCII}/u.test(lower) ? lower.normalize('NFKD').replaceAll(/\p{Mn}/gu, '') : lower
  return plain.replaceAll(/\d+/g, (digits) => digits.padStart(12, '0'))
}

/** Whether every word is in the text. */
export function textFilter(query: string): ((text: string) => boolean) | null {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  return words.length === 0 ? null : (text) => words.every((word) => text.includes(word))
}

function raw<T extends KubeObject>(collection: Collection<T>): ReadonlyMap<string, T> {
  return toRaw(collection.objects)
}

function rawEntries<T extends KubeObject>(collection: Collection<T>): Iterable<[string, T]> {
  return raw(collection).entries()
}
