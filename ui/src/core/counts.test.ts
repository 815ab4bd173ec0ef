import { describe, expect, it } from 'vitest'
import { watchEffect } from 'vue'

import { FakeCollection, object, serve, until, type TestObject } from '@/test/cluster'

import { countOf } from './counts'
import type { KubeObject } from './kubernetes'
import { acquire, release } from './resources'
import { management, type Scope } from './scope'

const horses = { group: 'farm.example', version: 'v1', resource: 'horses' }
const isPony = (horse: KubeObject): boolean => (horse as TestObject).value === 1
const withoutPonies = { ...horses, isInternal: isPony }
const ponies = { ...horses, view: 'ponies', isInternal: (horse: KubeObject) => !isPony(horse) }
const stable = (): FakeCollection => {
  const server = new FakeCollection()
  server.objects = [object('ada', 1), object('bess'), object('cleo')]
  return server
}

describe('a count', () => {
  it('is what the server says remains, or what the list would show', async () => {
    const server = stable()
    const { requests } = serve((url, init) => {
      server.pageSize = Number(url.searchParams.get('limit') ?? Infinity)
      return server.handler(url, init)
    })
    const [one, two] = ['one', 'two'].map((id) => ({ ...management, id })) as [Scope, Scope]
    const numbers = (): (number | undefined)[] => [countOf(one, horses), countOf(two, withoutPonies), countOf(two, ponies)]
    await until(() => numbers().every((number) => number !== undefined))
    expect(numbers()).toEqual([3, 2, 1])
    expect(requests.every(({ url }) => Number(url.searchParams.get('limit')) <= 100)).toBe(true)
  })

  it('follows the list that is open, and tells only when it is another one', async () => {
    const server = stable()
    serve(server.handler)
    const query = { scope: management, gvr: horses }
    const collection = acquire<TestObject>(query)
    await until(() => collection.isComplete.value && server.watching === 1)
    const seen: (number | undefined)[] = []
    const stop = watchEffect(() => void seen.push(countOf(management, withoutPonies)), { flush: 'sync' })
    expect(countOf(management, ponies)).toBe(1)
    server.emit({ type: 'MODIFIED', object: object('bess', 7) })
    await until(() => collection.objects.get('uid-bess')?.value === 7)
    server.emit({ type: 'MODIFIED', object: object('cleo', 1) })
    await until(() => collection.objects.get('uid-cleo')?.value === 1)
    expect(seen).toEqual([2, 1])
    expect(countOf(management, ponies)).toBe(2)
    stop()
    release(query)
  })
})
