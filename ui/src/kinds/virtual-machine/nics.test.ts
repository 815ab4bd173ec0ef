import { describe, expect, it } from 'vitest'

import { canHotPlugNic, canHotUnplugNic } from './able'
import { addNicPatch, isPluggable, removeNicPatch, takesNics, unpluggableNics } from './nics'
import type { Instance, Interface, VirtualMachine } from './types'

const MANAGEMENT: Interface = { name: 'default', model: 'virtio', masquerade: {}, macAddress: '52:54:00:00:00:01' }
const BRIDGED: Interface = { name: 'nic-1', model: 'virtio', bridge: {}, macAddress: '52:54:00:00:00:02' }

function machineWith(interfaces: Interface[], labels: Record<string, string> = {}): VirtualMachine {
  const networks = interfaces.map(({ name }) => ({ name, pod: {} }))
  return { metadata: { name: 'vm', namespace: 'demo', resourceVersion: '7', labels }, spec: { runStrategy: 'Always', template: { spec: { domain: { devices: { interfaces } }, networks } } } }
}
const running = (migratable: 'True' | 'False'): Instance => ({ metadata: { name: 'vm' }, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }, { type: 'LiveMigratable', status: migratable }] } })

describe('interfaces that come and go', () => {
  it.each<[string, VirtualMachine, boolean, string[]]>([
    ['of a machine with both sorts', machineWith([MANAGEMENT, BRIDGED]), true, ['nic-1']],
    ['of one that would have none left', machineWith([BRIDGED]), true, []],
    ['of one with a model that cannot', machineWith([MANAGEMENT, { ...BRIDGED, model: 'e1000' }]), true, []],
    ['of one that is on its way out', machineWith([MANAGEMENT, { ...BRIDGED, name: 'nic-2' }, { ...BRIDGED, state: 'absent' }]), true, ['nic-2']],
    ['of one whose addresses are not said', machineWith([MANAGEMENT, { name: 'nic-1', bridge: {} }]), false, ['nic-1']],
    ['of a node of another cluster', machineWith([MANAGEMENT, BRIDGED], { 'harvesterhci.io/creator': 'docker-machine-driver-harvester' }), false, ['nic-1']],
  ])('%s', (_, machine, takes, names) => {
    expect([takesNics(machine), unpluggableNics(machine)]).toEqual([takes, names])
    expect(canHotPlugNic(machine, running('True'))).toBe(takes)
    expect(canHotUnplugNic(machine, running('True'))).toBe(takes && names.length > 0)
    expect(canHotPlugNic(machine, running('False'))).toBe(false)
    expect(canHotPlugNic(machine, undefined)).toBe(false)
  })

  it.each<[string, object, unknown, boolean]>([
    ['a bridge', {}, '{"type":"bridge","bridge":"mgmt-br","vlan":100}', true],
    ['an overlay', {}, '{"type":"kube-ovn"}', false],
    ['the storage network', { namespace: 'harvester-system' }, '{"type":"bridge"}', false],
    ['no configuration at all', {}, undefined, false],
  ])('can be in %s: %s', (_, metadata, config, expected) => expect(isPluggable({ metadata: { name: 'n', ...metadata }, spec: { config } } as never)).toBe(expected))

  it('are added with their network', () =>
    expect(addNicPatch(machineWith([MANAGEMENT]), { name: 'nic-1', network: 'demo/vlan100', mac: '52:54:00:AA:00:02' })).toEqual({
      metadata: { resourceVersion: '7' },
      spec: {
        template: {
          spec: {
            domain: { devices: { interfaces: [MANAGEMENT, { name: 'nic-1', model: 'virtio', bridge: {}, macAddress: '52:54:00:aa:00:02' }] } },
            networks: [{ name: 'default', pod: {} }, { name: 'nic-1', multus: { networkName: 'demo/vlan100' } }],
          },
        },
      },
    }))
  it('leave the address to the cluster', () => expect(JSON.stringify(addNicPatch(machineWith([MANAGEMENT]), { name: 'nic-1', network: 'demo/vlan100', mac: '' }))).not.toContain('"macAddress":""'))
  it('are marked as going', () =>
    expect(removeNicPatch(machineWith([MANAGEMENT, BRIDGED]), 'nic-1')).toEqual({
      metadata: { resourceVersion: '7' },
      spec: { template: { spec: { domain: { devices: { interfaces: [MANAGEMENT, { ...BRIDGED, state: 'absent' }] } } } } },
    }))
})
