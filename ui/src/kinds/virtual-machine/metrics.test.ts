import { describe, expect, it } from 'vitest'

import { usageOf } from './metrics'

const pod = (timestamp: string, containers: object[]): never => ({ metadata: { name: 'virt-launcher-vm' }, timestamp, containers }) as never
const compute = { name: 'compute', usage: { cpu: '1250m', memory: '2Gi' } }

describe('what a machine takes', () => {
  it('is what its own container takes', () =>
    expect(usageOf([pod('2026-01-01T00:00:00Z', [{ name: 'guest-console-log', usage: { cpu: '1m', memory: '3Mi' } }, compute])])).toEqual({ cores: 1.25, memory: 2 * 2 ** 30, at: '2026-01-01T00:00:00Z' }))
  it('is the latest there is', () =>
    expect(usageOf([pod('2026-01-01T00:00:00Z', [compute]), pod('2026-01-01T00:01:00Z', [{ ...compute, usage: { cpu: '3', memory: '1Gi' } }])])).toMatchObject({ cores: 3, at: '2026-01-01T00:01:00Z' }))
  it.each([['no Pod', []], ['a Pod that says nothing', [pod('', [])]], ['odd figures', [pod('', [{ name: 'compute', usage: { cpu: 'much' } }])]]])('is not known of %s', (_, pods) => expect(usageOf(pods)).toBeUndefined())
})
