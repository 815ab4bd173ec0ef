/** Hosts: the nodes that machines run on. */
import { Server } from '@lucide/vue'

import { formatList, formatNumber } from '@/core/i18n'
import { defineKind, type Context } from '@/core/kinds'
import { findCondition, type KubeObject } from '@/core/kubernetes'
import { formatBytes } from '@/core/quantity'
import { state, type State } from '@/core/state'

import { BLOCK_DEVICES, INSTANCES, INVENTORIES, LONGHORN_NODES, NODE_METRICS, NODES } from '../shared/gvr'
import { readable } from '../shared/readable'
import { removing } from '../shared/states'
import { hostActions } from './actions'
import ConsoleCell from './ConsoleCell.vue'
import { addressOf, ANNOTATIONS, cpuManagerOf, cpuOf, diskProblems, disksOf, hostName, memoryOf, phaseOf, pressures, rolesOf, storageOf, type Host, type HostMetrics, type Usage } from './host-model'
import { hostMessages as m } from './messages'
import { CpuCell, MemoryCell, StorageCell } from './usage-cells'

const nameOf = ({ metadata }: KubeObject): string => metadata.name
const metricsOf = (host: Host, { joined }: Context): HostMetrics | undefined => joined<HostMetrics>('metrics', host)[0]
const longhornOf = (host: Host, { joined }: Context): KubeObject | undefined => joined('storage', host)[0]

/** What a column of bars sorts by: how full it is. */
const ratio = (usage: Usage | undefined): number | undefined => {
  const part = usage?.used ?? usage?.reserved
  return usage && usage.total > 0 && part !== undefined ? part / usage.total : undefined
}

function hostState(host: Host): State {
  const gone = removing(host)
  if (gone) return gone
  const phase = phaseOf(host)
  const ready = findCondition(host, 'Ready')
  if (phase === 'maintenance') return state('off', m.states.maintenance)
  if (phase === 'entering') return state('working', m.states.entering)
  if (phase === 'notReady') return state('problem', m.states.notReady, ready?.message || ready?.reason)
  const [pressure] = pressures(host)
  if (pressure) return state('attention', phase === 'cordoned' ? m.states.cordoned : m.states.active, pressure.message || pressure.type)
  return phase === 'cordoned' ? state('off', m.states.cordoned, m.cordonedText) : state('ok', m.states.active)
}

function diskState(host: Host, context: Context): string {
  const storage = longhornOf(host, context)
  if (disksOf(storage).length === 0) return ''
  const problems = diskProblems(storage).length
  return problems > 0 ? m.diskStates.problem(problems) : m.diskStates.ok
}

export const hostKind = defineKind<Host>({
  ...NODES,
  kind: 'Node',
  namespaced: false,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Server,
  nav: { group: 'main', order: 10 },
  displayName: hostName,
  // Hosts join by installing them.
  creatable: false,
  joins: {
    metrics: { query: ({ scope }) => readable(scope, NODE_METRICS), owner: nameOf },
    storage: { query: ({ scope }) => readable(scope, LONGHORN_NODES, { namespace: 'longhorn-system' }), owner: nameOf },
    inventories: { query: ({ scope }) => readable(scope, INVENTORIES, { namespace: 'harvester-system' }), owner: nameOf },
    instances: {
      query: ({ scope }) => readable(scope, INSTANCES),
      owner: (instance) => (instance as { status?: { nodeName?: string } }).status?.nodeName,
    },
    devices: {
      query: ({ scope }) => readable(scope, BLOCK_DEVICES, { namespace: 'longhorn-system' }),
      owner: (device) => (device as { spec?: { nodeName?: string } }).spec?.nodeName,
    },
  },
  state: hostState,
  columns: [
    { id: 'address', label: () => m.columns.address, value: addressOf, format: 'mono', fact: true },
    { id: 'cpu', label: () => m.columns.cpu, value: (host, context) => ratio(cpuOf(host, metricsOf(host, context))), cell: CpuCell, width: 'minmax(132px, 1fr)' },
    { id: 'memory', label: () => m.columns.memory, value: (host, context) => ratio(memoryOf(host, metricsOf(host, context))), cell: MemoryCell, width: 'minmax(132px, 1fr)' },
    { id: 'storage', label: () => m.columns.storage, value: (host, context) => ratio(storageOf(longhornOf(host, context))), cell: StorageCell, width: 'minmax(132px, 1fr)' },
    { id: 'cpu-manager', label: () => m.columns.cpuManager, value: (host) => m.cpuManagers[cpuManagerOf(host)] },
    { id: 'disks', label: () => m.columns.disks, value: diskState },
    { id: 'console', label: () => m.columns.console, value: ({ metadata }) => metadata.annotations?.[ANNOTATIONS.console], cell: ConsoleCell, width: '96px' },
    { id: 'roles', label: () => m.columns.roles, value: (host) => formatList(rolesOf(host)), hidden: true, fact: true },
    { id: 'version', label: () => m.columns.version, value: ({ status }) => status?.nodeInfo?.['kubeletVersion'], hidden: true },
  ],
  actions: hostActions,
  facts: (host) => {
    const info = host.status?.nodeInfo ?? {}
    return [
      { label: m.columns.address, value: addressOf(host), format: 'mono' },
      { label: m.columns.roles, value: formatList(rolesOf(host)) },
      { label: m.columns.cpu, value: formatNumber(cpuOf(host, undefined).total) },
      { label: m.columns.memory, value: formatBytes(memoryOf(host, undefined).total) },
      { label: m.facts.os, value: info['osImage'] },
      { label: m.facts.kernel, value: info['kernelVersion'] },
      { label: m.columns.version, value: info['kubeletVersion'] },
      { label: m.facts.runtime, value: info['containerRuntimeVersion'] },
      { label: m.columns.cpuManager, value: m.cpuManagers[cpuManagerOf(host)] },
    ]
  },
  overview: () => import('./HostOverview.vue'),
  tabs: [
    { id: 'instances', label: () => m.tabs.instances, component: () => import('./InstancesTab.vue'), count: (host, { joined }) => joined('instances', host).length },
    { id: 'network', label: () => m.tabs.network, component: () => import('./NetworkTab.vue') },
    { id: 'storage', label: () => m.tabs.storage, component: () => import('./StorageTab.vue'), count: (host, context) => disksOf(longhornOf(host, context)).length },
    { id: 'memory', label: () => m.tabs.memory, component: () => import('./MemoryTab.vue') },
    { id: 'out-of-band', label: () => m.tabs.outOfBand, component: () => import('./OutOfBandTab.vue'), when: (host, { joined }) => joined('inventories', host).length > 0 },
  ],
  form: () => import('./HostForm.vue'),
})
