import { describe, expect, it } from 'vitest'

import { object, type TestObject } from '@/test/cluster'

import type { Batch, Collection } from '../resources'
import { naturalKey, TableModel, textFilter, type View } from './model'

/** A collection without a server: what the model follows. */
class Source {
  readonly objects = new Map<string, TestObject>()
  private readonly listeners: ((batch: Batch) => void)[] = []
  onBatch(listener: (batch: Batch) => void): () => void {
    this.listeners.push(listener)
    return () => this.listeners.splice(this.listeners.indexOf(listener), 1)
  }
  apply(changes: TestObject[], removed: string[] = []): void {
    for (const change of changes) this.objects.set(change.metadata.uid ?? '', change)
    for (const uid of removed) this.objects.delete(uid)
    const batch = { changed: new Set(changes.map(({ metadata }) => metadata.uid ?? '')), removed: new Set(removed) }
    for (const listener of [...this.listeners]) listener(batch)
  }
}

const byValue = (descending = false): View<TestObject> => ({ order: { key: ({ value }) => value ?? null, descending }, matches: () => true })
const model = (source: Source, view: View<TestObject>): TableModel<TestObject> => new TableModel(source as unknown as Collection<TestObject>, view)
const namesOf = (model: TableModel<TestObject>): string[] => model.rows.value.map((uid) => uid.replace('uid-', ''))

describe('a table model', () => {
  it('keeps order as things come, change and go', () => {
    const source = new Source()
    source.apply([object('ada', 3), object('bess', 1)])
    const rows = model(source, byValue())
    expect(namesOf(rows)).toEqual(['bess', 'ada'])
    source.apply([object('cleo', 2)])
    expect(namesOf(rows)).toEqual(['bess', 'cleo', 'ada'])
    source.apply([object('bess', 9)], ['uid-cleo'])
    expect(namesOf(rows)).toEqual(['ada', 'bess'])
    rows.show(byValue(true))
    expect(namesOf(rows)).toEqual(['bess', 'ada'])
  })

  it('says nothing when a change does not move anything', () => {
    const source = new Source()
    source.apply([object('ada', 1), object('bess', 5)])
    const rows = model(source, byValue())
    const before = rows.rows.value
    source.apply([object('ada', 2)])
    expect(rows.rows.value).toBe(before)
  })

  it('filters, also what changes', () => {
    const source = new Source()
    source.apply([object('ada', 1), object('bess', 5)])
    const rows = model(source, { ...byValue(), matches: ({ value }) => (value ?? 0) > 2 })
    expect(namesOf(rows)).toEqual(['bess'])
    source.apply([object('ada', 3), object('bess', 0)])
    expect(namesOf(rows)).toEqual(['ada'])
  })

  it('puts what has no key last, in both directions', () => {
    const source = new Source()
    source.apply([object('ada', 1), { ...object('bess'), value: undefined } as never, object('cleo', 2)])
    expect(namesOf(model(source, byValue()))).toEqual(['ada', 'cleo', 'bess'])
    expect(namesOf(model(source, byValue(true)))).toEqual(['cleo', 'ada', 'bess'])
  })

  it('gathers rows in groups, those without one last, and follows when one changes its group', () => {
    const source = new Source()
    source.apply([object('ada', 1), object('bess', 5), object('cleo', 2), object('dora', 0)])
    const group = ({ value = 0 }: TestObject): string => (value === 0 ? '' : value > 2 ? 'rack 10' : 'rack 9')
    const rows = model(source, { ...byValue(true), group })
    expect(namesOf(rows)).toEqual(['cleo', 'ada', 'bess', 'dora'])
    expect(rows.groups.value).toEqual([
      { value: 'rack 9', start: 0, count: 2 },
      { value: 'rack 10', start: 2, count: 1 },
      { value: '', start: 3, count: 1 },
    ])
    // The order stays as it was, its groups do not.
    source.apply([object('ada', 9)])
    expect(namesOf(rows)).toEqual(['cleo', 'ada', 'bess', 'dora'])
    expect(rows.groups.value.map(({ start }) => start)).toEqual([0, 1, 3])
    rows.show(byValue(true))
    expect(rows.groups.value).toEqual([])
  })

  it('ends where sorting everything anew ends, whatever came before', () => {
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 16807) % 2147483647
      return seed % below
    }
    const source = new Source()
    const view = { ...byValue(), matches: ({ value }: TestObject) => (value ?? 0) % 3 !== 0, group: ({ value }: TestObject) => ['', 'one', 'Two', 'two'][(value ?? 0) % 4] ?? '' }
    const rows = model(source, view)
    for (let round = 0; round < 200; round++) {
      const changes = Array.from({ length: random(6) }, () => object(`n${random(40)}`, random(20)))
      const names = new Set(changes.map(({ metadata }) => metadata.uid))
      const removed = Array.from({ length: random(3) }, () => `uid-n${random(40)}`).filter((uid) => !names.has(uid))
      source.apply(changes, removed)
      const anew = model(source, view)
      expect(rows.rows.value).toEqual(anew.rows.value)
      expect(rows.groups.value).toEqual(anew.groups.value)
      anew.dispose()
    }
  })
})

it('orders names as people do', () => {
  const names = ['vm-10', 'VM-2', 'vm-1', 'ähre', 'apfel', 'zaun']
  expect(names.toSorted((a, b) => (naturalKey(a) < naturalKey(b) ? -1 : 1))).toEqual(['ähre', 'apfel', 'vm-1', 'VM-2', 'vm-10', 'zaun'])
})

it('finds all words in any order', () => {
  expect(textFilter('  ')).toBeNull()
  const matches = textFilter('Barn vm')
  expect(matches?.('vm-1 barn')).toBe(true)
  expect(matches?.('vm-1 stable')).toBe(false)
})
