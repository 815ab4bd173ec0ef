import { effectScope, nextTick, type EffectScope } from 'vue'
import { afterEach, describe, expect, it, vi } from 'vitest'

import { FakeCollection, object, serve, until, type TestObject } from '@/test/cluster'

import type { KubeObject } from '../kubernetes'
import { forgetAll } from '../resources'
import { management } from '../scope'
import { useJoins, type Joins } from './joins'
import type { Kind } from './types'

const owner = vi.fn(({ metadata }: KubeObject) => `barn/${metadata.labels?.['of']}`)
const kind = {
  group: 'test.example.org',
  version: 'v1',
  resource: 'horses',
  kind: 'Horse',
  namespaced: true,
  title: () => '',
  singular: () => '',
  joins: { saddles: { query: ({ scope, namespace }) => ({ scope, gvr: { group: 'test.example.org', version: 'v1', resource: 'saddles' }, namespace }), owner } },
} satisfies Kind

const saddle = (name: string, of: string): TestObject => object(name, 0, { labels: { of } })
const ada = object('ada')

/** A page with the horses' list. */
function open(): { joins: Joins; close: () => void; saddles: () => string[] } {
  const page: EffectScope = effectScope(true)
  const joins = page.run(() => useJoins(kind, management, 'barn')) as Joins
  return { joins, close: () => page.stop(), saddles: () => joins.context.value.joined('saddles', ada).map(({ metadata }) => metadata.name) }
}

afterEach(() => {
  forgetAll()
  vi.unstubAllGlobals()
  owner.mockClear()
})

describe('joins', () => {
  it('finds the objects of a row, and tells the rows that win or lose one', async () => {
    const collection = new FakeCollection()
    collection.objects = [saddle('red', 'ada'), saddle('blue', 'bess')]
    serve(collection.handler)
    const page = open()
    await until(() => page.saddles().includes('red'))
    const told: string[][] = []
    page.joins.sources.value[0]?.onRows((rows) => told.push([...rows].sort()))
    await until(() => collection.watching === 1)
    collection.emit({ type: 'MODIFIED', object: saddle('blue', 'ada') })
    await until(() => page.saddles().length === 2)
    expect(told).toEqual([['barn/ada', 'barn/bess']])
    page.close()
  })

  it('is made once for a page that is opened again', async () => {
    const collection = new FakeCollection()
    collection.objects = [saddle('red', 'ada')]
    serve(collection.handler)
    const first = open()
    await until(() => first.saddles().length === 1)
    first.close()
    await nextTick()
    const asked = owner.mock.calls.length
    const second = open()
    expect(second.saddles()).toEqual(['red'])
    expect(owner.mock.calls.length).toBe(asked)
    // Nobody was there to see it, and it is known all the same.
    second.close()
    await until(() => collection.watching === 1)
    collection.emit({ type: 'MODIFIED', object: saddle('red', 'bess') })
    await until(() => owner.mock.calls.length > asked)
    const third = open()
    expect(third.saddles()).toEqual([])
    third.close()
  })
})
