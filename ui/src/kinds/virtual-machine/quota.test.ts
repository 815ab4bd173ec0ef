import { describe, expect, it } from 'vitest'

import type { SnapshotQuota } from '../namespace/quota'
import { limitedMachines, limitOf, newQuota, quotaOf, quotaPatch } from './quota'

const GIB = 2 ** 30
const quota: SnapshotQuota = {
  metadata: { name: 'default-resource-quota', namespace: 'demo' },
  spec: { snapshotLimit: { namespaceTotalSnapshotSizeQuota: 40 * GIB, vmTotalSnapshotSizeQuota: { web01: 10 * GIB, db: 0 } } },
  status: { snapshotLimitStatus: { vmTotalSnapshotSizeUsage: { web01: 3 * GIB } } },
}

describe('the quota of a machine', () => {
  it.each([
    ['web01', { limit: 10 * GIB, used: 3 * GIB }],
    ['db', { limit: undefined, used: 0 }],
    ['new', { limit: undefined, used: 0 }],
  ])('of %s', (name, expected) => expect(quotaOf(quota, name)).toEqual(expected))
  it('is none where its namespace has none', () => expect(quotaOf(undefined, 'web01')).toEqual({ limit: undefined, used: 0 }))
  it('counts only where it limits', () => expect(limitedMachines(quota)).toEqual(['web01']))

  it.each([
    ['', null],
    ['10', 10 * GIB],
    ['0.5', GIB / 2],
    ['0', undefined],
    ['-1', undefined],
    ['much', undefined],
  ])('typed as "%s"', (text, bytes) => expect(limitOf(text)).toBe(bytes))

  it('changes one entry', () => expect(quotaPatch('web01', GIB)).toEqual({ spec: { snapshotLimit: { vmTotalSnapshotSizeQuota: { web01: GIB } } } }))
  it('is taken away', () => expect(quotaPatch('web01', null)).toEqual({ spec: { snapshotLimit: { vmTotalSnapshotSizeQuota: { web01: null } } } }))
  it('makes the quota of its namespace', () =>
    expect(newQuota('demo', 'web01', GIB)).toEqual({
      apiVersion: 'harvesterhci.io/v1beta1',
      kind: 'ResourceQuota',
      metadata: { name: 'default-resource-quota', namespace: 'demo' },
      spec: { snapshotLimit: { vmTotalSnapshotSizeQuota: { web01: GIB } } },
    }))
})
