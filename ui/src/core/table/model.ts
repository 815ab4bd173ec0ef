/**
 * The rows of a table over a live collection: filtered, gathered in groups and sorted, kept so incrementally.
 *
 * A batch of changes costs its own size, and one pass over the order when a row comes, goes or moves; only a new filter or
 * sort order looks at everything.
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
  /** What rows are gathered by; those without a value come last. */
  group?: ((object: T) => string) | undefined
}

/** Rows with the same value, from `start` on. */
export interface Group {
  value: string
  start: number
  count: number
}

interface Entry {
  uid: string
  group: string
  /** Groups that differ in case alone are apart all the same. */
  groupKey: string | null
  key: SortKey | null
  /** Breaks ties, so that equal rows keep their places. */
  name: string
}

export class TableModel<T extends KubeObject> {
  /** Uids in order. Replaced, never changed in place. */
  readonly rows = shallowRef<readonly string[]>([])
  /** In order; none when the rows are not gathered. Published together with the rows. */
  readonly groups = shallowRef<readonly Group[]>([])

  private order: Entry[] = []
  private readonly entries = new Map<string, Entry>()
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
    this.entries.clear()
    // The map is read without tracking: batches tell of changes.
    for (const [uid, object] of raw(this.collection)) {
      if (view.matches(object)) this.entries.set(uid, this.entry(uid, object))
    }
    this.order = [...this.entries.values()].sort(this.compare)
    this.publish()
  }

  /** Looks again at rows whose object is the same but whose joined objects changed. */
  refresh(uids: ReadonlySet<string>): void {
    this.apply({ changed: uids, removed: new Set() })
  }

  private apply({ changed, removed }: Batch): void {
    const objects = raw(this.collection)
    const fresh: Entry[] = []
    /** Those that leave their places. */
    const gone = new Set<string>()
    for (const uid of changed) {
      const before = this.entries.get(uid)
      const object = objects.get(uid)
      const after = object && this.view.matches(object) ? this.entry(uid, object) : undefined
      // Most changes move nothing.
      if (before?.key === after?.key && before?.name === after?.name && before?.group === after?.group) continue
      if (before) gone.add(uid)
      if (after) fresh.push(after)
      if (after) this.entries.set(uid, after)
      else this.entries.delete(uid)
    }
    for (const uid of removed) if (this.entries.delete(uid)) gone.add(uid)
    if (gone.size + fresh.length === 0) return
    const before = this.order
    const kept = gone.size === 0 ? before : before.filter(({ uid }) => !gone.has(uid))
    this.order = this.merge(kept, fresh.sort(this.compare))
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
    const group = this.view.group?.(object) ?? ''
    return {
      uid,
      group,
      groupKey: group === '' ? null : `${naturalKey(group)}\u0000${group}`,
      key: this.view.order.key(object),
      name: `${naturalKey(name)}\u0000${namespace}\u0000${uid}`,
    }
  }

  private readonly compare = (a: Entry, b: Entry): number => {
    const byGroup = compareKeys(a.groupKey, b.groupKey, false)
    if (byGroup !== 0) return byGroup
    const byKey = compareKeys(a.key, b.key, this.view.order.descending)
    return byKey !== 0 ? byKey : comparePlain(a.name, b.name)
  }

  private publish(): void {
    this.rows.value = this.order.map(({ uid }) => uid)
    if (this.view.group) this.groups.value = groupsOf(this.order)
    else if (this.groups.value.length > 0) this.groups.value = []
  }
}

function groupsOf(order: readonly Entry[]): Group[] {
  const groups: Group[] = []
  order.forEach(({ group: value }, start) => {
    const last = groups.at(-1)
    if (last?.value === value) last.count += 1
    else groups.push({ value, start, count: 1 })
  })
  return groups
}

function compareKeys(a: SortKey | null, b: SortKey | null, descending: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  // A column may mix numbers and words; numbers come first.
  const order = typeof a === typeof b ? comparePlain(a, b) : typeof a === 'number' ? -1 : 1
  return descending ? -order : order
}

const comparePlain = (a: SortKey, b: SortKey): number => (a < b ? -1 : a > b ? 1 : 0)

function isSameOrder(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every(({ uid, group }, index) => uid === b[index]?.uid && group === b[index].group)
}

/** A list is sorted again whenever somebody comes back to it, and its columns hold few different words. */
const naturalKeys = new Map<string, string>()
const MAX_NATURAL_KEYS = 50_000
/** What is longer is rare, and would fill the memory. */
const MAX_KEPT_CHARS = 256

/** A text under which plain comparison orders as people do: case and accents aside, vm-2 before vm-10. */
export function naturalKey(text: string): string {
  if (text.length > MAX_KEPT_CHARS) return makeNaturalKey(text)
  let key = naturalKeys.get(text)
  if (key === undefined) {
    if (naturalKeys.size >= MAX_NATURAL_KEYS) naturalKeys.clear()
    key = makeNaturalKey(text)
    naturalKeys.set(text, key)
  }
  return key
}

function makeNaturalKey(text: string): string {
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
