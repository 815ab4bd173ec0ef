import { describe, expect, it } from 'vitest'

import { withoutEmpty } from './empty'

describe('withoutEmpty', () => {
  it.each([
    ['keeps what says something', { a: 0, b: false, c: 'x', d: [1] }, { a: 0, b: false, c: 'x', d: [1] }],
    ['drops what does not', { a: '', b: [], c: {}, d: { e: { f: '' } }, g: null }, {}],
    ['leaves lists alone', { a: [{ b: '' }] }, { a: [{ b: '' }] }],
  ])('%s', (_, value, result) => expect(withoutEmpty(value)).toEqual(result))
})
