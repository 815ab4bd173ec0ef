import { describe, expect, it } from 'vitest'

import { isAmount, limitsOf, quotaFor, snapshotQuotaText, usageOf, type ResourceQuota } from './quota'

const namespace = (quota?: string): { metadata: { name: string; annotations: Record<string, string> } } => ({
  metadata: { name: 'n', annotations: quota === undefined ? {} : { 'field.cattle.io/resourceQuota': quota } },
})

const quota = (hard: Record<string, string>, used: Record<string, string>): ResourceQuota => ({ metadata: { name: 'q' }, status: { hard, used } })

it.each([
  ['{"limit":{"limitsCpu":"3000m","limitsMemory":"4000Mi"}}', { limitsCpu: '3000m', limitsMemory: '4000Mi' }],
  ['{"limit":{"limitsCpu":7,"x":""}}', {}],
  ['{"limit":null}', {}],
  ['nonsense', {}],
  [undefined, {}],
])('reads %j', (text, limits) => expect(limitsOf(namespace(text))).toEqual(limits))

describe('quotaFor', () => {
  it.each([
    ['a first limit', undefined, { limitsCpu: '2' }, { limit: { limitsCpu: '2' } }],
    ['another one', '{"limit":{"limitsCpu":"2"}}', { limitsCpu: '2', limitsMemory: '1Gi' }, { limit: { limitsCpu: '2', limitsMemory: '1Gi' } }],
    ['one goes, what has no field stays', '{"limit":{"limitsCpu":"2","configMaps":"5"},"usedLimit":{}}', { limitsCpu: '' }, { limit: { configMaps: '5' }, usedLimit: {} }],
  ])('%s', (_, before, limits, after) => expect(JSON.parse(quotaFor(limits, namespace(before)) ?? '')).toEqual(after))
  it('takes an empty one away', () => expect(quotaFor({ limitsCpu: '' }, namespace('{"limit":{"limitsCpu":"2"}}'))).toBeUndefined())
})

it('shows the tightest limit and what is used of it', () => {
  const quotas = [quota({ 'limits.cpu': '4', pods: '10' }, { 'limits.cpu': '1500m', pods: '3' }), quota({ 'limits.cpu': '2', 'limits.memory': 'x' }, {}), { metadata: { name: 'empty' } }]
  expect(usageOf(quotas)).toEqual([
    { key: 'limits.cpu', hard: 2, used: 0, unit: 'cores' },
    { key: 'pods', hard: 10, used: 3, unit: 'count' },
  ])
})

it.each([
  ['', true],
  ['2', true],
  ['1500m', true],
  ['4Gi', true],
  ['-1', false],
  ['four', false],
])('%j as an amount: %j', (text, is) => expect(isAmount(text)).toBe(is))

it.each([
  [10 * 2 ** 30, '10Gi'],
  [1500, '1500'],
  [0, ''],
])('%j bytes of snapshots are %j', (bytes, text) =>
  expect(snapshotQuotaText({ metadata: { name: 'q' }, spec: { snapshotLimit: { namespaceTotalSnapshotSizeQuota: bytes } } })).toBe(text))
