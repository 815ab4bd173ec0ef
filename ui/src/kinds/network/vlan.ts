/** Uplinks of cluster networks: which hosts they are on, through which ports, and whether they stand. Pure. */
import { findCondition, listAt, textAt, type Condition, type KubeObject } from '@/core/kubernetes'

import { parseTexts } from '../shared/json'

export interface VlanConfig extends KubeObject {
  spec?: {
    clusterNetwork?: string
    description?: string
    nodeSelector?: Record<string, string> | null
    uplink?: {
      nics?: string[] | null
      linkAttributes?: { mtu?: number; txQLen?: number; hardwareAddr?: string } | null
      bondOptions?: { mode?: string; miimon?: number } | null
    }
  }
}

export interface VlanStatus extends KubeObject {
  status?: { clusterNetwork?: string; vlanConfig?: string; linkMonitor?: string; node?: string; localAreas?: { vlanID?: number; cidr?: string }[] | null; conditions?: Condition[] | null }
}

export interface Link {
  name: string
  type: string
  state: string
  mac: string
  index: number
  masterIndex: number | undefined
}

export const BOND_MODES = ['active-backup', 'balance-rr', 'balance-xor', 'broadcast', '802.3ad', 'balance-tlb', 'balance-alb'] as const
export const DEFAULT_MTU = 1500
export const MIN_MTU = 576
export const MAX_MTU = 9000
/** A bridge is named after the cluster network, and Linux allows 15 characters with `-br` and a suffix. */
export const MAX_CLUSTER_NETWORK_NAME = 12
export const MANAGEMENT_NETWORK = 'mgmt'
const HOSTNAME = 'kubernetes.io/hostname'
const MATCHED_NODES = 'network.harvesterhci.io/matched-nodes'
const WITNESS = 'node-role.harvesterhci.io/witness'

export type NodeChoice = 'all' | 'host' | 'labels'

export function nodeChoiceOf(selector: Record<string, string> | null | undefined): NodeChoice {
  const keys = Object.keys(selector ?? {})
  if (keys.length === 0) return 'all'
  return keys.length === 1 && keys[0] === HOSTNAME ? 'host' : 'labels'
}

export const hostOf = (selector: Record<string, string> | null | undefined): string => selector?.[HOSTNAME] ?? ''
export const hostSelector = (host: string): Record<string, string> => ({ [HOSTNAME]: host })

/** The hosts a selector means; those that run no machines take no part. */
export function selectedHosts<N extends KubeObject>(selector: Record<string, string> | null | undefined, nodes: readonly N[]): N[] {
  const wanted = Object.entries(selector ?? {})
  return nodes.filter((node) => {
    const labels = node.metadata.labels ?? {}
    return labels[WITNESS] !== 'true' && wanted.every(([key, value]) => labels[key] === value)
  })
}

export const nicsOf = (config: VlanConfig): string[] => listAt(config, 'spec', 'uplink', 'nics').filter((nic) => typeof nic === 'string')

/** What the controller says the uplink is on. */
export const matchedHosts = (config: VlanConfig): string[] => parseTexts(config.metadata.annotations?.[MATCHED_NODES])

/** The physical ports of each host, from the link monitor `nic`. */
export function linksByHost(monitor: KubeObject | undefined): Map<string, Link[]> {
  const byHost = new Map<string, Link[]>()
  const status = (monitor as { status?: { linkStatus?: unknown } } | undefined)?.status?.linkStatus
  if (typeof status !== 'object' || status === null) return byHost
  for (const host of Object.keys(status)) {
    const links = listAt(status, host)
      .map((link) => ({
        name: textAt(link, 'name') ?? '',
        type: textAt(link, 'type') ?? '',
        state: textAt(link, 'state') ?? '',
        mac: textAt(link, 'mac') ?? '',
        index: Number(textAt(link, 'index') ?? 0),
        masterIndex: numberOr(textAt(link, 'masterIndex')),
      }))
      .filter(({ name }) => name !== '')
    byHost.set(host, links)
  }
  return byHost
}

const numberOr = (text: string | undefined): number | undefined => (text === undefined || text === '0' ? undefined : Number(text))

export interface Port {
  name: string
  /** Already part of a bond or bridge on one of the hosts. */
  isTaken: boolean
  isDown: boolean
}

/** The ports that every one of the hosts has: only those can carry an uplink. */
export function commonPorts(hosts: readonly string[], links: ReadonlyMap<string, readonly Link[]>): Port[] {
  const [first, ...others] = hosts.map((host) => links.get(host) ?? [])
  const ports = (first ?? []).filter(({ name }) => others.every((list) => list.some((link) => link.name === name)))
  return ports.map(({ name }) => {
    const same = hosts.flatMap((host) => links.get(host)?.filter((link) => link.name === name) ?? [])
    return { name, isTaken: same.some(({ masterIndex }) => masterIndex !== undefined), isDown: same.some(({ state }) => state === 'down') }
  })
}

/** On how many of its hosts an uplink stands, and what is said where it does not. */
export function uplinkHealth(config: VlanConfig, statuses: readonly VlanStatus[]): { ready: number; expected: number; problems: string[] } {
  const own = statuses.filter(({ status }) => status?.vlanConfig === config.metadata.name)
  const failed = own.filter((entry) => findCondition(entry, 'ready')?.status !== 'True')
  const problems = failed.map((entry) => {
    const condition = findCondition(entry, 'ready')
    return `${entry.status?.node ?? entry.metadata.name}: ${condition?.message || condition?.reason || ''}`
  })
  return { ready: own.length - failed.length, expected: Math.max(matchedHosts(config).length, own.length), problems }
}

export interface VlanConfigModel {
  name: string
  description: string
  clusterNetwork: string
  nodes: NodeChoice
  host: string
  labels: { key: string; value: string }[]
  nics: string[]
  mode: string
  mtu: string
}

export function vlanConfigModel(config: VlanConfig | undefined, clusterNetwork: string): VlanConfigModel {
  const { spec } = config ?? {}
  const nodes = nodeChoiceOf(spec?.nodeSelector)
  return {
    name: config?.metadata.name ?? '',
    description: spec?.description ?? '',
    clusterNetwork: spec?.clusterNetwork ?? clusterNetwork,
    nodes,
    host: hostOf(spec?.nodeSelector),
    labels: Object.entries(spec?.nodeSelector ?? {}).map(([key, value]) => ({ key, value })),
    nics: config ? nicsOf(config) : [],
    mode: spec?.uplink?.bondOptions?.mode ?? BOND_MODES[0],
    mtu: String(spec?.uplink?.linkAttributes?.mtu || DEFAULT_MTU),
  }
}

/** The object for a model, on top of the one that is edited. */
export function vlanConfigFor(model: VlanConfigModel, before?: VlanConfig): VlanConfig {
  const uplink = before?.spec?.uplink
  return {
    ...before,
    metadata: { ...before?.metadata, name: model.name },
    spec: {
      ...before?.spec,
      clusterNetwork: model.clusterNetwork,
      description: model.description,
      nodeSelector: selectorFor(model),
      uplink: {
        ...uplink,
        nics: [...model.nics],
        linkAttributes: { txQLen: -1, ...uplink?.linkAttributes, mtu: Number(model.mtu) },
        bondOptions: { miimon: -1, ...uplink?.bondOptions, mode: model.mode },
      },
    },
  }
}

export function selectorFor({ nodes, host, labels }: Pick<VlanConfigModel, 'nodes' | 'host' | 'labels'>): Record<string, string> {
  if (nodes === 'all') return {}
  if (nodes === 'host') return hostSelector(host)
  return Object.fromEntries(labels.filter(({ key }) => key.trim() !== '').map(({ key, value }) => [key.trim(), value.trim()]))
}

export function isMtu(text: string): boolean {
  const mtu = Number(text)
  return /^\d+$/.test(text) && mtu >= MIN_MTU && mtu <= MAX_MTU
}
