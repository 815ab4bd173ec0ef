/**
 * What a virtual machine network is made of: a CNI configuration as JSON inside the object, and the route beside it as
 * JSON inside an annotation. Pure.
 */
import type { KubeObject } from '@/core/kubernetes'

import { parseRecord } from '../shared/json'

export interface NetworkAttachment extends KubeObject {
  spec?: { config?: string }
}

export const NETWORK_TYPES = ['L2VlanNetwork', 'UntaggedNetwork', 'L2VlanTrunkNetwork', 'OverlayNetwork'] as const
export type NetworkType = (typeof NETWORK_TYPES)[number]

const PREFIX = 'network.harvesterhci.io/'
export const LABELS = {
  clusterNetwork: `${PREFIX}clusternetwork`,
  type: `${PREFIX}type`,
  vlan: `${PREFIX}vlan-id`,
  ready: `${PREFIX}ready`,
} as const
export const ROUTE = `${PREFIX}route`
const STORAGE_NETWORK = 'storage-network.settings.harvesterhci.io'
const BRIDGE_SUFFIX = '-br'
const OVN_SOCKET = '/run/openvswitch/kube-ovn-daemon.sock'

export const MIN_VLAN = 1
export const MAX_VLAN = 4094

/** One entry of a trunk: a single VLAN, or a range of them. */
export interface TrunkRange {
  from: number
  to: number
}

export interface Route {
  mode: 'auto' | 'manual'
  serverIPAddr: string
  cidr: string
  gateway: string
}

export function configOf(network: NetworkAttachment): Record<string, unknown> {
  return parseRecord(network.spec?.config)
}

/** What the controller labelled it as, else what the configuration says. */
export function typeOf(network: NetworkAttachment): NetworkType | undefined {
  const label = network.metadata.labels?.[LABELS.type]
  const labelled = NETWORK_TYPES.find((type) => type === label)
  if (labelled) return labelled
  const config = configOf(network)
  if (config['type'] === 'kube-ovn') return 'OverlayNetwork'
  if (config['type'] !== 'bridge') return undefined
  if (Array.isArray(config['vlanTrunk'])) return 'L2VlanTrunkNetwork'
  return vlanOf(network) === undefined ? 'UntaggedNetwork' : 'L2VlanNetwork'
}

/** The cluster network, from the label or the bridge's name. */
export function clusterNetworkOf(network: NetworkAttachment): string | undefined {
  const label = network.metadata.labels?.[LABELS.clusterNetwork]
  if (label) return label
  const { bridge } = configOf(network)
  return typeof bridge === 'string' && bridge.endsWith(BRIDGE_SUFFIX) ? bridge.slice(0, -BRIDGE_SUFFIX.length) : undefined
}

/** The VLAN; none for an untagged network, which some releases write as 0. */
export function vlanOf(network: NetworkAttachment): number | undefined {
  const { vlan } = configOf(network)
  return typeof vlan === 'number' && vlan >= MIN_VLAN ? vlan : undefined
}

/** `100`, or `1–10, 20` for a trunk. */
export function vlanText(network: NetworkAttachment): string | number | undefined {
  const ranges = trunkOf(network)
  if (ranges.length === 0) return vlanOf(network)
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`)).join(', ')
}

export function trunkOf(network: NetworkAttachment): TrunkRange[] {
  const { vlanTrunk } = configOf(network)
  if (!Array.isArray(vlanTrunk)) return []
  return vlanTrunk.flatMap((entry: { minID?: unknown; maxID?: unknown; id?: unknown } | null) => {
    if (typeof entry?.id === 'number') return [{ from: entry.id, to: entry.id }]
    return typeof entry?.minID === 'number' && typeof entry.maxID === 'number' ? [{ from: entry.minID, to: entry.maxID }] : []
  })
}

export function routeOf(network: NetworkAttachment): Route & { connectivity: string; isOutdated: boolean } {
  const route = parseRecord(network.metadata.annotations?.[ROUTE])
  const text = (key: string): string => (typeof route[key] === 'string' ? route[key] : '')
  return {
    mode: route['mode'] === 'manual' ? 'manual' : 'auto',
    serverIPAddr: text('serverIPAddr'),
    cidr: text('cidr'),
    gateway: text('gateway'),
    connectivity: text('connectivity'),
    isOutdated: route['outdated'] === true,
  }
}

/** Belongs to the storage network, which the cluster looks after itself. */
export const isStorageNetwork = (network: NetworkAttachment): boolean => network.metadata.annotations?.[STORAGE_NETWORK] === 'true'

export interface AttachmentModel {
  name: string
  namespace: string
  description: string
  type: NetworkType
  clusterNetwork: string
  vlan: string
  trunk: { from: string; to: string }[]
  route: Route
}

export function attachmentModel(network: NetworkAttachment | undefined, namespace: string): AttachmentModel {
  const ranges = network ? trunkOf(network) : []
  const { mode, serverIPAddr, cidr, gateway } = routeOf(network ?? { metadata: { name: '' } })
  return {
    name: network?.metadata.name ?? '',
    namespace: network?.metadata.namespace ?? namespace,
    description: '',
    type: (network && typeOf(network)) ?? 'L2VlanNetwork',
    clusterNetwork: (network && clusterNetworkOf(network)) ?? 'mgmt',
    vlan: String((network && vlanOf(network)) ?? ''),
    trunk: ranges.length > 0 ? ranges.map(({ from, to }) => ({ from: `${from}`, to: `${to}` })) : [{ from: '', to: '' }],
    route: { mode, serverIPAddr, cidr, gateway },
  }
}

/** The configuration for a model, on top of what the object had before: `mtu` and the like are not ours to drop. */
export function configFor(model: AttachmentModel, before: Record<string, unknown> = {}): Record<string, unknown> {
  const rest = { ...before }
  for (const key of ['bridge', 'promiscMode', 'vlan', 'vlanTrunk', 'ipam', 'provider', 'server_socket']) delete rest[key]
  const common = { cniVersion: '0.3.1', ...rest, name: model.name }
  if (model.type === 'OverlayNetwork') {
    return { ...common, type: 'kube-ovn', provider: `${model.name}.${model.namespace}.ovn`, server_socket: OVN_SOCKET }
  }
  const bridge = { ...common, type: 'bridge', bridge: model.clusterNetwork + BRIDGE_SUFFIX, promiscMode: true, ipam: before['ipam'] ?? {} }
  if (model.type === 'L2VlanNetwork') return { ...bridge, vlan: Number(model.vlan) }
  if (model.type === 'UntaggedNetwork') return bridge
  const vlanTrunk = model.trunk.map(({ from, to }) => (from === to || to === '' ? { id: Number(from) } : { minID: Number(from), maxID: Number(to) }))
  return { ...bridge, vlan: 0, vlanTrunk }
}

/** The annotation that says how the network is reached; overlay networks have none. */
export function routeFor({ type, route }: AttachmentModel): string | undefined {
  if (type === 'OverlayNetwork') return undefined
  const isAuto = route.mode === 'auto'
  return JSON.stringify({
    mode: route.mode,
    serverIPAddr: isAuto ? route.serverIPAddr : '',
    cidr: isAuto ? '' : route.cidr,
    gateway: isAuto ? '' : route.gateway,
    connectivity: '',
  })
}

export function isVlan(text: string): boolean {
  const vlan = Number(text)
  return /^\d+$/.test(text) && vlan >= MIN_VLAN && vlan <= MAX_VLAN
}
