/** Hosts: Kubernetes nodes with what Harvester, Longhorn and the metrics server add. Pure. */
import { findCondition, listAt, textAt, type Condition, type KubeObject } from '@/core/kubernetes'
import { parseQuantity } from '@/core/quantity'
import { isRecord } from '@/core/same'

import { parseRecord } from '../shared/json'

export interface Taint {
  key: string
  value?: string
  effect: string
}

export interface Host extends KubeObject {
  spec?: { unschedulable?: boolean; taints?: Taint[] | null }
  status?: {
    addresses?: { type: string; address: string }[] | null
    allocatable?: Record<string, string> | null
    capacity?: Record<string, string> | null
    conditions?: Condition[] | null
    nodeInfo?: Record<string, string> | null
  }
}

export interface HostMetrics extends KubeObject {
  usage?: { cpu?: string; memory?: string }
}

const PREFIX = 'harvesterhci.io/'
export const ANNOTATIONS = {
  name: `${PREFIX}host-custom-name`,
  console: `${PREFIX}host-console-url`,
  maintenance: `${PREFIX}maintain-status`,
  drain: `${PREFIX}drain-requested`,
  forcedDrain: `${PREFIX}drain-forced`,
  cpuManager: `${PREFIX}cpu-manager-update-status`,
  requests: 'management.cattle.io/pod-requests',
} as const
const CPU_MANAGER_LABEL = 'cpumanager'
const DRAIN_TAINT = 'kubevirt.io/drain'

const annotation = (host: Host, key: string): string => host.metadata.annotations?.[key] ?? ''

/** The name people gave it, else its own. */
export const hostName = (host: Host): string => annotation(host, ANNOTATIONS.name) || host.metadata.name

export function addressOf(host: Host): string {
  const addresses = listAt(host, 'status', 'addresses')
  const internal = addresses.find((entry) => textAt(entry, 'type') === 'InternalIP') ?? addresses[0]
  return textAt(internal, 'address') ?? ''
}

/** Control plane, etcd and the roles Harvester gives, without their long prefixes. */
export function rolesOf(host: Host): string[] {
  const labels = Object.entries(host.metadata.labels ?? {})
  const names = labels.flatMap(([key, value]) => (value === 'true' ? (/^node-role\.(?:kubernetes|harvesterhci)\.io\/(.+)$/.exec(key)?.[1] ?? []) : []))
  // The old name of the control plane says nothing more.
  return [...new Set(names)].filter((name) => name !== 'master' || !names.includes('control-plane')).sort()
}

export interface Usage {
  total: number
  used: number | undefined
  /** Asked for by what runs there (processors, memory), or given out (storage). */
  reserved: number | undefined
}

export function cpuOf(host: Host, metrics: HostMetrics | undefined): Usage {
  const requests = parseRecord(annotation(host, ANNOTATIONS.requests))
  return { total: amount(host, 'cpu'), used: parseQuantity(metrics?.usage?.cpu), reserved: parseQuantity(requests['cpu']) }
}

export function memoryOf(host: Host, metrics: HostMetrics | undefined): Usage {
  const requests = parseRecord(annotation(host, ANNOTATIONS.requests))
  return { total: amount(host, 'memory'), used: parseQuantity(metrics?.usage?.memory), reserved: parseQuantity(requests['memory']) }
}

const amount = (host: Host, name: string): number => parseQuantity(host.status?.allocatable?.[name] ?? host.status?.capacity?.[name]) ?? 0

export interface Disk {
  name: string
  path: string
  total: number
  available: number
  scheduled: number
  reserved: number
  tags: string[]
  isSchedulable: boolean
  conditions: Condition[]
}

/** The disks that Longhorn has on a host. */
export function disksOf(storage: KubeObject | undefined): Disk[] {
  const spec = recordAt(storage, 'spec', 'disks')
  const status = recordAt(storage, 'status', 'diskStatus')
  return Object.keys(status).map((name) => ({
    name,
    path: textAt(spec[name], 'path') ?? '',
    total: bytes(status[name], 'storageMaximum'),
    available: bytes(status[name], 'storageAvailable'),
    scheduled: bytes(status[name], 'storageScheduled'),
    reserved: bytes(spec[name], 'storageReserved'),
    tags: listAt(spec[name], 'tags').filter((tag) => typeof tag === 'string'),
    isSchedulable: textAt(spec[name], 'allowScheduling') !== 'false',
    conditions: listAt(status[name], 'conditions').filter((entry): entry is Condition => typeof (entry as Condition | null)?.type === 'string'),
  }))
}

function recordAt(object: unknown, ...path: string[]): Record<string, unknown> {
  let value: unknown = object
  for (const step of path) value = isRecord(value) ? value[step] : undefined
  return isRecord(value) ? value : {}
}

const bytes = (object: unknown, key: string): number => Number(textAt(object, key) ?? 0) || 0

export function storageOf(storage: KubeObject | undefined): Usage | undefined {
  const disks = disksOf(storage)
  if (disks.length === 0) return undefined
  const sum = (part: (disk: Disk) => number): number => disks.reduce((total, disk) => total + part(disk), 0)
  return { total: sum(({ total }) => total), used: sum(({ total, available }) => total - available), reserved: sum(({ scheduled }) => scheduled) }
}

/** What is wrong with a host's disks: conditions that are not true, with the disk they are of. */
export function diskProblems(storage: KubeObject | undefined): { disk: string; condition: Condition }[] {
  return disksOf(storage).flatMap(({ name, conditions }) => conditions.filter(({ status }) => status === 'False').map((condition) => ({ disk: name, condition })))
}

export type Phase = 'maintenance' | 'entering' | 'notReady' | 'cordoned' | 'active'

/** What a host is doing. Maintenance comes first: a host that is being worked on may well be down. */
export function phaseOf(host: Host): Phase {
  const maintenance = annotation(host, ANNOTATIONS.maintenance)
  if (maintenance === 'completed') return 'maintenance'
  if (maintenance === 'running' || annotation(host, ANNOTATIONS.drain) === 'true') return 'entering'
  if (findCondition(host, 'Ready')?.status !== 'True') return 'notReady'
  return host.spec?.unschedulable === true ? 'cordoned' : 'active'
}

/** Pressures and the like: conditions other than Ready that hold, and should not. */
export const pressures = (host: Host): Condition[] =>
  (host.status?.conditions ?? []).filter((condition) => condition?.type !== 'Ready' && condition?.status === 'True')

export type CpuManager = 'on' | 'off' | 'changing' | 'failed'

export function cpuManagerOf(host: Host): CpuManager {
  const { status } = parseRecord(annotation(host, ANNOTATIONS.cpuManager))
  if (status === 'requested' || status === 'running') return 'changing'
  if (status === 'failed') return 'failed'
  return host.metadata.labels?.[CPU_MANAGER_LABEL] === 'true' ? 'on' : 'off'
}

// ---- changes, as merge patches --------------------------------------------------------------------------------------

export const cordonPatch = (unschedulable: boolean): object => ({ spec: { unschedulable: unschedulable || null } })

/** Asks Harvester to empty the host; it cordons, taints, moves and shuts down by itself. */
export const enterMaintenancePatch = (force: boolean): object => ({
  metadata: { annotations: { [ANNOTATIONS.drain]: 'true', ...(force && { [ANNOTATIONS.forcedDrain]: 'true' }) } },
})

/** What Harvester's own action does: nothing of the maintenance is left on the host. */
export function leaveMaintenancePatch(host: Host): object {
  const taints = host.spec?.taints ?? []
  const rest = taints.filter(({ key }) => key !== DRAIN_TAINT)
  return {
    metadata: { annotations: { [ANNOTATIONS.maintenance]: null, [ANNOTATIONS.drain]: null, [ANNOTATIONS.forcedDrain]: null } },
    spec: { unschedulable: null, ...(rest.length !== taints.length && { taints: rest.length > 0 ? rest : null }) },
  }
}

export const cpuManagerPatch = (policy: 'static' | 'none'): object => ({
  metadata: { annotations: { [ANNOTATIONS.cpuManager]: JSON.stringify({ status: 'requested', policy }) } },
})

// ---- machines on a host ---------------------------------------------------------------------------------------------

const STRATEGY = `${PREFIX}maintain-mode-strategy`
export const STOPPED_FOR = `${PREFIX}maintain-mode-strategy-node-name`

export interface Leaving<V extends KubeObject> {
  /** Will be moved to other hosts. */
  moving: V[]
  /** Will be shut down, as they ask for. */
  stopping: V[]
  /** Neither: they block the host unless it is forced. */
  stuck: V[]
}

/** What becomes of the instances of a host that is to be emptied. */
export function leaving<V extends KubeObject>(instances: readonly V[], hasOtherHost: boolean): Leaving<V> {
  const result: Leaving<V> = { moving: [], stopping: [], stuck: [] }
  for (const instance of instances) {
    const strategy = instance.metadata.labels?.[STRATEGY] ?? 'Migrate'
    const isMovable = hasOtherHost && findCondition(instance, 'LiveMigratable')?.status !== 'False'
    if (strategy !== 'Migrate') result.stopping.push(instance)
    else if (isMovable) result.moving.push(instance)
    else result.stuck.push(instance)
  }
  return result
}

/** Machines that were shut down for this host's maintenance and wait to be started when it ends. */
export const waitingFor = (host: string, machines: readonly KubeObject[]): KubeObject[] =>
  machines.filter(({ metadata }) => metadata.labels?.[STRATEGY] === 'ShutdownAndRestartAfterDisable' && metadata.annotations?.[STOPPED_FOR] === host)
