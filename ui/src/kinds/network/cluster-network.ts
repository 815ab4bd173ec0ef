/** Cluster networks: sets of uplinks that VM networks run over. Their configurations are a kind of their own. */
import { Network } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import type { Condition, KubeObject } from '@/core/kubernetes'
import { state } from '@/core/state'

import { deleteWhen } from '../shared/deleting'
import { CLUSTER_NETWORKS, VLAN_CONFIGS } from '../shared/gvr'
import { readable } from '../shared/readable'
import { removing, stateByCondition } from '../shared/states'
import { networkMessages as m } from './messages'
import { MANAGEMENT_NETWORK, type VlanConfig } from './vlan'

export interface ClusterNetwork extends KubeObject {
  status?: { conditions?: Condition[] | null }
}

export const clusterNetworkKind = defineKind<ClusterNetwork>({
  ...CLUSTER_NETWORKS,
  kind: 'ClusterNetwork',
  namespaced: false,
  title: () => m.clusterNetworks,
  singular: () => m.clusterNetwork,
  about: () => m.aboutClusterNetworks,
  icon: Network,
  nav: { group: 'networks', order: 10 },
  joins: {
    configs: {
      query: ({ scope }) => readable(scope, VLAN_CONFIGS),
      owner: (config) => (config as VlanConfig).spec?.clusterNetwork,
    },
  },
  state(network, { joined }) {
    const gone = removing(network)
    if (gone) return gone
    // The network of the hosts themselves needs no configuration.
    const isBare = network.metadata.name !== MANAGEMENT_NETWORK && joined('configs', network).length === 0
    return isBare ? state('attention', m.uplink, m.noUplink) : stateByCondition(network, 'ready')
  },
  actions: [deleteWhen(({ metadata }: ClusterNetwork) => metadata.name !== MANAGEMENT_NETWORK)],
  columns: [
    { id: 'configs', label: () => m.vlanConfigs, value: (network, { joined }) => joined('configs', network).length, format: 'number', fact: true },
  ],
  form: () => import('./ClusterNetworkForm.vue'),
  page: () => import('./ClusterNetworksPage.vue'),
})
