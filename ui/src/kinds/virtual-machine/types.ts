/** The fields of KubeVirt's machines that pages read; each may be missing. */
import type { Condition, KubeObject } from '@/core/kubernetes'

export type RunStrategy = 'Always' | 'RerunOnFailure' | 'Manual' | 'Halted' | 'Once' | 'WaitAsSuccessful'

export interface Volume {
  name: string
  persistentVolumeClaim?: { claimName: string }
  dataVolume?: { name: string }
  containerDisk?: { image: string }
  cloudInitNoCloud?: unknown
  cloudInitConfigDrive?: unknown
}

export interface Disk {
  name: string
  bootOrder?: number
  disk?: { bus?: string }
  cdrom?: { bus?: string }
}

export interface Interface {
  name: string
  model?: string
  macAddress?: string
  bridge?: object
  masquerade?: object
}

export interface MachineTemplateSpec {
  domain?: {
    cpu?: { cores?: number; sockets?: number; threads?: number }
    memory?: { guest?: string }
    resources?: { limits?: { cpu?: string; memory?: string }; requests?: { cpu?: string; memory?: string } }
    devices?: { disks?: Disk[]; interfaces?: Interface[] }
  }
  networks?: { name: string; pod?: object; multus?: { networkName: string } }[]
  volumes?: Volume[]
  hostname?: string
  evictionStrategy?: string
}

export interface VirtualMachine extends KubeObject {
  spec?: { runStrategy?: RunStrategy; running?: boolean; template?: { spec?: MachineTemplateSpec } }
  status?: { printableStatus?: string; ready?: boolean; conditions?: Condition[]; stateChangeRequests?: { action: string }[] }
}

export interface VirtualMachineInstance extends KubeObject {
  status?: {
    phase?: string
    nodeName?: string
    conditions?: Condition[]
    interfaces?: { name?: string; ipAddress?: string; ipAddresses?: string[]; mac?: string }[]
    guestOSInfo?: { prettyName?: string; kernelRelease?: string }
  }
}

export const MACHINES = { group: 'kubevirt.io', version: 'v1', resource: 'virtualmachines' }
export const INSTANCES = { group: 'kubevirt.io', version: 'v1', resource: 'virtualmachineinstances' }
const SUBRESOURCES = { group: 'subresources.kubevirt.io', version: 'v1' }
export const MACHINE_ACTIONS = { ...SUBRESOURCES, resource: 'virtualmachines' }
export const INSTANCE_ACTIONS = { ...SUBRESOURCES, resource: 'virtualmachineinstances' }
