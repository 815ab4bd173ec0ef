import { describe, expect, it } from 'vitest'

import { attachmentModel, clusterNetworkOf, configFor, isVlan, routeFor, routeOf, typeOf, vlanText, type NetworkAttachment } from './attachment'

const network = (config: unknown, labels: Record<string, string> = {}, annotations: Record<string, string> = {}): NetworkAttachment => ({
  metadata: { name: 'n', namespace: 'default', labels, annotations },
  spec: { config: typeof config === 'string' ? config : JSON.stringify(config) },
})
const bridge = (more: object = {}): object => ({ cniVersion: '0.3.1', name: 'n', type: 'bridge', bridge: 'mgmt-br', promiscMode: true, ipam: {}, ...more })

describe('what a configuration says', () => {
  it.each([
    ['a VLAN', network(bridge({ vlan: 100 })), 'L2VlanNetwork', 'mgmt', 100],
    ['untagged', network(bridge()), 'UntaggedNetwork', 'mgmt', undefined],
    ['untagged, as older releases write it', network(bridge({ vlan: 0 })), 'UntaggedNetwork', 'mgmt', undefined],
    ['a trunk', network(bridge({ vlan: 0, vlanTrunk: [{ minID: 1, maxID: 10 }, { id: 20 }] })), 'L2VlanTrunkNetwork', 'mgmt', '1–10, 20'],
    ['an overlay', network({ type: 'kube-ovn', provider: 'n.default.ovn' }), 'OverlayNetwork', undefined, undefined],
    ['the label wins', network(bridge({ vlan: 5 }), { 'network.harvesterhci.io/type': 'UntaggedNetwork' }), 'UntaggedNetwork', 'mgmt', 5],
    ['no JSON', network('<script>alert(1)</script>'), undefined, undefined, undefined],
    ['JSON of another shape', network('[1, 2]'), undefined, undefined, undefined],
    ['nothing at all', { metadata: { name: 'n' } }, undefined, undefined, undefined],
  ])('%s', (_, object, type, clusterNetwork, vlan) => {
    expect([typeOf(object), clusterNetworkOf(object), vlanText(object)]).toEqual([type, clusterNetwork, vlan])
  })

  it('reads a route, whatever is in the annotation', () => {
    const text = '{"mode":"manual","cidr":"10.0.0.0/24","gateway":"10.0.0.1","connectivity":"DHCP failed","outdated":true}'
    expect(routeOf(network(bridge(), {}, { 'network.harvesterhci.io/route': text }))).toMatchObject({
      mode: 'manual',
      cidr: '10.0.0.0/24',
      connectivity: 'DHCP failed',
      isOutdated: true,
    })
    expect(routeOf(network(bridge(), {}, { 'network.harvesterhci.io/route': 'null' }))).toMatchObject({ mode: 'auto', cidr: '', connectivity: '' })
  })
})

describe('what a form makes', () => {
  const model = { ...attachmentModel(undefined, 'default'), name: 'n', vlan: '100' }

  it.each([
    ['a VLAN', model, bridge({ vlan: 100 })],
    ['untagged', { ...model, type: 'UntaggedNetwork' as const }, bridge()],
    [
      'a trunk',
      { ...model, type: 'L2VlanTrunkNetwork' as const, trunk: [{ from: '1', to: '10' }, { from: '20', to: '' }] },
      bridge({ vlan: 0, vlanTrunk: [{ minID: 1, maxID: 10 }, { id: 20 }] }),
    ],
    [
      'an overlay',
      { ...model, type: 'OverlayNetwork' as const },
      { cniVersion: '0.3.1', name: 'n', type: 'kube-ovn', provider: 'n.default.ovn', server_socket: '/run/openvswitch/kube-ovn-daemon.sock' },
    ],
  ])('%s', (_, changed, config) => expect(configFor(changed)).toEqual(config))

  it('keeps what it knows nothing of', () => {
    const before = network(bridge({ vlan: 7, mtu: 9000, ipam: { type: 'static' } }))
    const changed = { ...attachmentModel(before, ''), vlan: '8' }
    expect(configFor(changed, JSON.parse(before.spec?.config ?? '{}'))).toMatchObject({ vlan: 8, mtu: 9000, ipam: { type: 'static' } })
  })

  it('writes only what belongs to the mode of the route', () => {
    const route = { mode: 'manual' as const, serverIPAddr: '10.0.0.2', cidr: '10.0.0.0/24', gateway: '10.0.0.1' }
    expect(JSON.parse(routeFor({ ...model, route }) ?? '')).toEqual({ mode: 'manual', serverIPAddr: '', cidr: '10.0.0.0/24', gateway: '10.0.0.1', connectivity: '' })
    expect(routeFor({ ...model, type: 'OverlayNetwork' })).toBeUndefined()
  })
})

it.each([
  ['1', true],
  ['4094', true],
  ['0', false],
  ['4095', false],
  ['1.5', false],
  ['', false],
])('%j as a VLAN: %j', (text, is) => expect(isVlan(text)).toBe(is))
