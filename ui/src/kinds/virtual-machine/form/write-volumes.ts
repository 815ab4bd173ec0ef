/**
 * The rows of volumes into disks, volumes and the annotation from which Harvester makes the claims. Pure.
 *
 * A claim is called `<machine>-<volume>-<five letters>`. A volume that exists already is listed in the annotation too,
 * without an image; an image of a registry is not.
 */
import { isSame } from '@/core/same'

import { CLAIM_TEMPLATES, claimOf, claimTemplatesOf, IMAGE_ID, named, specOf, type ClaimTemplate, type Disk, type VirtualMachine, type Volume } from '../types'
import type { Draft } from './draft'
import { keyFor, type MachineModel, type VolumeRow } from './model'
import { gibQuantity } from './quantities'

/** What the form knows of the things a volume can be made from. */
export interface Facts {
  image: (id: string) => { storageClass: string } | undefined
  /** How volumes of a class may be mounted. */
  accessModes: (storageClass: string) => string[]
  defaultClass: string
  /** A claim of the machine's namespace. */
  claim: (name: string) => { spec?: ClaimTemplate['spec'] } | undefined
  /** The text of a key pair, `namespace/name`. */
  publicKey: (id: string) => string | undefined
}

interface Options {
  machine: VirtualMachine
  facts: Facts
  isNew: boolean
  name: string
  index: number
}

const DISKS = ['spec', 'template', 'spec', 'domain', 'devices', 'disks']
const VOLUMES = ['spec', 'template', 'spec', 'volumes']

export function writeVolumes(draft: Draft, model: MachineModel, before: MachineModel, options: Options): void {
  const isUntouched = isSame(model.volumes, before.volumes)
  // A new machine's claims are called after it, so its name matters even when no row was touched.
  if (isUntouched && !(options.isNew && model.volumes.length > 0)) return
  const { machine } = options
  const spec = specOf(machine)
  const olds = new Map(before.volumes.map((row) => [row.id, row]))
  const writer = new Writer(options, named(spec.domain?.devices?.disks), named(spec.volumes), claimTemplatesOf(machine))
  const written = model.volumes.map((row) => writer.write(row, olds.get(row.id)))

  const isReordered = !isSame(
    model.volumes.map(({ id }) => id),
    before.volumes.map(({ id }) => id),
  )
  if (isReordered) {
    for (const [index, { disk }] of written.entries()) disk.bootOrder = index + 1
  }
  const known = new Set(before.volumes.map(({ name }) => name))
  const others = named(spec.volumes).filter(({ name }) => !known.has(name))
  const otherDisks = named(spec.domain?.devices?.disks).filter(({ name }) => !known.has(name))
  draft.set(DISKS, inPlace(named(spec.domain?.devices?.disks), written.map(({ disk }) => disk), otherDisks))
  draft.set(VOLUMES, inPlace(named(spec.volumes), written.flatMap(({ volume }) => volume ?? []), others))
  writeTemplates(draft, machine, before, written)
}

/** Claims that the form does not show keep their entries; those of rows come in the rows' order. */
function writeTemplates(draft: Draft, machine: VirtualMachine, before: MachineModel, written: { template?: ClaimTemplate | undefined }[]): void {
  const shown = new Set(before.volumes.map(({ claim }) => claim))
  const kept = claimTemplatesOf(machine).filter(({ metadata }) => !shown.has(metadata.name))
  const entries = [...kept, ...written.flatMap(({ template }) => template ?? [])]
  if (!isSame(entries, claimTemplatesOf(machine))) draft.set(['metadata', 'annotations', CLAIM_TEMPLATES], JSON.stringify(entries))
}

/** Rows first, what the form does not show after them; but where nothing moved, everything stays in its place. */
function inPlace<T extends { name: string }>(present: T[], rows: T[], others: T[]): T[] {
  const wanted = new Map([...rows, ...others].map((item) => [item.name, item]))
  const isSameSet = present.length === wanted.size && present.every(({ name }) => wanted.has(name))
  if (isSameSet) return present.map(({ name }) => wanted.get(name)).filter((item) => item !== undefined)
  return [...rows, ...others]
}

class Writer {
  constructor(
    private readonly options: Options,
    private readonly disks: Disk[],
    private readonly volumes: Volume[],
    private readonly templates: ClaimTemplate[],
  ) {}

  write(row: VolumeRow, old: VolumeRow | undefined): { disk: Disk; volume: Volume | undefined; template: ClaimTemplate | undefined } {
    const disk = structuredClone(this.disks.find(({ name }) => name === old?.name)) ?? { name: row.name }
    const volume = structuredClone(this.volumes.find(({ name }) => name === old?.name))
    const template = structuredClone(this.templates.find(({ metadata }) => old?.claim && metadata.name === old.claim))
    disk.name = row.name
    if (!old || row.type !== old.type || row.bus !== old.bus) this.writeBus(disk, row)
    return { disk, volume: this.volume(row, old, volume), template: this.template(row, old, template) }
  }

  private writeBus(disk: Disk, { type, bus }: VolumeRow): void {
    const key = ({ disk: 'disk', 'cd-rom': 'cdrom', lun: 'lun' } as const)[type]
    const present = disk.disk ?? disk.cdrom ?? disk.lun ?? {}
    delete disk.disk
    delete disk.cdrom
    delete disk.lun
    disk[key] = { ...present, bus }
  }

  private volume(row: VolumeRow, old: VolumeRow | undefined, present: Volume | undefined): Volume | undefined {
    if (row.source === 'other') return present ? { ...present, name: row.name } : present
    if (row.source === 'container') {
      if (old?.container === row.container && present) return { ...present, name: row.name }
      return { name: row.name, containerDisk: { image: row.container.trim() } }
    }
    const claimName = this.claimName(row)
    if (present && claimOf(present) === claimName) return { ...present, name: row.name }
    return { name: row.name, persistentVolumeClaim: { claimName } }
  }

  private claimName(row: VolumeRow): string {
    if (row.claim !== '') return row.claim
    const { name, index } = this.options
    return `${name}-${row.name}-${keyFor(row.key, index)}`
  }

  private template(row: VolumeRow, old: VolumeRow | undefined, present: ClaimTemplate | undefined): ClaimTemplate | undefined {
    if (row.source === 'container' || row.source === 'other') return undefined
    const name = this.claimName(row)
    if (row.source === 'claim') return old?.claim === row.claim ? present : this.existing(name)
    const isMade = row.claim !== '' && old?.claim === row.claim
    if (isMade && present && row.size === old.size) return present
    const template = present ?? { metadata: { name, annotations: {} }, spec: {} }
    template.metadata.name = name
    template.spec = { ...template.spec, resources: { ...template.spec?.resources, requests: { ...template.spec?.resources?.requests } } }
    const storage = gibQuantity(row.size)
    if (storage !== undefined && template.spec.resources?.requests) template.spec.resources.requests.storage = storage
    return isMade ? template : this.fresh(row, template)
  }

  /** What Harvester is to make. */
  private fresh(row: VolumeRow, template: ClaimTemplate): ClaimTemplate {
    const { facts } = this.options
    const image = row.source === 'image' ? facts.image(row.image) : undefined
    // Which image it is may still be open, in a template; the class is then open too.
    const isOpen = row.source === 'image' && row.image === ''
    const storageClass = isOpen ? '' : image ? image.storageClass : row.storageClass || facts.defaultClass
    const annotations = { ...template.metadata.annotations }
    if (row.source === 'image') annotations[IMAGE_ID] = row.image
    else delete annotations[IMAGE_ID]
    const { resources, ...spec } = template.spec ?? {}
    // A machine made like another one has volumes of its own, not copies.
    delete (spec as { dataSource?: unknown }).dataSource
    delete (spec as { volumeName?: unknown }).volumeName
    if (storageClass === '') delete (spec as { storageClassName?: unknown }).storageClassName
    return {
      ...template,
      metadata: { ...template.metadata, annotations },
      spec: { ...spec, accessModes: facts.accessModes(storageClass), resources: resources ?? {}, volumeMode: 'Block', ...(storageClass && { storageClassName: storageClass }) },
    }
  }

  private existing(name: string): ClaimTemplate {
    const { accessModes = ['ReadWriteMany'], volumeMode = 'Block', storageClassName, resources } = this.options.facts.claim(name)?.spec ?? {}
    return {
      metadata: { name, annotations: {} },
      spec: { accessModes, resources: { requests: { ...resources?.requests } }, volumeMode, ...(storageClassName && { storageClassName }) },
    }
  }
}
