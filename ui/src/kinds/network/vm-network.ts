/** Virtual machine networks: NetworkAttachmentDefinitions whose configuration is JSON in a text. */
import { EthernetPort } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { state, type State } from '@/core/state'

import { CLUSTER_NETWORKS, NETWORK_ATTACHMENTS } from '../shared/gvr'
import { linkTo } from '../shared/links'
import { commonMessages } from '../shared/messages'
import { removing } from '../shared/states'
import { clusterNetworkOf, isStorageNetwork, LABELS, routeOf, typeOf, vlanText, type NetworkAttachment } from './attachment'
import { networkMessages as m } from './messages'

const typeText = (network: NetworkAttachment): string => {
  const type = typeOf(network)
  return type ? m.types[type] : ''
}

export function reachOf(network: NetworkAttachment): string {
  const { connectivity } = routeOf(network)
  const words: Record<string, string> = { true: m.reach.active, false: m.reach.inactive, 'DHCP failed': m.reach.dhcpFailed, 'ping failed': m.reach.pingFailed }
  if (connectivity) return words[connectivity] ?? connectivity
  return typeOf(network) === 'OverlayNetwork' ? '' : m.reach.checking
}

function networkState(network: NetworkAttachment): State {
  const gone = removing(network)
  if (gone) return gone
  if (network.metadata.labels?.[LABELS.ready] === 'false') return state('attention', commonMessages.states.notReady)
  const { connectivity } = routeOf(network)
  if (connectivity === '' || connectivity === 'true') return state('ok', commonMessages.states.active)
  return state('attention', commonMessages.states.active, `${m.connectivity}: ${reachOf(network)}`)
}

export const vmNetworkKind = defineKind<NetworkAttachment>({
  ...NETWORK_ATTACHMENTS,
  kind: 'NetworkAttachmentDefinition',
  namespaced: true,
  title: () => m.networks,
  singular: () => m.network,
  about: () => m.aboutNetworks,
  icon: EthernetPort,
  nav: { group: 'networks', order: 20 },
  isInternal: isStorageNetwork,
  state: networkState,
  columns: [
    { id: 'type', label: () => commonMessages.type, value: typeText, fact: true, groups: true },
    { id: 'cluster-network', label: () => m.clusterNetwork, value: clusterNetworkOf },
    { id: 'vlan', label: () => m.vlan, value: vlanText, format: 'number', fact: true },
    { id: 'connectivity', label: () => m.connectivity, value: reachOf },
  ],
  facts(network, { scope }) {
    const clusterNetwork = clusterNetworkOf(network)
    const { cidr, gateway } = routeOf(network)
    return [
      { label: commonMessages.type, value: typeText(network) },
      { label: m.clusterNetwork, value: clusterNetwork, ...(clusterNetwork && { to: linkTo(scope, CLUSTER_NETWORKS, clusterNetwork) }) },
      { label: m.vlan, value: vlanText(network) },
      { label: m.cidr, value: cidr, format: 'mono' },
      { label: m.gateway, value: gateway, format: 'mono' },
      { label: m.connectivity, value: reachOf(network) },
    ]
  },
  form: () => import('./VmNetworkForm.vue'),
})
