/**
 * The shapes of KubeVirt's and Harvester's objects, as far as the console reads them.
 *
 * Everything is optional: clusters differ in version, and objects come from many hands. What is not named here is kept
 * as it is, because nothing is ever written back from these types.
 */
import { at, isTrue, textAt, type Condition, type KubeObject } from '@/core/kubernetes'
import { parseQuantity } from '@/core/quantity'
import { isRecord } from '@/core/same'

export const KUBEVIRT = 'kubevirt.io'
export const SUBRESOURCES = 'subresources.kubevirt.io'
export const HARVESTER = 'harvesterhci.io'

export const MACHINES = { group: KUBEVIRT, version: 'v1', resource: 'virtualmachines' }
export const INSTANCES = { group: KUBEVIRT, version: 'v1', resource: 'virtualmachineinstances' }
export const MIGRATIONS = { group: KUBEVIRT, version: 'v1', resource: 'virtualmachineinstancemigrations' }
/** What is done to machines goes to these. */
export const MACHINE_ACTIONS = { ...MACHINES, group: SUBRESOURCES }
export const INSTANCE_ACTIONS = { ...INSTANCES, group: SUBRESOURCES }
export const BACKUPS = { group: HARVESTER, version: 'v1beta1', resource: 'virtualmachinebackups' }
export const RESTORES = { group: HARVESTER, version: 'v1beta1', resource: 'virtualmachinerestores' }
export const SCHEDULES = { group: HARVESTER, version: 'v1beta1', resource: 'schedulevmbackups' }
export const TEMPLATES = { group: HARVESTER, version: 'v1beta1', resource: 'virtualmachinetemplates' }
export const TEMPLATE_VERSIONS = { group: HARVESTER, version: 'v1beta1', resource: 'virtualmachinetemplateversions' }
export const IMAGES = { group: HARVESTER, version: 'v1beta1', resource: 'virtualmachineimages' }
export const KEY_PAIRS = { group: HARVESTER, version: 'v1beta1', resource: 'keypairs' }
export const SETTINGS = { group: HARVESTER, version: 'v1beta1', resource: 'settings' }
export const NETWORKS = { group: 'k8s.cni.cncf.io', version: 'v1', resource: 'network-attachment-definitions' }
export const CLAIMS = { group: '', version: 'v1', resource: 'persistentvolumeclaims' }
export const SECRETS = { group: '', version: 'v1', resource: 'secrets' }
export const CONFIG_MAPS = { group: '', version: 'v1', resource: 'configmaps' }
export const NODES = { group: '', version: 'v1', resource: 'nodes' }
export const NAMESPACES = { group: '', version: 'v1', resource: 'namespaces' }
export const QUOTAS = { group: '', version: 'v1', resource: 'resourcequotas' }
export const STORAGE_CLASSES = { group: 'storage.k8s.io', version: 'v1', resource: 'storageclasses' }

/** Annotations and labels of Harvester that more than one file reads. */
export const CLAIM_TEMPLATES = 'harvesterhci.io/volumeClaimTemplates'
export const REMOVED_CLAIMS = 'harvesterhci.io/removedPersistentVolumeClaims'
export const RUN_STRATEGY = 'harvesterhci.io/vmRunStrategy'
export const RESERVED_MEMORY = 'harvesterhci.io/reservedMemory'
export const SSH_NAMES = 'harvesterhci.io/sshNames'
export const CUSTOM_IP = 'harvesterhci.io/custom-ip'
export const QUOTA_PROBLEM = 'harvesterhci.io/insufficient-resource-quota'
export const MIGRATION_STATE = 'harvesterhci.io/migrationState'
export const IMAGE_ID = 'harvesterhci.io/imageId'
export const DESCRIPTION = 'field.cattle.io/description'
export const VM_NAME = 'harvesterhci.io/vmName'
export const VM_NAME_PREFIX = 'harvesterhci.io/vmNamePrefix'
export const OS = 'harvesterhci.io/os'
export const CREATOR = 'harvesterhci.io/creator'
export const MAINTENANCE = 'harvesterhci.io/maintain-mode-strategy'
export const CLOUD_INIT_LABEL = 'harvesterhci.io/cloud-init-template'
export const HOSTNAME_LABEL = 'kubernetes.io/hostname'

type Loose = Record<string, unknown>

export interface Disk extends Loose {
  name: string
  bootOrder?: number
  disk?: { bus?: string }
  cdrom?: { bus?: string }
  lun?: { bus?: string }
}

export interface CloudInit extends Loose {
  secretRef?: { name: string }
  networkDataSecretRef?: { name: string }
  userData?: string
  userDataBase64?: string
  networkData?: string
  networkDataBase64?: string
}

export interface Volume extends Loose {
  name: string
  persistentVolumeClaim?: { claimName: string; hotpluggable?: boolean }
  dataVolume?: { name: string; hotpluggable?: boolean }
  containerDisk?: { image: string }
  cloudInitNoCloud?: CloudInit
  cloudInitConfigDrive?: CloudInit
}

export interface Interface extends Loose {
  name: string
  model?: string
  macAddress?: string
  masquerade?: Loose
  /** `absent` while it is on its way out. */
  state?: string
  bridge?: Loose
}

export interface Network extends Loose {
  name: string
  pod?: Loose
  multus?: { networkName: string }
}

export interface Domain extends Loose {
  cpu?: { cores?: number; sockets?: number; threads?: number; maxSockets?: number; dedicatedCpuPlacement?: boolean }
  memory?: { guest?: string; maxGuest?: string }
  resources?: { limits?: Record<string, string | number>; requests?: Record<string, string | number> }
  machine?: { type?: string }
  features?: Loose
  firmware?: Loose
  devices?: { disks?: Disk[]; interfaces?: Interface[]; inputs?: Loose[]; tpm?: Loose } & Loose
}

export interface InstanceSpec extends Loose {
  hostname?: string
  domain?: Domain
  networks?: Network[]
  volumes?: Volume[]
  nodeSelector?: Record<string, string>
  affinity?: Loose
  terminationGracePeriodSeconds?: number
  evictionStrategy?: string
}

export interface StateChangeRequest {
  action: 'Start' | 'Stop'
  uid?: string
}

export interface VirtualMachine extends KubeObject {
  spec?: {
    runStrategy?: string
    running?: boolean
    template?: { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }; spec?: InstanceSpec }
  }
  status?: {
    printableStatus?: string
    created?: boolean
    ready?: boolean
    conditions?: Condition[]
    stateChangeRequests?: StateChangeRequest[]
    snapshotInProgress?: string
  }
}

export interface InterfaceStatus {
  name?: string
  mac?: string
  ipAddress?: string
  ipAddresses?: string[]
  interfaceName?: string
}

export interface Instance extends KubeObject {
  spec?: InstanceSpec
  status?: {
    phase?: string
    nodeName?: string
    conditions?: Condition[]
    interfaces?: InterfaceStatus[]
    guestOSInfo?: { prettyName?: string; name?: string; kernelRelease?: string; hostname?: string }
    activePods?: Record<string, string>
    migrationState?: { completed?: boolean; failed?: boolean; sourceNode?: string; targetNode?: string; startTimestamp?: string; endTimestamp?: string; mode?: string }
    volumeStatus?: { name?: string; target?: string; hotplugVolume?: Loose; phase?: string; message?: string }[]
  }
}

/** An entry of the annotation from which Harvester makes the volumes of a machine. */
export interface ClaimTemplate extends Loose {
  metadata: { name: string; annotations?: Record<string, string> } & Loose
  spec?: { accessModes?: string[]; volumeMode?: string; storageClassName?: string; resources?: { requests?: { storage?: string } } } & Loose
}

export const specOf = (machine: VirtualMachine): InstanceSpec => machine.spec?.template?.spec ?? {}

/** The strategy in force; `running` is its older form. */
export function runStrategyOf({ spec }: VirtualMachine): string {
  return spec?.runStrategy ?? (spec?.running ? 'Always' : 'Halted')
}

export const annotation = (object: KubeObject, key: string): string | undefined => object.metadata.annotations?.[key]

export const instanceLabelsOf = (machine: VirtualMachine): Record<string, string> => machine.spec?.template?.metadata?.labels ?? {}

/** Lists as a cluster may send them: absent, or with things in them that have no name. */
export function named<T extends { name: string }>(list: readonly T[] | undefined | null): T[] {
  return Array.isArray(list) ? list.filter((item) => typeof item?.name === 'string') : []
}

export function claimTemplatesOf(machine: VirtualMachine): ClaimTemplate[] {
  const parsed = parseJson(annotation(machine, CLAIM_TEMPLATES))
  if (!Array.isArray(parsed)) return []
  return parsed.filter((entry): entry is ClaimTemplate => typeof at(entry, 'metadata', 'name') === 'string')
}

/** The claim behind a volume, if it is one. */
export const claimOf = (volume: Volume): string | undefined => volume.persistentVolumeClaim?.claimName ?? volume.dataVolume?.name

export function claimsOf(machine: VirtualMachine): string[] {
  return named(specOf(machine).volumes).flatMap((volume) => claimOf(volume) ?? [])
}

/** Virtual processors. */
export function coresOf({ domain }: InstanceSpec): number | undefined {
  const { cores = 1, sockets = 1, threads = 1 } = domain?.cpu ?? {}
  return domain?.cpu ? cores * sockets * threads : parseQuantity(domain?.resources?.limits?.['cpu'])
}

/** Memory in bytes: what was asked for, of which the guest may see a little less. */
export function memoryOf({ domain }: InstanceSpec): number | undefined {
  return parseQuantity(domain?.resources?.limits?.['memory'] ?? domain?.memory?.guest ?? domain?.resources?.requests?.['memory'])
}

/** The interfaces that the running machine reports. */
export function interfacesOf(instance: Instance | undefined): InterfaceStatus[] {
  const interfaces = instance?.status?.interfaces
  return Array.isArray(interfaces) ? interfaces.filter((entry) => Boolean(entry)) : []
}

/** Every address that is known, the primary ones first. */
export function addressesOf(machine: VirtualMachine, instance: Instance | undefined): string[] {
  const found = interfacesOf(instance).flatMap(({ ipAddress, ipAddresses }) => [ipAddress, ...(ipAddresses ?? [])])
  const typed = annotation(machine, CUSTOM_IP)
  return [...new Set([...found, typed].filter((address): address is string => typeof address === 'string' && address !== ''))]
}

export const isPaused = (instance: Instance | undefined): boolean => isTrue(instance, 'Paused')
export const needsRestart = (machine: VirtualMachine): boolean => isTrue(machine, 'RestartRequired')

/** The names of the keys that a machine was given. */
export function sshNamesOf(machine: VirtualMachine): string[] {
  const parsed = parseJson(textAt(machine, 'spec', 'template', 'metadata', 'annotations', SSH_NAMES))
  return Array.isArray(parsed) ? parsed.filter((name) => typeof name === 'string') : []
}

export function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return null
  }
}

/** Cloud-init's volume, whichever flavour it is. */
export function cloudInitOf(machine: VirtualMachine): { volume: string; flavour: 'cloudInitNoCloud' | 'cloudInitConfigDrive'; source: CloudInit } | undefined {
  for (const volume of named(specOf(machine).volumes)) {
    for (const flavour of ['cloudInitNoCloud', 'cloudInitConfigDrive'] as const) {
      const source = volume[flavour]
      if (isRecord(source)) return { volume: volume.name, flavour, source }
    }
  }
  return undefined
}
