/** What a form begins with: a new machine, one like a template's or another machine's, one that exists. Pure. */
import {
  CLAIM_TEMPLATES,
  claimTemplatesOf,
  CREATOR,
  HOSTNAME_LABEL,
  MAINTENANCE,
  named,
  OS,
  RESERVED_MEMORY,
  runStrategyOf,
  specOf,
  type InstanceSpec,
  type VirtualMachine,
} from '../types'
import { DYNAMIC_KEY_NAMES, DYNAMIC_KEY_USERS } from './credentials'
import { freeName, newKey, type Expression, type MachineModel, type MachineRule, type NodeRule, type NetworkRow, type VolumeRow } from './model'
import { HOT_PLUG, readModel } from './read'

export interface Defaults {
  namespace: string
  terminationGrace: number
  machineType: string
  os: string
}

/** A machine of which nothing has been said yet, as Harvester's own form begins it. */
export function blankMachine({ namespace, terminationGrace, machineType, os }: Defaults): VirtualMachine {
  const spec: InstanceSpec = {
    evictionStrategy: 'LiveMigrateIfPossible',
    terminationGracePeriodSeconds: terminationGrace,
    affinity: {},
    networks: [{ name: 'default', pod: {} }],
    volumes: [],
    domain: {
      machine: { type: machineType },
      cpu: { cores: 2, sockets: 1, threads: 1 },
      resources: { limits: { cpu: '2', memory: '4Gi' } },
      features: { acpi: { enabled: true } },
      devices: {
        inputs: [{ bus: 'usb', name: 'tablet', type: 'tablet' }],
        interfaces: [{ name: 'default', model: 'virtio', masquerade: {} }],
        disks: [],
      },
    },
  }
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: {
      name: '',
      namespace,
      labels: { [CREATOR]: 'harvester', [OS]: os, [MAINTENANCE]: 'Migrate' },
      annotations: { 'network.harvesterhci.io/ips': '[]', [CLAIM_TEMPLATES]: '[]' },
    },
    spec: { runStrategy: 'RerunOnFailure', template: { metadata: { annotations: {}, labels: {} }, spec } },
  }
}

/** What of another machine's metadata describes the machine rather than its life so far. */
const COPIED_ANNOTATIONS = new Set([CLAIM_TEMPLATES, RESERVED_MEMORY, HOT_PLUG])

/** A new machine like this one: without its name, its addresses, its credentials and everything its life left behind. */
export function machineLike(source: VirtualMachine, namespace: string): VirtualMachine {
  const spec = structuredClone(specOf(source))
  delete spec['accessCredentials']
  delete spec.hostname
  for (const nic of named(spec.domain?.devices?.interfaces)) delete nic.macAddress
  const annotations = Object.entries(source.metadata.annotations ?? {}).filter(([key]) => COPIED_ANNOTATIONS.has(key))
  const template = source.spec?.template?.metadata
  const strategy = runStrategyOf(source)
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: {
      name: '',
      namespace,
      labels: { [CREATOR]: 'harvester', ...source.metadata.labels },
      annotations: { 'network.harvesterhci.io/ips': '[]', ...Object.fromEntries(annotations) },
    },
    spec: {
      runStrategy: strategy === 'Halted' && source.metadata.uid ? 'RerunOnFailure' : strategy,
      template: {
        metadata: { annotations: Object.fromEntries(Object.entries(template?.annotations ?? {}).filter(([key]) => key !== DYNAMIC_KEY_NAMES && key !== DYNAMIC_KEY_USERS)), labels: { ...template?.labels } },
        spec,
      },
    },
  }
}

/** How the form of a new machine begins: the claims that the manifest names are not there yet, each row gets its own. */
export function newModel(machine: VirtualMachine): { before: MachineModel; model: MachineModel } {
  const before = readModel(machine)
  const templates = new Set(claimTemplatesOf(machine).map(({ metadata }) => metadata.name))
  const volumes = before.volumes.map((row) => (templates.has(row.claim) && row.source !== 'claim' ? { ...row, claim: '' } : row))
  const hostname = before.hostname === before.name ? '' : before.hostname
  return { before, model: { ...before, hostname, volumes } }
}

/** Another row of volumes. */
export function newVolume(source: VolumeRow['source'], rows: readonly VolumeRow[]): VolumeRow {
  const isContainer = source === 'container'
  const key = newKey()
  return {
    id: key,
    key,
    name: freeName(
      'disk',
      rows.map(({ name }) => name),
    ),
    source,
    type: isContainer ? 'cd-rom' : 'disk',
    bus: isContainer ? 'sata' : 'virtio',
    size: isContainer || source === 'claim' ? '' : '10',
    image: '',
    storageClass: '',
    claim: '',
    container: '',
  }
}

export function newNetwork(rows: readonly NetworkRow[]): NetworkRow {
  const names = rows.map(({ name }) => name)
  const name = names.includes('default') ? freeName('nic', ['nic-0', ...names]) : 'default'
  return { id: newKey(), name, network: '', type: 'masquerade', model: 'virtio', mac: '' }
}

/** Smallest disk made from an image that is no ISO, GiB. */
const MIN_IMAGE_GIB = 10
const GIB = 2 ** 30

/** What choosing an image says about the row: its size, and that an ISO is a CD in a drive. */
export function withImage(row: VolumeRow, id: string, image: { size: number; isIso: boolean } | undefined): VolumeRow {
  const needed = Math.ceil((image?.size ?? 0) / GIB)
  if (image?.isIso) return { ...row, source: 'image', image: id, type: 'cd-rom', bus: 'sata', size: String(Math.max(needed, 1)) }
  const wasIso = row.type === 'cd-rom'
  const typed = wasIso ? 0 : Number(row.size) || 0
  return {
    ...row,
    source: 'image',
    image: id,
    type: 'disk',
    bus: wasIso || row.bus === '' ? 'virtio' : row.bus,
    size: String(Math.max(needed, MIN_IMAGE_GIB, typed)),
  }
}

const newExpression = (): Expression => ({ key: '', operator: 'In', values: '' })

export const newNodeRule = (): NodeRule => ({ id: newKey(), isRequired: true, weight: '1', expressions: [newExpression()] })
export const newMachineRule = (): MachineRule => ({ ...newNodeRule(), isRequired: false, isAnti: true, topologyKey: HOSTNAME_LABEL })
