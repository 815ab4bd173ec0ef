/**
 * The CD-ROM drives of a machine: what is in them, the machine without some of it, and with one more. Pure.
 *
 * Newer clusters have drives that stay when they are empty; what is in those comes and goes while the machine runs.
 * Elsewhere a drive comes and goes with its medium, which takes a restart.
 */
import { CLAIM_TEMPLATES, claimOf, claimTemplatesOf, IMAGE_ID, named, specOf, type ClaimTemplate, type Disk, type VirtualMachine } from './types'

/** Only these drives can be empty. */
const LIVE_BUS = 'sata'
const GIB = 2 ** 30

export interface Drive {
  name: string
  /** The claim or the image that is in it. */
  medium: string
  isEmpty: boolean
  /** It stays when its medium goes, and the machine runs on. */
  isLive: boolean
}

export function drivesOf(machine: VirtualMachine): Drive[] {
  const { domain, volumes } = specOf(machine)
  return named(domain?.devices?.disks)
    .filter(({ cdrom }) => cdrom !== undefined)
    .map(({ name, cdrom }) => {
      const volume = named(volumes).find((candidate) => candidate.name === name)
      const isLive = cdrom?.bus === LIVE_BUS && (volume === undefined || volume.persistentVolumeClaim?.hotpluggable === true)
      return { name, medium: (volume && (claimOf(volume) ?? volume.containerDisk?.image)) ?? '', isEmpty: volume === undefined, isLive }
    })
}

export const loadedDrives = (machine: VirtualMachine): Drive[] => drivesOf(machine).filter(({ isEmpty }) => !isEmpty)
export const emptyDrives = (machine: VirtualMachine): Drive[] => drivesOf(machine).filter(({ isEmpty, isLive }) => isEmpty && isLive)

/** Whether taking these out is more than the running machine can do. */
export const ejectRestarts = (machine: VirtualMachine, names: ReadonlySet<string>): boolean => drivesOf(machine).some(({ name, isLive }) => names.has(name) && !isLive)

/** What takes media out: the volume, what its claim would be made from, and the drive where it cannot be empty. Refused when it changed meanwhile. */
export function ejectPatch(machine: VirtualMachine, names: ReadonlySet<string>): object {
  const { domain, volumes } = specOf(machine)
  const live = new Set(drivesOf(machine).flatMap(({ name, isLive }) => (isLive ? [name] : [])))
  const disks = named(domain?.devices?.disks)
  const stays = ({ name }: { name: string }): boolean => !names.has(name)
  const kept = disks.filter((disk) => stays(disk) || live.has(disk.name))
  const gone = new Set(named(volumes).filter((volume) => !stays(volume)).map(claimOf))
  const templates = claimTemplatesOf(machine)
  const keptTemplates = templates.filter(({ metadata }) => !gone.has(metadata.name))
  return {
    metadata: {
      resourceVersion: machine.metadata.resourceVersion,
      ...(keptTemplates.length < templates.length && { annotations: { [CLAIM_TEMPLATES]: JSON.stringify(keptTemplates) } }),
    },
    spec: { template: { spec: { ...(kept.length < disks.length && { domain: { devices: { disks: inOrder(kept) } } }), volumes: named(volumes).filter(stays) } } },
  }
}

/** Boot orders count from one without gaps. */
function inOrder(disks: readonly Disk[]): Disk[] {
  const orders = disks.map(({ bootOrder }) => bootOrder).filter((order) => order !== undefined).toSorted((a, b) => a - b)
  return disks.map((disk) => (disk.bootOrder === undefined ? disk : { ...disk, bootOrder: orders.indexOf(disk.bootOrder) + 1 }))
}

export interface Medium {
  /** `namespace/name` of the image. */
  image: string
  /** Bytes. */
  size: number
  storageClass: string
  accessModes: string[]
}

/** What puts a medium into an empty drive, or into a new one that comes with it. Refused when the machine changed meanwhile. */
export function insertPatch(machine: VirtualMachine, medium: Medium, drive: string, key: string): object {
  const { domain, volumes } = specOf(machine)
  const disks = named(domain?.devices?.disks)
  const isNew = !disks.some(({ name }) => name === drive)
  const claimName = `${machine.metadata.name}-${drive}-${key}`
  const last = Math.max(0, ...disks.map(({ bootOrder = 0 }) => bootOrder))
  const disk: Disk = { name: drive, cdrom: { bus: LIVE_BUS }, bootOrder: last + 1 }
  return {
    metadata: { resourceVersion: machine.metadata.resourceVersion, annotations: { [CLAIM_TEMPLATES]: JSON.stringify([...claimTemplatesOf(machine), claimFor(claimName, medium)]) } },
    spec: {
      template: {
        spec: {
          ...(isNew && { domain: { devices: { disks: [...disks, disk] } } }),
          volumes: [...named(volumes), { name: drive, persistentVolumeClaim: { claimName, ...(!isNew && { hotpluggable: true }) } }],
        },
      },
    },
  }
}

const claimFor = (name: string, { image, size, storageClass, accessModes }: Medium): ClaimTemplate => ({
  metadata: { name, annotations: { [IMAGE_ID]: image } },
  spec: { accessModes, resources: { requests: { storage: `${Math.max(1, Math.ceil(size / GIB))}Gi` } }, volumeMode: 'Block', storageClassName: storageClass },
})
