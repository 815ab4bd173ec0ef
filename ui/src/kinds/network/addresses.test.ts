import { expect, it } from 'vitest'

import { contains, parseAddress, parseBlock } from './addresses'

it.each([
  ['10.0.0.1', 0x0a000001],
  ['255.255.255.255', 0xffffffff],
  [' 192.168.1.10 ', 0xc0a8010a],
  ['256.0.0.1', undefined],
  ['10.0.0', undefined],
  ['10.0.0.x', undefined],
  ['', undefined],
])('parses %j', (text, value) => expect(parseAddress(text)).toBe(value))

it.each([
  ['10.0.0.0/24', { first: 0x0a000000, last: 0x0a0000ff, prefix: 24 }],
  ['10.0.0.77/24', { first: 0x0a000000, last: 0x0a0000ff, prefix: 24 }],
  ['0.0.0.0/0', { first: 0, last: 0xffffffff, prefix: 0 }],
  ['10.0.0.5/32', { first: 0x0a000005, last: 0x0a000005, prefix: 32 }],
  ['10.0.0.0/33', undefined],
  ['10.0.0.0', undefined],
  ['fd00::/64', undefined],
])('parses %j', (text, block) => expect(parseBlock(text)).toEqual(block))

it('knows what lies inside', () => {
  const block = { first: 10, last: 20, prefix: 0 }
  expect([9, 10, 20, 21].map((address) => contains(block, address))).toEqual([false, true, true, false])
})
