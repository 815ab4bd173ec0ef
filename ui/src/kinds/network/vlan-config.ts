/** Configurations of cluster networks: which ports of which hosts make up an uplink. */
import { Cable, Waypoints } from '@lucide/vue'

import { defineAction, defineKind } from '@/core/kinds'
import { conditionsOf, findCondition, type KubeObject } from '@/core/kubernetes'
import { state } from '@/core/state'

import { CLUSTER_NETWORKS, LINK_MONITORS, VLAN_CONFIGS, VLAN_STATUSES } from '../shared/gvr'
import { linkTo } from '../shared/links'
import { commonMessages } from '../shared/messages'
import { readable } from '../shared/readable'
import { removing, stateByCondition } from '../shared/states'
import { networkMessages as m } from './messages'
import { DEFAULT_MTU, linksByHost, nicsOf, uplinkHealth, type VlanConfig, type VlanStatus } from './vlan'

export const vlanConfigKind = defineKind<VlanConfig>({
  ...VLAN_CONFIGS,
  kind: 'VlanConfig',
  namespaced: false,
  title: () => m.vlanConfigs,
  singular: () => m.vlanConfig,
  about: () => m.aboutVlanConfigs,
  icon: Cable,
  joins: {
    statuses: {
      query: ({ scope }) => readable(scope, VLAN_STATUSES),
      owner: (status) => (status as VlanStatus).status?.vlanConfig,
    },
  },
  state(config, { joined }) {
    const gone = removing(config)
    if (gone) return gone
    const { ready, expected, problems } = uplinkHealth(config, joined<VlanStatus>('statuses', config))
    if (expected === 0) return state('attention', commonMessages.states.notReady, m.noHosts)
    if (ready === expected) return state('ok', commonMessages.states.ready, m.uplinkAt(ready, expected))
    return state('attention', commonMessages.states.notReady, [m.uplinkAt(ready, expected), ...problems].join('. '))
  },
  columns: [
    { id: 'cluster-network', label: () => m.clusterNetwork, value: ({ spec }) => spec?.clusterNetwork, fact: true, groups: true },
    { id: 'mode', label: () => m.bondMode, value: ({ spec }) => spec?.uplink?.bondOptions?.mode, fact: true },
    { id: 'nics', label: () => m.nics, value: (config) => nicsOf(config).join(', '), format: 'mono' },
    { id: 'mtu', label: () => m.mtu, value: ({ spec }) => spec?.uplink?.linkAttributes?.mtu || DEFAULT_MTU, format: 'number', width: '84px' },
    { id: 'description', label: () => commonMessages.description, value: ({ spec }) => spec?.description, hidden: true },
  ],
  actions: [
    defineAction<VlanConfig>({
      id: 'migrate',
      label: () => m.migrate,
      icon: Waypoints,
      needs: (kind) => [{ verb: 'patch', group: kind.group, resource: kind.resource }],
      dialog: () => import('./MigrateDialog.vue'),
    }),
  ],
  facts: (config, { scope }) => [
    { label: m.clusterNetwork, value: config.spec?.clusterNetwork, ...(config.spec?.clusterNetwork && { to: linkTo(scope, CLUSTER_NETWORKS, config.spec.clusterNetwork) }) },
    { label: m.bondMode, value: config.spec?.uplink?.bondOptions?.mode },
    { label: m.nics, value: nicsOf(config).join(', '), format: 'mono' },
    { label: m.mtu, value: config.spec?.uplink?.linkAttributes?.mtu || DEFAULT_MTU, format: 'number' },
  ],
  form: () => import('./VlanConfigForm.vue'),
  tabs: [{ id: 'hosts', label: () => m.vlanStatuses, component: () => import('./UplinkTab.vue') }],
})

/** How an uplink stands on one host; made by the network controller. */
export const vlanStatusKind = defineKind<VlanStatus>({
  ...VLAN_STATUSES,
  kind: 'VlanStatus',
  namespaced: false,
  title: () => m.vlanStatuses,
  singular: () => m.vlanStatus,
  icon: Cable,
  state: (status) => stateByCondition(status, 'ready'),
  columns: [
    { id: 'cluster-network', label: () => m.clusterNetwork, value: ({ status }) => status?.clusterNetwork, fact: true, groups: true },
    { id: 'config', label: () => m.vlanConfig, value: ({ status }) => status?.vlanConfig },
    { id: 'host', label: () => commonMessages.node, value: ({ status }) => status?.node, fact: true, groups: true },
    { id: 'message', label: () => commonMessages.error, value: (status) => (findCondition(status, 'ready')?.status === 'True' ? '' : conditionsOf(status)[0]?.message) },
  ],
  creatable: false,
  editable: false,
})

/** What the network controller sees of the hosts' ports. */
export const linkMonitorKind = defineKind<KubeObject>({
  ...LINK_MONITORS,
  kind: 'LinkMonitor',
  namespaced: false,
  title: () => m.linkMonitors,
  singular: () => m.linkMonitor,
  icon: Cable,
  columns: [
    { id: 'hosts', label: () => m.hosts, value: (monitor) => linksByHost(monitor).size, format: 'number' },
    { id: 'nics', label: () => m.nics, value: (monitor) => [...linksByHost(monitor).values()].flat().length, format: 'number' },
  ],
})
