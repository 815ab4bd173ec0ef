import { describe, expect, it } from 'vitest'

import { isAtLeast } from './version'

describe('a release of Harvester', () => {
  it.each([
    ['v1.6.1', '1.7', false],
    ['v1.7.0', '1.7', true],
    ['v1.10.0-rc1', '1.8', true],
    ['v2.0.0', '1.8', true],
    ['v0.9.9', '1.8', false],
    ['master-3d63c2af-head', '1.8', true],
  ])('%s is at least %s: %s', (version, least, expected) => expect(isAtLeast(version, least)).toBe(expected))
})
