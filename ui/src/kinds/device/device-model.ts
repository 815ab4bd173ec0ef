/** Devices of hosts that machines can be given: PCI, USB, network functions, vGPUs. Pure. */
import type { KubeObject } from '@/core/kubernetes'

export const GROUP = 'devices.harvesterhci.io'
export const VERSION = 'v1beta1'

export interface PciDevice extends KubeObject {
  status?: {
    address?: string
    vendorId?: string
    deviceId?: string
    classId?: string
    iommuGroup?: string
    nodeName?: string
    resourceName?: string
    description?: string
    kernelDriverInUse?: string
  }
}

export interface UsbDevice extends KubeObject {
  status?: { vendorID?: string; productID?: string; nodeName?: string; resourceName?: string; devicePath?: string; description?: string; pciAddress?: string; enabled?: boolean; message?: string }
}

/** Takes a device away from its host, for machines. Named as the device. */
export interface Claim extends KubeObject {
  spec?: { address?: string; nodeName?: string; userName?: string }
  status?: { passthroughEnabled?: boolean }
}

export interface NetworkDevice extends KubeObject {
  spec?: { address?: string; nodeName?: string; numVFs?: number }
  status?: { vfAddresses?: string[] | null; vfPCIDevices?: string[] | null; status?: string }
}

export interface GpuDevice extends KubeObject {
  spec?: { address?: string; nodeName?: string; enabled?: boolean }
  status?: { vfAddresses?: string[] | null; vGPUDevices?: string[] | null }
}

export interface VgpuDevice extends KubeObject {
  spec?: { vGPUTypeName?: string; address?: string; enabled?: boolean; nodeName?: string; parentGPUDeviceAddress?: string }
  status?: { vGPUStatus?: string; uuid?: string; configureVGPUTypeName?: string; availableTypes?: Record<string, string> | null }
}

export type Passthrough = 'enabled' | 'enabling' | 'disabled'

export const pciPassthrough = (claim: Claim | undefined): Passthrough => (!claim ? 'disabled' : claim.status?.passthroughEnabled === true ? 'enabled' : 'enabling')

export function usbPassthrough({ status }: UsbDevice, claim: Claim | undefined): Passthrough {
  if (status?.enabled === true) return 'enabled'
  return claim ? 'enabling' : 'disabled'
}

/** The claim on a device, for a person. */
export function claimFor(device: PciDevice | UsbDevice, kind: 'PCIDevice' | 'USBDevice', userName: string): KubeObject {
  const { name, uid = '' } = device.metadata
  const { address, nodeName } = (device as PciDevice).status ?? {}
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: `${kind}Claim`,
    metadata: { name, ownerReferences: [{ apiVersion: `${GROUP}/${VERSION}`, kind, name, uid }] },
    spec: kind === 'PCIDevice' ? { address, nodeName, userName } : { userName },
  } as KubeObject
}

export const texts = (list: unknown): string[] => (Array.isArray(list) ? list.filter((entry) => typeof entry === 'string') : [])

/** A function count from 1 on; the device's own limit is not known before it refuses. */
export const isCount = (text: string): boolean => /^\d+$/.test(text.trim()) && Number(text) > 0

/** The types a vGPU can be, with how many of each there are left. */
export function vgpuTypes({ status }: VgpuDevice): { name: string; left: string }[] {
  const { availableTypes } = status ?? {}
  if (typeof availableTypes !== 'object' || availableTypes === null) return []
  return Object.entries(availableTypes)
    .map(([name, left]) => ({ name, left: String(left) }))
    .sort((a, b) => a.name.localeCompare(b.name))
}
