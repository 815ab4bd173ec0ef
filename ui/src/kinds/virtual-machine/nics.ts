/** Network interfaces that come and go while a machine runs. Pure. */
import { at, type KubeObject } from '@/core/kubernetes'

import { parseRecord } from '../shared/json'
import { CREATOR, named, specOf, type Interface, type VirtualMachine } from './types'

/** Machines that Rancher made as nodes of a cluster: Harvester leaves their interfaces to it. */
const NODE_DRIVER = 'docker-machine-driver-harvester'
/** Networks in it carry storage and migrations. */
const SYSTEM_NAMESPACE = 'harvester-system'
const ABSENT = 'absent'

const interfacesIn = (machine: VirtualMachine): Interface[] => named(specOf(machine).domain?.devices?.interfaces)

/** An address that is only chosen at the start would look like a change of it, and want a restart. */
export const takesNics = (machine: VirtualMachine): boolean => machine.metadata.labels?.[CREATOR] !== NODE_DRIVER && interfacesIn(machine).every(({ macAddress }) => macAddress !== undefined && macAddress !== '')

/** The names of those that can be taken away; one has to stay. */
export function unpluggableNics(machine: VirtualMachine): string[] {
  const all = interfacesIn(machine).filter(({ state }) => state !== ABSENT)
  if (all.length <= 1) return []
  return all.filter(({ bridge, model }) => bridge !== undefined && (model === undefined || model === '' || model === 'virtio')).map(({ name }) => name)
}

/** Networks whose interfaces can come and go: bridged ones that people made. */
export function isPluggable(network: KubeObject): boolean {
  const { namespace, deletionTimestamp } = network.metadata
  return deletionTimestamp === undefined && namespace !== SYSTEM_NAMESPACE && parseRecord(at(network, 'spec', 'config'))['type'] === 'bridge'
}

export interface NewNic {
  name: string
  /** `namespace/name`. */
  network: string
  /** Empty for one that the cluster chooses. */
  mac: string
}

/** Refused when the machine changed meanwhile. */
export function addNicPatch(machine: VirtualMachine, { name, network, mac }: NewNic): object {
  const nic: Interface = { name, model: 'virtio', bridge: {}, ...(mac !== '' && { macAddress: mac.toLowerCase() }) }
  return nicsPatch(machine, [...interfacesIn(machine), nic], [...named(specOf(machine).networks), { name, multus: { networkName: network } }])
}

/** It is marked as going; KubeVirt takes it away. */
export function removeNicPatch(machine: VirtualMachine, name: string): object {
  return nicsPatch(machine, interfacesIn(machine).map((nic) => (nic.name === name ? { ...nic, state: ABSENT } : nic)))
}

const nicsPatch = (machine: VirtualMachine, interfaces: Interface[], networks?: object[]): object => ({
  metadata: { resourceVersion: machine.metadata.resourceVersion },
  spec: { template: { spec: { domain: { devices: { interfaces } }, ...(networks && { networks }) } } },
})
