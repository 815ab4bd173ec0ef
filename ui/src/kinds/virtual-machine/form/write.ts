/**
 * The form back into a manifest. Pure.
 *
 * Only what differs from `before` (what the form read from `base`) is written, into a copy of `base`: fields that the
 * form does not know stay, and an edit of one thing changes one thing.
 */
import { at, listAt } from '@/core/kubernetes'
import { isSame } from '@/core/same'
import { fromPairs } from '@/ui/pairs'

import { DESCRIPTION, HOSTNAME_LABEL, MAINTENANCE, OS, RESERVED_MEMORY, SSH_NAMES, VM_NAME, VM_NAME_PREFIX, type VirtualMachine } from '../types'
import { writeCloudInit } from './cloud-init-volume'
import { writeCredentials } from './credentials'
import { Draft } from './draft'
import type { MachineModel } from './model'
import { gibQuantity, numberOf } from './quantities'
import { HOT_PLUG, isOwnKey } from './read'
import { spreadRule, writeAffinity } from './write-affinity'
import { writeDevices } from './write-devices'
import { writeNetworks } from './write-networks'
import { writeVolumes, type Facts } from './write-volumes'

export interface WriteOptions {
  /** What the machine is made from, or is now. */
  base: VirtualMachine
  /** What the form read from it. */
  before: MachineModel
  facts: Facts
  /** A new machine takes its name everywhere; an existing one keeps what it has. */
  isNew: boolean
  /** The name of one of several, and which one it is. */
  name?: string
  index?: number
}

export function writeModel(model: MachineModel, { base, before, facts, isNew, name = model.name, index = 0 }: WriteOptions): VirtualMachine {
  const machine = structuredClone(base)
  const draft = new Draft(machine as unknown as Record<string, unknown>)
  const changed = <K extends keyof MachineModel>(...fields: K[]): boolean => fields.some((field) => !isSame(model[field], before[field]))
  const domain = ['spec', 'template', 'spec', 'domain']

  if (isNew) writeNames(draft, model, name)
  else if (changed('hostname')) draft.set(['spec', 'template', 'spec', 'hostname'], model.hostname || undefined)
  if (changed('description')) draft.set(annotationPath(DESCRIPTION), model.description || undefined)
  if (changed('cores', 'memory', 'isHotPluggable', 'maxCores', 'maxMemory')) writeSize(draft, model, domain)
  if (changed('sshKeys')) draft.set(['spec', 'template', 'metadata', 'annotations', SSH_NAMES], JSON.stringify(model.sshKeys))

  writeVolumes(draft, model, before, { machine, facts, isNew, name, index })
  writeNetworks(draft, model, before)
  writePlacement(draft, model, before)
  writeDevices(draft, model, before)
  writeCloudInit(draft, model, before, { isNew, name, index })
  writeCredentials(draft, model, before, { isNew, name, index })

  if (changed('runStrategy')) {
    draft.set(['spec', 'running'], undefined)
    draft.set(['spec', 'runStrategy'], model.runStrategy)
  }
  if (changed('os')) draft.set(labelPath(OS), model.os || undefined)
  if (changed('maintenance')) draft.set(labelPath(MAINTENANCE), model.maintenance || undefined)
  if (changed('reservedMemory')) draft.set(annotationPath(RESERVED_MEMORY), model.reservedMemory.trim() || undefined)
  if (changed('machineType')) draft.set([...domain, 'machine', 'type'], model.machineType)
  if (changed('terminationGrace')) draft.set(['spec', 'template', 'spec', 'terminationGracePeriodSeconds'], numberOf(model.terminationGrace))
  if (changed('isCpuPinned')) draft.set([...domain, 'cpu', 'dedicatedCpuPlacement'], model.isCpuPinned || undefined)
  if (changed('hasTablet')) writeTablet(draft, model.hasTablet, [...domain, 'devices', 'inputs'])
  writeFirmware(draft, model, before, domain)
  writePairs(draft, ['metadata', 'labels'], model.labels, before.labels)
  writePairs(draft, ['metadata', 'annotations'], model.annotations, before.annotations)
  writePairs(draft, ['spec', 'template', 'metadata', 'labels'], model.instanceLabels, before.instanceLabels)
  return machine
}

const annotationPath = (key: string): string[] => ['metadata', 'annotations', key]
const labelPath = (key: string): string[] => ['metadata', 'labels', key]

/** A new machine's names: its own, its guest's, the label that finds its instance. */
function writeNames(draft: Draft, model: MachineModel, name: string): void {
  const isOneOfSeveral = name !== model.name
  draft.set(['metadata', 'name'], name)
  draft.set(['metadata', 'namespace'], model.namespace)
  draft.set(['spec', 'template', 'metadata', 'labels', VM_NAME], name)
  draft.set(['spec', 'template', 'spec', 'hostname'], isOneOfSeveral ? name : model.hostname || name)
  if (!isOneOfSeveral) return
  draft.set(['spec', 'template', 'metadata', 'labels', VM_NAME_PREFIX], model.name)
  const path = ['spec', 'template', 'spec', 'affinity', 'podAntiAffinity', 'preferredDuringSchedulingIgnoredDuringExecution']
  draft.set(path, [...listAt(draft.root, ...path), spreadRule(model.name)])
}

function writeSize(draft: Draft, model: MachineModel, domain: string[]): void {
  const cores = numberOf(model.cores) ?? 1
  const memory = gibQuantity(model.memory)
  if (!model.isHotPluggable) {
    draft.set(annotationPath(HOT_PLUG), undefined)
    draft.merge([...domain, 'cpu'], { cores, sockets: 1, threads: 1, maxSockets: undefined })
    draft.merge([...domain, 'resources', 'limits'], { cpu: String(cores), memory })
    // What the guest sees follows from the limit; Harvester works it out.
    draft.merge([...domain, 'memory'], { guest: undefined, maxGuest: undefined })
    draft.prune([...domain, 'memory'])
    return
  }
  // Whole sockets are what can be added to a running machine.
  const maxCores = numberOf(model.maxCores) ?? cores
  const maxMemory = gibQuantity(model.maxMemory || model.memory)
  draft.set(annotationPath(HOT_PLUG), 'true')
  draft.merge([...domain, 'cpu'], { cores: 1, threads: 1, sockets: cores, maxSockets: maxCores })
  draft.merge([...domain, 'memory'], { guest: memory, maxGuest: maxMemory })
  draft.merge([...domain, 'resources', 'limits'], { cpu: String(maxCores), memory: maxMemory })
}

function writePlacement(draft: Draft, model: MachineModel, before: MachineModel): void {
  const selector = ['spec', 'template', 'spec', 'nodeSelector']
  const node = model.placement === 'node' ? model.node : ''
  const nodeBefore = before.placement === 'node' ? before.node : ''
  if (node !== nodeBefore) {
    draft.set([...selector, HOSTNAME_LABEL], node || undefined)
    draft.prune(selector)
  }
  writeAffinity(draft, model, before)
}

function writeTablet(draft: Draft, hasTablet: boolean, path: string[]): void {
  const others = listAt(draft.root, ...path).filter((input) => at(input, 'type') !== 'tablet')
  draft.set(path, hasTablet ? [...others, { bus: 'usb', name: 'tablet', type: 'tablet' }] : others)
}

function writeFirmware(draft: Draft, model: MachineModel, before: MachineModel, domain: string[]): void {
  const differs = (...fields: (keyof MachineModel)[]): boolean => fields.some((field) => model[field] !== before[field])
  const bootloader = [...domain, 'firmware', 'bootloader']
  if (differs('isEfi', 'isEfiPersistent', 'isSecureBoot')) {
    draft.set(bootloader, undefined)
    if (model.isEfi) draft.set([...bootloader, 'efi'], { secureBoot: model.isSecureBoot, ...(model.isEfiPersistent && { persistent: true }) })
    draft.prune([...domain, 'firmware'])
    // Secure boot needs the processor's system management mode.
    draft.set([...domain, 'features', 'smm'], model.isEfi && model.isSecureBoot ? { enabled: true } : undefined)
    draft.prune([...domain, 'features'])
  }
  if (differs('hasTpm', 'isTpmPersistent')) {
    draft.set([...domain, 'devices', 'tpm'], model.hasTpm ? (model.isTpmPersistent ? { persistent: true } : {}) : undefined)
  }
}

function writePairs(draft: Draft, path: string[], pairs: MachineModel['labels'], before: MachineModel['labels']): void {
  if (isSame(pairs, before)) return
  for (const { key } of before) draft.set([...path, key], undefined)
  for (const [key, value] of Object.entries(fromPairs(pairs))) {
    // Those have fields of their own, which must not be talked over.
    if (!isOwnKey(key)) draft.set([...path, key], value)
  }
}
