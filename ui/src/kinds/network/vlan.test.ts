import { describe, expect, it } from 'vitest'

import type { KubeObject } from '@/core/kubernetes'

import { commonPorts, isMtu, linksByHost, nodeChoiceOf, selectedHosts, uplinkHealth, vlanConfigFor, vlanConfigModel, type VlanConfig, type VlanStatus } from './vlan'

const link = (name: string, more: object = {}): object => ({ name, type: 'device', state: 'up', mac: '52:54:00:00:00:01', index: 2, ...more })

const status = (node: string, ready: string, message = ''): VlanStatus => ({
  metadata: { name: node },
  status: { vlanConfig: 'vc', node, conditions: [{ type: 'ready', status: ready, message }] },
})

describe('ports', () => {
  const links = linksByHost({
    metadata: { name: 'nic' },
    status: { linkStatus: { a: [link('ens1'), link('ens2', { masterIndex: 4 })], b: [link('ens2'), link('ens1', { state: 'down' })], c: [link('ens9')] } },
  } as never)

  it.each([
    [['a'], [{ name: 'ens1', isTaken: false, isDown: false }, { name: 'ens2', isTaken: true, isDown: false }]],
    [['a', 'b'], [{ name: 'ens1', isTaken: false, isDown: true }, { name: 'ens2', isTaken: true, isDown: false }]],
    [['a', 'c'], []],
    [['nobody'], []],
    [[], []],
  ])('common to %j', (hosts, ports) => expect(commonPorts(hosts, links)).toEqual(ports))

  it('survives a monitor without a status or of another shape', () => {
    expect(linksByHost(undefined).size).toBe(0)
    expect(linksByHost({ metadata: { name: 'nic' }, status: { linkStatus: { a: null, b: 'x', c: [null, 1, {}] } } } as never)).toEqual(
      new Map([['a', []], ['b', []], ['c', []]]),
    )
  })
})

it.each([
  [undefined, 'all'],
  [{}, 'all'],
  [{ 'kubernetes.io/hostname': 'a' }, 'host'],
  [{ rack: '1' }, 'labels'],
  [{ 'kubernetes.io/hostname': 'a', rack: '1' }, 'labels'],
])('%j chooses hosts by %s', (selector, choice) => expect(nodeChoiceOf(selector as never)).toBe(choice))

it('leaves hosts out that run no machines', () => {
  const nodes: KubeObject[] = [
    { metadata: { name: 'a', labels: { rack: '1' } } },
    { metadata: { name: 'b', labels: { rack: '1', 'node-role.harvesterhci.io/witness': 'true' } } },
    { metadata: { name: 'c' } },
  ]
  expect(selectedHosts({ rack: '1' }, nodes).map(({ metadata }) => metadata.name)).toEqual(['a'])
  expect(selectedHosts({}, nodes).map(({ metadata }) => metadata.name)).toEqual(['a', 'c'])
})

it('counts where an uplink stands', () => {
  const config: VlanConfig = { metadata: { name: 'vc', annotations: { 'network.harvesterhci.io/matched-nodes': '["a","b","c"]' } } }
  expect(uplinkHealth(config, [status('a', 'True'), status('b', 'False', 'no link')])).toEqual({ ready: 1, expected: 3, problems: ['b: no link'] })
})

describe('the form', () => {
  const before: VlanConfig = {
    metadata: { name: 'vc', annotations: { keep: 'me' } },
    spec: { clusterNetwork: 'data', nodeSelector: { rack: '1' }, uplink: { nics: ['ens4'], linkAttributes: { mtu: 9000, txQLen: 1000 }, bondOptions: { mode: '802.3ad', miimon: 100 } } },
  }

  it('gives back what it was given', () => expect(vlanConfigFor(vlanConfigModel(before, ''), before)).toMatchObject(before))
  it('begins with values that work', () => {
    expect(vlanConfigFor({ ...vlanConfigModel(undefined, 'data'), name: 'vc', nics: ['ens4'] }).spec).toEqual({
      clusterNetwork: 'data',
      description: '',
      nodeSelector: {},
      uplink: { nics: ['ens4'], linkAttributes: { mtu: 1500, txQLen: -1 }, bondOptions: { mode: 'active-backup', miimon: -1 } },
    })
  })
})

it.each([
  ['1500', true],
  ['576', true],
  ['575', false],
  ['9001', false],
  ['', false],
])('%j as an MTU: %j', (text, is) => expect(isMtu(text)).toBe(is))
