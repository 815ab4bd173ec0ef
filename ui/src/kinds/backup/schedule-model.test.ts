import { describe, expect, it } from 'vitest'

import { isCount, isCron, isHourlyAtMost, isSuspended, scheduleFor, scheduleModel, type Schedule } from './schedule-model'

it.each([
  ['0 2 * * *', true],
  ['*/5 0-6,12 1,15 * 1-5', true],
  ['@daily', true],
  ['0 2 * *', false],
  ['60 2 * * *', false],
  ['0 24 * * *', false],
  ['0 2 0 * *', false],
  ['0 5-2 * * *', false],
  ['0 */0 * * *', false],
  ['soon', false],
  ['', false],
])('%j as cron: %j', (text, is) => expect(isCron(text)).toBe(is))

it.each([
  ['0 * * * *', true],
  ['30 2 * * *', true],
  ['@hourly', true],
  ['* * * * *', false],
  ['*/30 * * * *', false],
  ['0,30 * * * *', false],
])('%j at most hourly: %j', (text, is) => expect(isHourlyAtMost(text)).toBe(is))

it.each([
  ['2', true],
  ['250', true],
  ['1', false],
  ['251', false],
  ['x', false],
])('%j copies kept: %j', (text, is) => expect(isCount(text, 2, 250)).toBe(is))

it.each([
  [{}, {}, false],
  [{ suspend: true }, {}, true],
  [{}, { suspended: true }, true],
])('suspended %j %j: %j', (spec, status, is) => expect(isSuspended({ metadata: { name: 's' }, spec, status })).toBe(is))

describe('the form', () => {
  it('begins with values that work', () => {
    expect(scheduleFor(scheduleModel(undefined, 'web01'), 'demo')).toEqual({
      metadata: { name: 'svmsnapshot-web01', namespace: 'demo' },
      spec: { cron: '0 2 * * *', retain: 8, maxFailure: 4, vmbackup: { type: 'snapshot', source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'web01' } } },
    })
  })
  it('keeps what cannot change', () => {
    const before: Schedule = { metadata: { name: 's', namespace: 'demo', uid: 'u' }, spec: { cron: '0 1 * * *', suspend: true, vmbackup: { type: 'backup', source: { name: 'a' } } } }
    const after = scheduleFor({ ...scheduleModel(before), cron: '0 3 * * *', machine: 'other' }, 'x', before)
    expect(after).toMatchObject({ metadata: before.metadata, spec: { cron: '0 3 * * *', suspend: true, vmbackup: before.spec?.vmbackup } })
  })
})
