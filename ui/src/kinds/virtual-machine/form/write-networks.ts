/** The rows of networks into interfaces and networks. Pure. */
import { isSame } from '@/core/same'

import type { Interface, Network } from '../types'
import type { Draft } from './draft'
import type { MachineModel, NetworkRow } from './model'

const INTERFACES = ['spec', 'template', 'spec', 'domain', 'devices', 'interfaces']
const NETWORKS = ['spec', 'template', 'spec', 'networks']

export function writeNetworks(draft: Draft, model: MachineModel, before: MachineModel): void {
  if (isSame(model.networks, before.networks)) return
  const olds = new Map(before.networks.map((row) => [row.id, row]))
  const known = new Set(before.networks.map(({ name }) => name))
  const interfaces = draft.named<Interface>(INTERFACES)
  const networks = draft.named<Network>(NETWORKS)
  const written = model.networks.map((row) => writeRow(row, olds.get(row.id), interfaces, networks))
  draft.set(INTERFACES, [...written.map(({ nic }) => nic), ...interfaces.filter(({ name }) => !known.has(name))])
  draft.set(NETWORKS, [...written.map(({ network }) => network), ...networks.filter(({ name }) => !known.has(name))])
}

function writeRow(row: NetworkRow, old: NetworkRow | undefined, interfaces: Interface[], networks: Network[]): { nic: Interface; network: Network } {
  const nic: Interface = structuredClone(interfaces.find(({ name }) => name === old?.name)) ?? { name: row.name }
  const present = structuredClone(networks.find(({ name }) => name === old?.name))
  nic.name = row.name
  if (row.model !== old?.model) nic.model = row.model
  if (row.type !== old?.type && row.type !== 'other') {
    delete nic.masquerade
    delete nic.bridge
    nic[row.type] = {}
  }
  if (row.mac.trim() === '') delete nic.macAddress
  else nic.macAddress = row.mac.trim().toLowerCase() === old?.mac.toLowerCase() ? row.mac : row.mac.trim().toLowerCase()
  const target: Network = row.network === '' ? { name: row.name, pod: {} } : { name: row.name, multus: { networkName: row.network } }
  return { nic, network: present && row.network === old?.network ? { ...present, name: row.name } : target }
}
