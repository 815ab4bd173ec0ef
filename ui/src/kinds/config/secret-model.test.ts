import { describe, expect, it } from 'vitest'

import { blankEntries, bytesOf, dataFor, decode, encode, entriesOf, entryProblem, keysOf, type Secret } from './secret-model'

it.each(['', 'plain', 'Grüße, 世界 🌾', '<script>alert(1)</script>', '-----BEGIN KEY-----\nabc\n'])('%j survives', (text) => {
  expect(decode(encode(text))).toBe(text)
  expect(bytesOf(encode(text))).toBe(new TextEncoder().encode(text).length)
})

it.each([
  ['/w==', undefined],
  ['not base64!', undefined],
  [42, undefined],
  ['aGk=', 'hi'],
])('decodes %j', (value, text) => expect(decode(value)).toBe(text))

describe('editing', () => {
  const secret: Secret = { metadata: { name: 's' }, data: { b: encode('two'), a: '/w==' } }

  it('shows no values', () => expect(entriesOf(secret, 'Opaque').map(({ key, value }) => [key, value])).toEqual([['a', ''], ['b', '']]))
  it('keeps what is not typed anew, bytes too', () => expect(dataFor(entriesOf(secret, 'Opaque'))).toEqual(secret.data))
  it('changes, adds and removes', () => {
    const [a, b] = entriesOf(secret, 'Opaque')
    expect(dataFor([{ ...a, value: 'one' } as never, { key: ' c ', value: 'three', kept: null }, { key: '', value: 'lost', kept: null }])).toEqual({ a: encode('one'), c: encode('three') })
    expect(b?.key).toBe('b')
  })
})

it.each([
  ['Opaque', ['']],
  ['kubernetes.io/tls', ['tls.crt', 'tls.key']],
])('%s begins with %j', (type, keys) => expect(blankEntries(type).map(({ key }) => key)).toEqual(keys))

it.each([
  [['a', 'b'], 1, null],
  [['a', 'a'], 1, 'same'],
  [['a', 'a'], 0, null],
  [[''], 0, 'required'],
  [['a b'], 0, 'key'],
  [['.dockerconfigjson'], 0, null],
])('keys %j at %d: %j', (keys, index, problem) => expect(entryProblem(keys.map((key) => ({ key, value: '', kept: null })), index)).toBe(problem))

it.each([
  [null, []],
  ['x', []],
  [{ b: '', a: '' }, ['a', 'b']],
])('keys of %j', (data, keys) => expect(keysOf({ metadata: { name: 's' }, data: data as never })).toEqual(keys))
