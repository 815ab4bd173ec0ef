/** The small parts: ages, quantities, states, settings, keys, columns. */
import { describe, expect, it } from 'vitest'

import { formatDuration } from './age'
import { carried, nearestField } from './forms'
import { nameProblem } from './forms/rules'
import { defineMessages, preferred } from './i18n'
import { activeKeys } from './keys'
import { compileJsonPath } from './kinds'
import { parseResourceId, resourceId, resourcePath } from './kubernetes'
import { preferences } from './preferences'
import { formatBytes, parseQuantity } from './quantity'
import { doubtOf } from './settings'
import { conditionTone, genericState } from './state'

it.each([
  [0, '0s'],
  [42_000, '42s'],
  [5 * 60_000, '5m'],
  [200 * 60_000, '3h 20m'],
  [(2 * 24 + 4) * 3_600_000, '2d 4h'],
  [31 * 86_400_000, '31d'],
  [377 * 86_400_000, '1y 12d'],
  [-5, '0s'],
])('an age of %i ms reads %s', (ms, text) => expect(formatDuration(ms)).toBe(text))

it.each([
  ['500m', 0.5],
  ['2Gi', 2 * 2 ** 30],
  ['1.5T', 1.5e12],
  ['1e3', 1000],
  ['12E', 12e18],
  [7, 7],
  ['', undefined],
  ['two', undefined],
  ['2 Gi B', undefined],
  [null, undefined],
])('the quantity %s is %s', (text, value) => expect(parseQuantity(text)).toBe(value))

it('writes bytes in binary units', () => {
  expect([0, 1023, 1024, 1.5 * 2 ** 30, 2 ** 71].map(formatBytes)).toEqual(['0 B', '1,023 B', '1 KiB', '1.5 GiB', '2,048 EiB'])
  expect(formatBytes(undefined)).toBe('')
})

it('knows addresses of every sort', () => {
  const machines = { group: 'kubevirt.io', version: 'v1', resource: 'virtualmachines' }
  expect(resourcePath({ group: '', version: 'v1', resource: 'nodes' }, { name: 'a' })).toBe('/api/v1/nodes/a')
  expect(resourcePath(machines, { namespace: 'n', name: 'x/../y', subresource: 'start' })).toBe('/apis/kubevirt.io/v1/namespaces/n/virtualmachines/x%2F..%2Fy/start')
  expect(parseResourceId(resourceId(machines))).toEqual({ group: 'kubevirt.io', resource: 'virtualmachines' })
  expect(parseResourceId('nodes')).toEqual({ group: '', resource: 'nodes' })
})

describe('a server URL', () => {
  it.each([
    ['https://grange.example.org', null],
    ['https://grange.example.org:8443/', null],
    ['https://127.0.0.1:8443', 'loopback'],
    ['https://localhost', 'loopback'],
    ['https://[::1]:8443', 'loopback'],
    ['https://192.168.1.4', null],
    ['https://[fd00::1]', null],
    ['https://0.0.0.0:8443', 'unspecified'],
    ['https://169.254.1.2', 'linkLocal'],
    ['https://[fe80::1]', 'linkLocal'],
    ['https://grange', 'singleLabel'],
    ['https://grange.local', 'multicastName'],
    ['http://grange.example.org', 'insecure'],
    ['https://grange.example.org/dashboard', 'path'],
    ['grange.example.org', 'invalid'],
    ['ftp://grange.example.org', 'invalid'],
    ['', 'invalid'],
  ])('%s is doubted as %s', (url, doubt) => expect(doubtOf(url)).toBe(doubt))
})

describe('states', () => {
  const withStatus = (status: object, more: object = {}): never => ({ metadata: { name: 'x', ...more }, status }) as never
  it.each([
    ['nothing said', withStatus({}), 'ok'],
    ['a phase', withStatus({ phase: 'Failed' }), 'problem'],
    ['an unknown phase', withStatus({ phase: 'Grazing' }), 'ok'],
    ['not ready', withStatus({ conditions: [{ type: 'Ready', status: 'False' }] }), 'attention'],
    ['on its way', withStatus({ conditions: [{ type: 'Ready', status: 'Unknown' }] }), 'working'],
    ['being deleted', withStatus({ phase: 'Active' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }), 'working'],
    ['a status of no shape', withStatus({ conditions: 'none', phase: { a: 1 } }), 'ok'],
  ])('of %s', (_, object, tone) => expect(genericState(object).tone).toBe(tone))

  it('tell bad news from good', () => {
    const tone = (type: string, status: string): string => conditionTone({ type, status })
    expect([tone('Ready', 'True'), tone('Ready', 'False'), tone('DiskPressure', 'True'), tone('DiskPressure', 'False'), tone('LiveMigratable', 'False')]).toEqual(['ok', 'problem', 'problem', 'ok', 'off'])
  })
})

it('reads what printer columns read', () => {
  const object = { spec: { a: { b: 'x' }, list: [{ n: 1 }, { n: 2 }], 'with.dot': 3 }, status: { conditions: [{ type: 'Ready', status: 'True' }] } }
  const read = (path: string): unknown => compileJsonPath(path)(object)
  expect(read('.spec.a.b')).toBe('x')
  expect(read('.spec.list[1].n')).toBe(2)
  expect(read('.spec.list[*].n')).toBe('1, 2')
  expect(read('.spec.with\\.dot')).toBe(3)
  expect(read('.status.conditions[?(@.type=="Ready")].status')).toBe('True')
  expect(read('.spec.missing[0].x')).toBeUndefined()
  expect(read('.spec.a')).toBe('{"b":"x"}')
})

it('puts an error at the nearest field there is', () => {
  const fields = new Set(['metadata.name', 'spec.disks', 'spec'])
  expect(nearestField(fields, 'metadata.name')).toBe('metadata.name')
  expect(nearestField(fields, 'spec.disks[0].name')).toBe('spec.disks')
  expect(nearestField(fields, 'spec.cpu')).toBe('spec')
  expect(nearestField(fields, 'status.x')).toBeUndefined()
})

it.each([
  ['paddock', null],
  ['paddock-2', null],
  ['', 'required'],
  ['Paddock', 'bad'],
  ['-paddock', 'bad'],
  ['x'.repeat(64), 'long'],
])('the name %s', (name, problem) => expect(nameProblem(name) === null).toBe(problem === null))

describe('messages', () => {
  const m = defineMessages({
    en: { hello: 'Hello', horses: (n: number) => `${n} horses`, part: { deep: 'deep' } },
    de: { hello: 'Hallo', horses: (n) => `${n} Pferde`, part: { deep: 'tief' } },
    'zh-Hans': { hello: '你好', horses: (n) => `${n} 匹马`, part: { deep: '深' } },
  })
  it('are in the language of the moment, also where a part was kept', () => {
    const kept = m.part
    preferences.locale = 'de'
    expect([m.hello, m.horses(2), kept.deep]).toEqual(['Hallo', '2 Pferde', 'tief'])
    preferences.locale = 'zh-Hans'
    expect([m.hello, kept.deep, Object.entries(m.part)]).toEqual(['你好', '深', [['deep', '深']]])
    preferences.locale = null
  })
  it('go by the first language of the browser that we have', () => {
    expect([preferred(['fr', 'de-CH']), preferred(['zh-CN']), preferred(['dev']), preferred([])]).toEqual(['de', 'zh-Hans', 'en', 'en'])
  })
})

describe('keys', () => {
  const press = (key: string, more: KeyboardEventInit = {}, target: Element = document.body): void => {
    target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...more }))
  }
  it('run alone, in sequence and with a modifier; not while somebody types', async () => {
    const { createApp, h } = await import('vue')
    const { useKeys } = await import('./keys')
    const runs: string[] = []
    const key = (keys: string, more: object = {}): object => ({ keys, label: () => keys, group: () => 'test', run: () => runs.push(keys), ...more })
    const app = createApp({
      setup() {
        useKeys([key('j'), key('g h'), key('Mod+k', { whileTyping: true })] as never)
        return () => h('input')
      },
    })
    const host = document.body.appendChild(document.createElement('div'))
    app.mount(host)
    press('j')
    press('g')
    press('h')
    press('k', { ctrlKey: true })
    const input = host.querySelector('input') as HTMLInputElement
    press('j', {}, input)
    press('k', { ctrlKey: true }, input)
    expect(runs).toEqual(['j', 'g h', 'Mod+k', 'Mod+k'])
    expect(activeKeys.value.map(({ keys }) => keys)).toContain('g h')
    app.unmount()
    press('j')
    expect(runs.length).toBe(4)
  })
})

it('what a form fills in by itself is carried over to where it began, and what was typed is not', () => {
  const start = { meta: { name: '', namespace: '' }, rows: [1] }
  const typed = { meta: { name: 'mare', namespace: '' }, rows: [1, 2] }
  const filled = { meta: { name: 'mare', namespace: 'default' }, rows: [1, 2] }
  expect(carried(start, typed, filled)).toEqual({ meta: { name: '', namespace: 'default' }, rows: [1] })
  expect(carried(start, typed, { ...typed, rows: [3] })).toEqual({ meta: { name: '', namespace: '' }, rows: [3] })
})
