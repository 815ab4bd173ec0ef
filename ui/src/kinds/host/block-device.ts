/** Disks that the cluster sees on its hosts, and handing them to its storage. Pure. */
import { textAt, type KubeObject } from '@/core/kubernetes'

export interface BlockDevice extends KubeObject {
  spec?: {
    nodeName?: string
    devPath?: string
    provision?: boolean
    fileSystem?: { mountPoint?: string; forceFormatted?: boolean; provisioned?: boolean }
    tags?: string[] | null
    provisioner?: { longhorn?: { engineVersion?: string; diskDriver?: string } | null; lvm?: { vgName?: string } | null } | null
  }
  status?: { state?: string; provisionPhase?: string; deviceStatus?: unknown }
}

export const pathOf = (device: BlockDevice): string => textAt(device, 'status', 'deviceStatus', 'devPath') ?? device.spec?.devPath ?? device.metadata.name
export const sizeOf = (device: BlockDevice): number => Number(textAt(device, 'status', 'deviceStatus', 'capacity', 'sizeBytes') ?? 0) || 0
export const kindOf = (device: BlockDevice): string => textAt(device, 'status', 'deviceStatus', 'details', 'driveType') ?? ''

export function modelOf(device: BlockDevice): string {
  const details = (key: string): string => textAt(device, 'status', 'deviceStatus', 'details', key) ?? ''
  return [details('vendor'), details('model')].filter((part) => part !== '' && part !== 'unknown').join(' ')
}

/** Wanted in use: whether it is already is another question. */
export const isInUse = (device: BlockDevice): boolean => device.spec?.provision === true || device.spec?.fileSystem?.provisioned === true

/** Whether it could be added: a disk that is there, and no part of another. */
export const isFree = (device: BlockDevice): boolean => !isInUse(device) && device.status?.state !== 'Inactive'

/** A file system we know, or one we made before, can be used as it is. */
export function needsFormat(device: BlockDevice): boolean {
  const fileSystem = (key: string): string => textAt(device, 'status', 'deviceStatus', 'fileSystem', key) ?? ''
  if (fileSystem('corrupted') === 'true' || textAt(device, 'status', 'deviceStatus', 'partitioned') === 'true') return true
  return fileSystem('LastFormattedAt') === '' && !['ext4', 'XFS', 'xfs'].includes(fileSystem('type'))
}

export type Engine = 'LonghornV1' | 'LonghornV2' | 'lvm'

export function addPatch(engine: Engine, forceFormatted: boolean, vgName: string): object {
  const provisioner = engine === 'lvm' ? { lvm: { vgName }, longhorn: null } : { longhorn: { engineVersion: engine }, lvm: null }
  return { spec: { provision: true, fileSystem: { forceFormatted }, provisioner } }
}

export const removePatch = (): object => ({ spec: { provision: false } })

/** The texts between commas, each once. */
export const splitTags = (text: string): string[] => [...new Set(text.split(',').map((tag) => tag.trim()).filter(Boolean))]
