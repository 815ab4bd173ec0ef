/** A manifest into the form. Pure. */
import { at, listAt, textAt } from '@/core/kubernetes'
import { parseQuantity } from '@/core/quantity'
import { isRecord } from '@/core/same'
import { toPairs } from '@/ui/pairs'

import {
  annotation,
  claimOf,
  claimTemplatesOf,
  DESCRIPTION,
  HOSTNAME_LABEL,
  IMAGE_ID,
  MAINTENANCE,
  named,
  OS,
  RESERVED_MEMORY,
  runStrategyOf,
  specOf,
  sshNamesOf,
  type ClaimTemplate,
  type Disk,
  type InstanceSpec,
  type Interface,
  type Network,
  type VirtualMachine,
  type Volume,
} from '../types'
import { readCredentials } from './credentials'
import { newKey, OPERATORS, type DeviceRow, type Expression, type MachineModel, type MachineRule, type NetworkRow, type NodeRule, type Operator, type VolumeRow } from './model'

export const HOT_PLUG = 'harvesterhci.io/enableCPUAndMemoryHotplug'
const GIB = 2 ** 30

/** What the form says with fields of its own, and what controllers keep for themselves: not for the lists of pairs. */
const OWN_KEYS = /^(harvesterhci\.io\/|network\.harvesterhci\.io\/|restore\.harvesterhci\.io\/|kubevirt\.io\/|vm\.kubevirt\.io\/|field\.cattle\.io\/|kubectl\.kubernetes\.io\/)/

/** Rules that Harvester adds to a machine itself, for its networks and pinned processors. */
export const SYSTEM_EXPRESSION = /^(network\.harvesterhci\.io\/|cpumanager$)/

export function readModel(machine: VirtualMachine): MachineModel {
  const spec = specOf(machine)
  const domain = spec.domain ?? {}
  const efi = at(domain, 'firmware', 'bootloader', 'efi')
  const tpm = domain.devices?.tpm
  return {
    namespace: machine.metadata.namespace ?? '',
    name: machine.metadata.name,
    description: annotation(machine, DESCRIPTION) ?? '',
    key: newKey(),
    count: 1,
    template: '',
    ...readSize(machine, spec),
    sshKeys: sshNamesOf(machine),
    volumes: readVolumes(machine),
    networks: readNetworks(spec),
    ...readPlacement(spec),
    machineRules: readMachineRules(spec),
    hostDevices: readDevices(spec, 'hostDevices'),
    gpus: readDevices(spec, 'gpus'),
    credentials: readCredentials(machine),
    // Cloud-init may stand in a Secret, which whoever opens the form reads.
    hasCloudInit: named(spec.volumes).some((volume) => isRecord(volume.cloudInitNoCloud) || isRecord(volume.cloudInitConfigDrive)),
    userData: '',
    networkData: '',
    runStrategy: runStrategyOf(machine),
    os: machine.metadata.labels?.[OS] ?? '',
    maintenance: machine.metadata.labels?.[MAINTENANCE] ?? '',
    reservedMemory: annotation(machine, RESERVED_MEMORY) ?? '',
    hostname: spec.hostname ?? '',
    machineType: domain.machine?.type ?? '',
    terminationGrace: spec.terminationGracePeriodSeconds === undefined ? '' : String(spec.terminationGracePeriodSeconds),
    isCpuPinned: domain.cpu?.dedicatedCpuPlacement === true,
    hasTablet: listAt(domain, 'devices', 'inputs').some((input) => at(input, 'type') === 'tablet'),
    isEfi: isRecord(efi),
    isEfiPersistent: at(efi, 'persistent') === true,
    // KubeVirt takes an EFI that says nothing of it as secure.
    isSecureBoot: isRecord(efi) && efi['secureBoot'] !== false,
    hasTpm: isRecord(tpm),
    isTpmPersistent: at(tpm, 'persistent') === true,
    labels: ownPairs(machine.metadata.labels),
    instanceLabels: ownPairs(machine.spec?.template?.metadata?.labels),
    annotations: ownPairs(machine.metadata.annotations),
  }
}

/** Devices without a name of their own are left to the YAML. */
const readDevices = ({ domain }: InstanceSpec, list: 'hostDevices' | 'gpus'): DeviceRow[] =>
  named(listAt(domain, 'devices', list) as { name: string }[]).map((device) => ({ name: device.name, resource: textAt(device, 'deviceName') ?? '' }))

const ownPairs = (record: Record<string, string> | undefined): MachineModel['labels'] =>
  toPairs(record).filter(({ key }) => !isOwnKey(key))

export const isOwnKey = (key: string): boolean => OWN_KEYS.test(key)

function readSize(machine: VirtualMachine, { domain }: InstanceSpec): Pick<MachineModel, 'cores' | 'memory' | 'isHotPluggable' | 'maxCores' | 'maxMemory'> {
  const { cores = 1, sockets = 1, threads = 1, maxSockets } = domain?.cpu ?? {}
  const limits = domain?.resources?.limits
  const isHotPluggable = annotation(machine, HOT_PLUG) === 'true'
  const memory = isHotPluggable ? domain?.memory?.guest : (limits?.['memory'] ?? domain?.memory?.guest ?? domain?.resources?.requests?.['memory'])
  return {
    cores: domain?.cpu ? String(cores * sockets * threads) : String(limits?.['cpu'] ?? ''),
    memory: toGib(memory),
    isHotPluggable,
    maxCores: isHotPluggable ? String(cores * threads * (maxSockets ?? sockets)) : '',
    maxMemory: isHotPluggable ? toGib(domain?.memory?.maxGuest) : '',
  }
}

/** `4Gi` → `4`. */
export function toGib(quantity: unknown): string {
  const bytes = parseQuantity(quantity)
  return bytes === undefined ? '' : String(Math.round((bytes / GIB) * 1000) / 1000)
}

/** The disks in the order they are tried at boot, which is the order people give them. */
export function readVolumes(machine: VirtualMachine): VolumeRow[] {
  const spec = specOf(machine)
  const volumes = new Map(named(spec.volumes).map((volume) => [volume.name, volume]))
  const templates = new Map(claimTemplatesOf(machine).map((template) => [template.metadata.name, template]))
  const disks = named(spec.domain?.devices?.disks).filter(({ name }) => !isCloudInit(volumes.get(name)))
  return disks
    .map((disk, index) => ({ disk, order: disk.bootOrder ?? Number.MAX_SAFE_INTEGER, index }))
    .toSorted((a, b) => a.order - b.order || a.index - b.index)
    .map(({ disk }) => readVolume(disk, volumes.get(disk.name), templates))
}

export const isCloudInit = (volume: Volume | undefined): boolean => isRecord(volume?.cloudInitNoCloud) || isRecord(volume?.cloudInitConfigDrive)

function readVolume(disk: Disk, volume: Volume | undefined, templates: ReadonlyMap<string, ClaimTemplate>): VolumeRow {
  const type = disk.cdrom ? 'cd-rom' : disk.lun ? 'lun' : 'disk'
  const claim = (volume && claimOf(volume)) ?? ''
  const template = templates.get(claim)
  // Templates of machines name an image that is still to be chosen: the annotation is there, and empty.
  const image = template?.metadata.annotations?.[IMAGE_ID]
  return {
    id: disk.name,
    key: newKey(),
    name: disk.name,
    source: volume?.containerDisk ? 'container' : claim === '' ? 'other' : image !== undefined ? 'image' : template ? 'blank' : 'claim',
    type,
    bus: (disk.disk ?? disk.cdrom ?? disk.lun)?.bus ?? '',
    size: toGib(template?.spec?.resources?.requests?.storage),
    image: image ?? '',
    storageClass: template?.spec?.storageClassName ?? '',
    claim,
    container: volume?.containerDisk?.image ?? '',
  }
}

function readNetworks(spec: InstanceSpec): NetworkRow[] {
  const networks = new Map(named(spec.networks).map((network) => [network.name, network]))
  return named(spec.domain?.devices?.interfaces).map((nic) => readNetwork(nic, networks.get(nic.name)))
}

function readNetwork(nic: Interface, network: Network | undefined): NetworkRow {
  return {
    id: nic.name,
    name: nic.name,
    network: network?.multus?.networkName ?? '',
    type: nic.masquerade ? 'masquerade' : nic.bridge ? 'bridge' : 'other',
    model: nic.model ?? '',
    mac: nic.macAddress ?? '',
  }
}

function readPlacement(spec: InstanceSpec): Pick<MachineModel, 'placement' | 'node' | 'nodeRules'> {
  const node = spec.nodeSelector?.[HOSTNAME_LABEL] ?? ''
  const nodeRules = readNodeRules(spec)
  return { placement: node !== '' ? 'node' : nodeRules.length > 0 ? 'rules' : 'any', node, nodeRules }
}

function readNodeRules({ affinity }: InstanceSpec): NodeRule[] {
  const required = listAt(affinity, 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms')
  const preferred = listAt(affinity, 'nodeAffinity', 'preferredDuringSchedulingIgnoredDuringExecution')
  const rules = [
    ...required.map((term, index) => ({ id: `required-${index}`, isRequired: true, weight: '', expressions: readExpressions(listAt(term, 'matchExpressions')) })),
    ...preferred.map((entry, index) => ({
      id: `preferred-${index}`,
      isRequired: false,
      weight: textAt(entry, 'weight') ?? '1',
      expressions: readExpressions(listAt(entry, 'preference', 'matchExpressions')),
    })),
  ]
  return rules.filter(({ expressions }) => expressions.length > 0)
}

function readMachineRules({ affinity }: InstanceSpec): MachineRule[] {
  return (['podAffinity', 'podAntiAffinity'] as const).flatMap((kind) => {
    const rule = (term: unknown, weight: string, index: number): MachineRule => ({
      id: `${kind}-${weight === '' ? 'required' : 'preferred'}-${index}`,
      isAnti: kind === 'podAntiAffinity',
      isRequired: weight === '',
      weight,
      topologyKey: textAt(term, 'topologyKey') ?? '',
      expressions: readSelector(at(term, 'labelSelector')),
    })
    return [
      ...listAt(affinity, kind, 'requiredDuringSchedulingIgnoredDuringExecution').map((term, index) => rule(term, '', index)),
      ...listAt(affinity, kind, 'preferredDuringSchedulingIgnoredDuringExecution').map((entry, index) => rule(at(entry, 'podAffinityTerm'), textAt(entry, 'weight') ?? '1', index)),
    ]
  })
}

function readSelector(selector: unknown): Expression[] {
  const labels = at(selector, 'matchLabels')
  const exact = isRecord(labels) ? Object.entries(labels).map(([key, value]): Expression => ({ key, operator: 'In', values: String(value) })) : []
  return [...exact, ...readExpressions(listAt(selector, 'matchExpressions'))]
}

function readExpressions(list: unknown[]): Expression[] {
  return list.flatMap((entry) => {
    const key = textAt(entry, 'key') ?? ''
    const operator = textAt(entry, 'operator') as Operator | undefined
    if (SYSTEM_EXPRESSION.test(key) || !operator || !OPERATORS.includes(operator)) return []
    return [{ key, operator, values: listAt(entry, 'values').join(', ') }]
  })
}
