import { describe, expect, it } from 'vitest'

import { isRecord } from '@/core/same'

import { mergePatch } from './merge-patch'

/** What a server does with a merge patch (RFC 7386). */
function apply(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = apply(result[key], value)
  }
  return result
}

const CASES: [what: string, before: unknown, after: unknown, patch: unknown][] = [
  ['nothing', { a: 1, b: { c: [1] } }, { a: 1, b: { c: [1] } }, undefined],
  ['a value', { a: 1, b: 2 }, { a: 3, b: 2 }, { a: 3 }],
  ['something new', { a: {} }, { a: { b: { c: 1 } } }, { a: { b: { c: 1 } } }],
  ['something gone', { a: { b: 1, c: 2 } }, { a: { c: 2 } }, { a: { b: null } }],
  ['something undefined', { a: 1 }, { a: undefined }, { a: null }],
  ['a list', { a: [1, 2] }, { a: [2] }, { a: [2] }],
  ['a list for an object', { a: { b: 1 } }, { a: [1] }, { a: [1] }],
  ['a key with dots', { l: { 'a.b/c': 'x' } }, { l: { 'a.b/c': 'y' } }, { l: { 'a.b/c': 'y' } }],
]

describe('mergePatch', () => {
  it.each(CASES)('says only what changed: %s', (_, before, after, patch) => {
    expect(mergePatch(before, after)).toEqual(patch)
  })

  it.each(CASES)('makes the one of the other: %s', (_, before, after) => {
    const patch = mergePatch(before, after)
    expect(patch === undefined ? before : apply(before, patch)).toEqual(JSON.parse(JSON.stringify(after)))
  })
})
