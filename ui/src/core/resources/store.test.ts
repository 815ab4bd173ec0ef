import { afterEach, expect, it } from 'vitest'
import { effectScope, shallowRef } from 'vue'

import { FakeCollection, json, object, refusal, serve, until, type TestObject } from '@/test/cluster'

import { management } from '../scope'
import { oneOf, type Query } from './query'
import { forgetAll } from './store'
import { untilGone } from './until-gone'
import { useList, useObject } from './use'

const gvr = { group: 'farm.example', version: 'v1', resource: 'horses' }
const all: Query = { scope: management, gvr }
afterEach(forgetAll)

it('shares one list and one watch between everybody who looks', async () => {
  const server = new FakeCollection()
  server.objects = [object('ada')]
  serve(server.handler)
  const scope = effectScope()
  const [first, second] = scope.run(() => [useList(all), useList(() => ({ ...all }))]) ?? []
  await until(() => first?.items.value.length === 1)
  expect(second?.collection.value).toBe(first?.collection.value)
  await until(() => server.watching === 1)
  expect(server.lists).toBe(1)
  scope.stop()
})

it('switches when the query does', async () => {
  const server = new FakeCollection()
  const { requests } = serve(server.handler)
  const namespace = shallowRef<string | undefined>()
  const scope = effectScope()
  const list = scope.run(() => useList(() => ({ ...all, namespace: namespace.value })))
  await until(() => server.watching === 1)
  const before = list?.collection.value
  namespace.value = 'barn'
  await until(() => server.watching === 2)
  expect(list?.collection.value).not.toBe(before)
  expect(requests.at(-1)?.url.pathname).toBe('/apis/farm.example/v1/namespaces/barn/horses')
  scope.stop()
})

it('knows that an object is not there', async () => {
  const server = new FakeCollection()
  serve(server.handler)
  const scope = effectScope()
  const found = scope.run(() => useObject(oneOf(management, gvr, 'ada', 'barn')))
  expect(found?.phase.value).toBe('loading')
  await until(() => found?.phase.value === 'gone')
  scope.stop()
})

it('reads an object that may be got but not listed', async () => {
  serve((url) => (url.pathname.endsWith('/horses/ada') ? json(object('ada', 3)) : refusal(403, 'Forbidden')))
  const scope = effectScope()
  const found = scope.run(() => useObject<TestObject>(oneOf(management, gvr, 'ada', 'barn')))
  await until(() => found?.object.value?.value === 3)
  expect(found?.phase.value).toBe('live')
  scope.stop()
})

it('follows an object to its end and sees its last words', async () => {
  const server = new FakeCollection()
  server.objects = [object('ada', 1)]
  serve(server.handler)
  const seen: (number | undefined)[] = []
  let hasBegun = false
  const end = untilGone<ReturnType<typeof object>>(
    oneOf(management, gvr, 'ada', 'barn'),
    () => {
      hasBegun = true
      return Promise.resolve()
    },
    ({ value }) => seen.push(value),
    new AbortController().signal,
  )
  await until(() => hasBegun && server.watching === 1)
  server.emit({ type: 'MODIFIED', object: object('ada', 2) }, { type: 'DELETED', object: object('ada', 3) })
  await end
  expect(seen).toEqual([1, 2, 3])
})

it('does not follow what could not be begun', async () => {
  const server = new FakeCollection()
  server.objects = [object('ada')]
  serve(server.handler)
  const end = untilGone(
    oneOf(management, gvr, 'ada', 'barn'),
    () => Promise.reject(new Error('may not')),
    () => {},
    new AbortController().signal,
  )
  await expect(end).rejects.toThrow('may not')
})
