/** The devices that a machine can be given: those that their hosts have let go of. Pure. */
import type { KubeObject } from '@/core/kubernetes'

import { pciPassthrough, usbPassthrough, type Claim, type PciDevice, type UsbDevice, type VgpuDevice } from '../../device/device-model'
import type { DeviceRow, MachineModel } from './model'

export interface DeviceChoice extends DeviceRow {
  label: string
  node: string
}

const labelOf = (what: string | undefined, address: string | undefined, node: string): string => [what, address, node].filter(Boolean).join(' · ')
const byLabel = (a: DeviceChoice, b: DeviceChoice): number => a.label.localeCompare(b.label)
const byName = (claims: readonly Claim[]): ReadonlyMap<string, Claim> => new Map(claims.map((claim) => [claim.metadata.name, claim]))

export function pciChoices(devices: readonly PciDevice[], claims: readonly Claim[]): DeviceChoice[] {
  const claimed = byName(claims)
  return choices(devices, ({ metadata, status = {} }) => {
    const { resourceName = '', nodeName = '', description, address } = status
    return pciPassthrough(claimed.get(metadata.name)) === 'enabled' ? { name: metadata.name, resource: resourceName, node: nodeName, label: labelOf(description, address, nodeName) } : null
  })
}

export function usbChoices(devices: readonly UsbDevice[], claims: readonly Claim[]): DeviceChoice[] {
  const claimed = byName(claims)
  return choices(devices, (device) => {
    const { resourceName = '', nodeName = '', description, pciAddress } = device.status ?? {}
    const { name } = device.metadata
    return usbPassthrough(device, claimed.get(name)) === 'enabled' ? { name, resource: resourceName, node: nodeName, label: labelOf(description, pciAddress, nodeName) } : null
  })
}

/** Hosts offer vGPUs by their type, in which blanks become lines. */
export function vgpuChoices(devices: readonly VgpuDevice[]): DeviceChoice[] {
  return choices(devices, ({ metadata, spec, status }) => {
    const { nodeName = '', address, enabled } = spec ?? {}
    const type = status?.configureVGPUTypeName || spec?.vGPUTypeName || ''
    const isThere = enabled === true && status?.vGPUStatus === 'vGPUConfigured' && type !== ''
    return isThere ? { name: metadata.name, resource: `nvidia.com/${type.replace(/\s+/g, '_')}`, node: nodeName, label: labelOf(type, address, nodeName) } : null
  })
}

function choices<D extends KubeObject>(devices: readonly D[], choose: (device: D) => DeviceChoice | null): DeviceChoice[] {
  return devices.flatMap((device) => choose(device) ?? []).filter(({ resource }) => resource !== '').toSorted(byLabel)
}

/** The hosts whose devices a machine asks for. */
export function nodesOf({ hostDevices, gpus }: Pick<MachineModel, 'hostDevices' | 'gpus'>, known: readonly DeviceChoice[]): string[] {
  const names = new Set([...hostDevices, ...gpus].map(({ name }) => name))
  return [...new Set(known.filter(({ name, node }) => names.has(name) && node !== '').map(({ node }) => node))]
}

/** A list of devices with only these names of one sort; devices of other sorts stay. */
export function chosen(rows: readonly DeviceRow[], names: readonly string[], sort: readonly DeviceChoice[], isOfSort: (name: string) => boolean): DeviceRow[] {
  const kept = rows.filter(({ name }) => !isOfSort(name) || names.includes(name))
  const added = names.filter((name) => !kept.some((row) => row.name === name))
  return [...kept, ...added.flatMap((name) => sort.filter((choice) => choice.name === name).map(({ resource }) => ({ name, resource })))]
}
