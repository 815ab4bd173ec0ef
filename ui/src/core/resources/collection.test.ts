import { afterEach, describe, expect, it, vi } from 'vitest'
import { watchEffect } from 'vue'

import { FakeCollection, object, refusal, serve, until, type TestObject } from '@/test/cluster'

import { management } from '../scope'
import { Collection, MAX_OBJECTS } from './collection'

const query = { scope: management, gvr: { group: 'farm.example', version: 'v1', resource: 'horses' } }
let open: Collection<TestObject>[] = []

function start(): Collection<TestObject> {
  const collection = new Collection<TestObject>(query)
  open.push(collection)
  collection.start()
  return collection
}
const names = (collection: Collection<TestObject>): string[] => [...collection.objects.values()].map(({ metadata }) => metadata.name).sort()

afterEach(() => {
  for (const collection of open) collection.stop()
  open = []
})

describe('a live collection', () => {
  it('lists, then follows what changes', async () => {
    const server = new FakeCollection()
    server.objects = [object('ada'), object('bess')]
    serve(server.handler)
    const collection = start()
    await until(() => collection.phase.value === 'live' && server.watching === 1)
    expect(names(collection)).toEqual(['ada', 'bess'])
    expect(collection.named('barn/bess')?.metadata.uid).toBe('uid-bess')
    server.emit({ type: 'ADDED', object: object('cleo') }, { type: 'MODIFIED', object: object('ada', 7) }, { type: 'DELETED', object: object('bess') })
    await until(() => collection.objects.get('uid-ada')?.value === 7)
    expect(names(collection)).toEqual(['ada', 'cleo'])
    expect(collection.named('barn/bess')).toBeUndefined()
  })

  it('shows the first page while the others load', async () => {
    const server = new FakeCollection()
    server.objects = ['ada', 'bess', 'cleo', 'dora', 'elsa'].map((name) => object(name))
    server.pageSize = 2
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    serve(async (url, init) => {
      if (url.searchParams.get('continue')) await gate
      return server.handler(url, init)
    })
    const collection = start()
    await until(() => collection.objects.size === 2)
    expect(collection.isComplete.value).toBe(false)
    release()
    await until(() => collection.isComplete.value)
    expect(collection.objects.size).toBe(5)
  })

  it('applies a storm of updates as the last state of each, without touching other rows', async () => {
    const server = new FakeCollection()
    server.objects = [object('ada'), object('bess')]
    serve(server.handler)
    const collection = start()
    await until(() => server.watching === 1)
    const renders: number[] = []
    let others = 0
    const stop = [
      watchEffect(() => renders.push(collection.objects.get('uid-ada')?.value ?? -1), { flush: 'sync' }),
      watchEffect(
        () => {
          collection.objects.get('uid-bess')
          others += 1
        },
        { flush: 'sync' },
      ),
    ]
    const batches: number[] = []
    collection.onBatch(({ changed }) => batches.push(changed.size))
    server.emit(...Array.from({ length: 500 }, (_, index) => ({ type: 'MODIFIED', object: object('ada', index + 1) })))
    await until(() => collection.objects.get('uid-ada')?.value === 500)
    expect(renders.length).toBeLessThan(20)
    expect(batches.every((size) => size === 1)).toBe(true)
    expect(others).toBe(1)
    for (const each of stop) each()
  })

  it('lists anew when its version has expired, and drops what went meanwhile', async () => {
    const server = new FakeCollection()
    server.objects = [object('ada'), object('bess')]
    serve(server.handler)
    const collection = start()
    await until(() => server.watching === 1)
    server.objects = [object('bess'), object('cleo')]
    server.revision = 9
    server.emit({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } })
    await until(() => names(collection).join() === 'bess,cleo')
    expect(server.lists).toBe(2)
    await until(() => server.watched.at(-1) === '9')
  })

  it('keeps its data with its age while it is away, and comes back from where it was', async () => {
    const server = new FakeCollection()
    server.objects = [object('ada')]
    serve(server.handler)
    const collection = start()
    await until(() => server.watching === 1)
    server.emit({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '42' } } })
    await until(() => collection.phase.value === 'live')
    server.failures = [refusal(503, 'ServiceUnavailable', 'its agent is away')]
    server.cut()
    await until(() => collection.phase.value === 'away')
    expect(names(collection)).toEqual(['ada'])
    expect(collection.freshAt.value).toBeGreaterThan(0)
    collection.retry()
    await until(() => {
      collection.retry()
      return collection.phase.value === 'live' && server.watching === 1
    })
    expect(server.lists).toBe(1)
    expect(server.watched.at(-1)).toBe('42')
  })

  it('says what may not be read, and shows none of it any more', async () => {
    const server = new FakeCollection()
    server.objects = [object('ada')]
    serve(server.handler)
    const collection = start()
    await until(() => server.watching === 1)
    server.failures = [refusal(403, 'Forbidden', 'no longer yours')]
    server.cut()
    await until(() => {
      collection.retry()
      return collection.phase.value === 'refused'
    })
    expect(collection.objects.size).toBe(0)
    expect(collection.error.value).toMatchObject({ code: 403, message: 'no longer yours' })
  })

  it('counts what it does not hold', async () => {
    const server = new FakeCollection()
    server.objects = Array.from({ length: MAX_OBJECTS + 5 }, (_, at) => object(`horse-${at}`))
    serve(server.handler)
    const collection = start()
    await until(() => server.watching === 1)
    expect(collection.objects.size).toBe(MAX_OBJECTS)
    expect(collection.beyond.value).toBe(5)
    const last = `horse-${MAX_OBJECTS + 1}`
    server.emit(...Array.from({ length: 3 }, (_, at) => ({ type: 'MODIFIED', object: object(last, at) })), { type: 'ADDED', object: object('new') })
    await until(() => collection.beyond.value === 6)
    server.emit({ type: 'DELETED', object: object(last) }, { type: 'MODIFIED', object: object('horse-0', 9) })
    await until(() => collection.objects.get('uid-horse-0')?.value === 9)
    expect(collection.beyond.value).toBe(5)
    expect(collection.objects.size).toBe(MAX_OBJECTS)
  })

  it('is not broken by objects of no shape', async () => {
    const server = new FakeCollection()
    server.objects = [object('ada'), null, {}, { metadata: null }] as never
    serve(server.handler)
    const collection = start()
    await until(() => server.watching === 1)
    server.emit({ type: 'ADDED', object: null }, { type: 'ADDED', object: { metadata: 'x' } }, { type: 'ADDED', object: object('bess') })
    await until(() => names(collection).includes('bess'))
    expect(names(collection)).toEqual(['ada', 'bess'])
  })

  it('takes what a write answered before the watch says the same, and nothing older', async () => {
    const server = new FakeCollection()
    server.objects = [object('ada', 1, { resourceVersion: '5' })]
    serve(server.handler)
    const collection = start()
    await until(() => server.watching === 1)
    collection.accept(object('ada', 2, { resourceVersion: '6' }))
    await until(() => collection.objects.get('uid-ada')?.value === 2)
    collection.accept(object('ada', 1, { resourceVersion: '4' }))
    server.emit({ type: 'ADDED', object: object('bess') })
    await until(() => collection.objects.has('uid-bess'))
    expect(collection.objects.get('uid-ada')?.value).toBe(2)
  })

  it('takes no answer of a write over what the watch said before the next frame', async () => {
    const server = new FakeCollection()
    server.objects = [object('ada', 1, { resourceVersion: '5' }), object('bess', 1, { resourceVersion: '5' })]
    serve(server.handler)
    const collection = start()
    await until(() => server.watching === 1 && collection.phase.value === 'live')
    const frames: FrameRequestCallback[] = []
    vi.stubGlobal('requestAnimationFrame', (frame: FrameRequestCallback) => frames.push(frame))
    server.emit({ type: 'MODIFIED', object: object('ada', 3, { resourceVersion: '7' }) }, { type: 'DELETED', object: object('bess', 1, { resourceVersion: '8' }) })
    await until(() => frames.length === 1)
    collection.accept(object('ada', 2, { resourceVersion: '6' }))
    collection.accept(object('bess', 2, { resourceVersion: '6' }))
    frames[0]?.(0)
    expect(collection.objects.get('uid-ada')?.value).toBe(3)
    expect(names(collection)).toEqual(['ada'])
  })

  it('drops managedFields, which no page reads', async () => {
    const server = new FakeCollection()
    server.objects = [object('ada', 0, { managedFields: [{ manager: 'x' }] } as never)]
    serve(server.handler)
    const collection = start()
    await until(() => collection.objects.size === 1)
    expect(collection.objects.get('uid-ada')?.metadata).not.toHaveProperty('managedFields')
  })

  it('ends its watch when it is stopped', async () => {
    const server = new FakeCollection()
    serve(server.handler)
    const collection = start()
    await until(() => server.watching === 1)
    collection.stop()
    await until(() => server.watching === 0)
  })
})
