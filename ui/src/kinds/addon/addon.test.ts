import { describe, expect, it } from 'vitest'

import { missingValues, phaseOf, type Addon } from './addon-model'
import { readValue, writeValue, yamlProblem } from './values'

const addon = (enabled: boolean, status = '', conditions: object[] = [], name = 'a', valuesContent = ''): Addon =>
  ({ metadata: { name }, spec: { enabled, valuesContent }, status: { status, conditions } }) as Addon

it.each([
  ['off', addon(false), 'disabled'],
  ['off, as the controller says', addon(false, 'AddonDisabled'), 'disabled'],
  ['just switched on', addon(true, 'AddonDisabled'), 'enabling'],
  ['on its way', addon(true, 'AddonEnabling'), 'enabling'],
  ['on', addon(true, 'AddonDeploySuccessful'), 'deployed'],
  ['changing', addon(true, 'AddonUpdating'), 'updating'],
  ['just switched off', addon(false, 'AddonDeploySuccessful'), 'disabling'],
  ['failed', addon(true, 'AddonEnabling', [{ type: 'OperationFailed', status: 'True', message: 'no chart' }]), 'failed'],
  ['nothing at all', { metadata: { name: 'x' } }, 'disabled'],
])('%s', (_, object, phase) => expect(phaseOf(object).phase).toBe(phase))

it.each([
  ['nothing is needed', addon(false), []],
  ['missing', addon(false, '', [], 'rancher-vcluster', 'hostname: ""\n'), ['hostname', 'bootstrapPassword']],
  ['one of two', addon(false, '', [], 'rancher-vcluster', 'hostname: r.example\nbootstrapPassword:  # later\n'), ['bootstrapPassword']],
  ['all there', addon(false, '', [], 'rancher-vcluster', 'hostname: r.example\nbootstrapPassword: "secret"\n'), []],
])('values: %s', (_, object, missing) => expect(missingValues(object)).toEqual(missing))

describe('values inside of YAML', () => {
  const yaml = '# our limits\ngrafana:\n  resources:\n    limits:\n      cpu: 200m # enough\n      memory: 500Mi\nother: [1, 2]\n'
  const cpu = { path: ['grafana', 'resources', 'limits', 'cpu'], kind: 'text' as const }

  it('changes one and keeps the rest, comments too', () => expect(writeValue(yaml, cpu, '300m')).toBe(yaml.replace('200m', '300m')))
  it.each([
    ['reads', yaml, '200m'],
    ['of nothing', '', ''],
    ['of a number', 'grafana: {resources: {limits: {cpu: 2}}}', '2'],
    ['of something else there', 'grafana: 5', ''],
    ['of no YAML', 'a: [', undefined],
    ['of a list', '- a', undefined],
  ])('%s', (_, text, value) => expect(readValue(text, cpu)).toBe(value))
  it.each([
    ['into nothing', '', 'grafana:\n  resources:\n    limits:\n      cpu: 1\n'],
    ['in the place of something else', 'grafana: 5\n', 'grafana:\n  resources:\n    limits:\n      cpu: 1\n'],
    ['not into what is no YAML', 'a: [', 'a: ['],
  ])('writes %s', (_, before, after) => expect(writeValue(before, cpu, '1').replaceAll('"', '')).toBe(after))
  it('takes an empty one away, and does not touch what is not there', () => {
    expect(writeValue('a: 1\nb: 2\n', { path: ['a'], kind: 'text' }, '')).toBe('b: 2\n')
    expect(writeValue('b:   2\n', { path: ['a'], kind: 'text' }, '')).toBe('b:   2\n')
  })
})

it.each([
  ['', true],
  ['a: 1', true],
  ['a: [', false],
  ['just words', false],
])('%j is fine: %j', (text, isFine) => expect(yamlProblem(text) === null).toBe(isFine))
