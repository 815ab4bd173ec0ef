/** The CD-ROM drives of a machine, and the machine without some of them. Pure. */
import { CLAIM_TEMPLATES, claimOf, claimTemplatesOf, named, specOf, type Disk, type VirtualMachine } from './types'

export interface Drive {
  name: string
  /** The claim or the image that is in it. */
  medium: string
}

export function drivesOf(machine: VirtualMachine): Drive[] {
  const { domain, volumes } = specOf(machine)
  return named(domain?.devices?.disks)
    .filter(({ cdrom }) => cdrom !== undefined)
    .map(({ name }) => {
      const volume = named(volumes).find((candidate) => candidate.name === name)
      return { name, medium: (volume && (claimOf(volume) ?? volume.containerDisk?.image)) ?? '' }
    })
}

/** What takes drives out: the disk, its volume, and what its claim would be made from. Refused when it changed meanwhile. */
export function ejectPatch(machine: VirtualMachine, names: ReadonlySet<string>): object {
  const { domain, volumes } = specOf(machine)
  const stays = ({ name }: { name: string }): boolean => !names.has(name)
  const gone = new Set(named(volumes).filter((volume) => !stays(volume)).map(claimOf))
  const templates = claimTemplatesOf(machine)
  const kept = templates.filter(({ metadata }) => !gone.has(metadata.name))
  return {
    metadata: {
      resourceVersion: machine.metadata.resourceVersion,
      ...(kept.length < templates.length && { annotations: { [CLAIM_TEMPLATES]: JSON.stringify(kept) } }),
    },
    spec: { template: { spec: { domain: { devices: { disks: inOrder(named(domain?.devices?.disks).filter(stays)) } }, volumes: named(volumes).filter(stays) } } },
  }
}

/** Boot orders count from one without gaps. */
function inOrder(disks: readonly Disk[]): Disk[] {
  const orders = disks.map(({ bootOrder }) => bootOrder).filter((order) => order !== undefined).toSorted((a, b) => a - b)
  return disks.map((disk) => (disk.bootOrder === undefined ? disk : { ...disk, bootOrder: orders.indexOf(disk.bootOrder) + 1 }))
}
