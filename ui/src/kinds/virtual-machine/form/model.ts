/**
 * A machine as its form holds it: texts and choices, flat where the manifest is deep.
 *
 * `read.ts` makes it of a manifest, `write.ts` puts it back into that manifest. INVARIANT: reading and writing back
 * changes nothing (`round-trip.test.ts`), so what the form does not know survives every edit.
 */
import type { Pair } from '@/ui/pairs'

export type VolumeSource =
  /** A new volume made from an image. */
  | 'image'
  /** A new, empty volume. */
  | 'blank'
  /** A volume that exists already. */
  | 'claim'
  /** An image of a container registry; read-only drivers and the like. */
  | 'container'
  /** Something the form does not know; it is shown and kept. */
  | 'other'

export type DiskType = 'disk' | 'cd-rom' | 'lun'

export interface VolumeRow {
  /** What the row is known by: its name in the manifest it was read from. Kept in drafts, so it must not be random. */
  id: string
  /** Five letters that make the name of the volume unique that is made for it. */
  key: string
  name: string
  source: VolumeSource
  type: DiskType
  bus: string
  /** In GiB, as typed; empty where the size is not ours to say. */
  size: string
  /** `namespace/name`. */
  image: string
  storageClass: string
  /** The claim's name once there is one. */
  claim: string
  container: string
}

export interface NetworkRow {
  id: string
  name: string
  /** `''` for the management network, else `namespace/name`. */
  network: string
  type: 'masquerade' | 'bridge' | 'other'
  model: string
  mac: string
}

/** How somebody gets into the guest, set by its agent. */
export interface CredentialRow {
  id: string
  /** Five letters that name the Secret which is made for it. */
  key: string
  type: 'password' | 'keys' | 'other'
  /** The Secret's name once there is one. */
  secret: string
  /** Whose password it is. */
  user: string
  /** Empty where what the Secret holds stays. */
  password: string
  /** Whom the keys let in, separated by commas. */
  users: string
  /** `namespace/name` of key pairs. */
  keys: string[]
}

/** A device of a host that the machine has for itself. */
export interface DeviceRow {
  /** The device's own name. */
  name: string
  /** What kind of device the machine asks for: the resource that hosts offer. */
  resource: string
}

export const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'] as const
export type Operator = (typeof OPERATORS)[number]

export interface Expression {
  key: string
  operator: Operator
  /** Separated by commas. */
  values: string
}

export interface NodeRule {
  id: string
  isRequired: boolean
  weight: string
  expressions: Expression[]
}

export interface MachineRule extends NodeRule {
  /** Keep away from the machines that match, rather than near to them. */
  isAnti: boolean
  topologyKey: string
}

export interface MachineModel {
  /** Makes the names of what is created with it unique. */
  key: string
  namespace: string
  name: string
  description: string
  /** How many are made at once; only when creating. */
  count: number
  /** `namespace/name` of a template's version that this began with. */
  template: string

  cores: string
  /** In GiB, as typed. */
  memory: string
  /** Processors and memory may grow while it runs, up to these. */
  isHotPluggable: boolean
  maxCores: string
  maxMemory: string
  sshKeys: string[]

  volumes: VolumeRow[]
  networks: NetworkRow[]

  placement: 'any' | 'node' | 'rules'
  node: string
  nodeRules: NodeRule[]
  machineRules: MachineRule[]

  /** PCI and USB devices, and functions of network cards. */
  hostDevices: DeviceRow[]
  gpus: DeviceRow[]

  credentials: CredentialRow[]
  hasCloudInit: boolean
  userData: string
  networkData: string

  runStrategy: string
  os: string
  maintenance: string
  reservedMemory: string
  hostname: string
  machineType: string
  terminationGrace: string
  isCpuPinned: boolean
  hasTablet: boolean
  isEfi: boolean
  isEfiPersistent: boolean
  isSecureBoot: boolean
  hasTpm: boolean
  isTpmPersistent: boolean
  labels: Pair[]
  instanceLabels: Pair[]
  annotations: Pair[]
}

export const RUN_STRATEGIES = ['RerunOnFailure', 'Always', 'Manual', 'Halted'] as const
export const OS_TYPES = ['linux', 'windows', 'ubuntu', 'debian', 'fedora', 'redhat', 'openSUSE', 'SLEs', 'oracle', 'gentoo', 'otherLinux'] as const
export const BUSES = ['virtio', 'sata', 'scsi'] as const
export const DISK_TYPES = ['disk', 'cd-rom'] as const
export const NIC_MODELS = ['virtio', 'e1000', 'e1000e', 'ne2k_pci', 'pcnet', 'rtl8139'] as const
export const MAINTENANCE_STRATEGIES = ['Migrate', 'ShutdownAndRestartAfterEnable', 'ShutdownAndRestartAfterDisable', 'Shutdown'] as const

/** Harvester's own consoles make at most this many at once. */
export const MAX_COUNT = 10
export const CLOUD_INIT_DISK = 'cloudinitdisk'

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789'
const KEY_LENGTH = 5

/** Five letters and digits, without vowels and look-alikes, as Kubernetes makes them. */
export function newKey(): string {
  const random = crypto.getRandomValues(new Uint8Array(KEY_LENGTH))
  return Array.from(random, (byte) => LETTERS[byte % LETTERS.length]).join('')
}

/** Another key for the same row of another machine: the same one each time, so that trying again makes no duplicates. */
export function keyFor(key: string, index: number): string {
  if (index === 0) return key
  let hash = 5381
  for (const letter of `${key}/${index}`) hash = (hash * 33) ^ letter.charCodeAt(0)
  let rest = hash >>> 0
  let text = ''
  for (let length = 0; length < KEY_LENGTH; length++) {
    text += LETTERS[rest % LETTERS.length]
    rest = Math.floor(rest / LETTERS.length)
  }
  return text
}

/** `disk-0`, or the next number that is free. */
export function freeName(prefix: string, taken: readonly string[]): string {
  for (let number = 0; ; number++) {
    const name = `${prefix}-${number}`
    if (!taken.includes(name)) return name
  }
}

/** The names of the machines a form makes: `web`, or `web-01 … web-10`. */
export function namesOf({ name, count }: Pick<MachineModel, 'name' | 'count'>): string[] {
  if (count <= 1) return [name]
  const prefix = name.endsWith('-') ? name : `${name}-`
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index + 1).padStart(2, '0')}`)
}
