/** Kube-OVN's private clouds and their subnets, where that add-on is on. */
import { Cloud, CloudCog } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import type { KubeObject } from '@/core/kubernetes'

import { networkMessages as m } from './messages'

interface Vpc extends KubeObject {
  spec?: { namespaces?: string[] | null }
  status?: { subnets?: string[] | null }
}

interface Subnet extends KubeObject {
  spec?: { cidrBlock?: string; protocol?: string; provider?: string; vpc?: string; gateway?: string }
}

const texts = (list: unknown): string => (Array.isArray(list) ? list.filter((entry) => typeof entry === 'string').join(', ') : '')

export const vpcKind = defineKind<Vpc>({
  group: 'kubeovn.io',
  version: 'v1',
  resource: 'vpcs',
  kind: 'Vpc',
  namespaced: false,
  title: () => m.vpcs,
  singular: () => m.vpc,
  icon: Cloud,
  nav: { group: 'networks', order: 30 },
  columns: [
    { id: 'subnets', label: () => m.subnets, value: ({ status }) => texts(status?.subnets), fact: true },
    { id: 'namespaces', label: () => m.namespaces, value: ({ spec }) => texts(spec?.namespaces) },
  ],
  template: () => ({ apiVersion: 'kubeovn.io/v1', kind: 'Vpc', metadata: { name: '' }, spec: { namespaces: [], staticRoutes: [], vpcPeerings: [] } }) as KubeObject,
})

export const subnetKind = defineKind<Subnet>({
  group: 'kubeovn.io',
  version: 'v1',
  resource: 'subnets',
  kind: 'Subnet',
  namespaced: false,
  title: () => m.subnets,
  singular: () => m.subnet,
  icon: CloudCog,
  nav: { group: 'networks', order: 31 },
  groupedBy: 'vpc',
  columns: [
    { id: 'cidr', label: () => m.cidr, value: ({ spec }) => spec?.cidrBlock, format: 'mono', fact: true },
    { id: 'protocol', label: () => m.protocol, value: ({ spec }) => spec?.protocol, width: '96px' },
    { id: 'provider', label: () => m.provider, value: ({ spec }) => spec?.provider, format: 'mono' },
    { id: 'vpc', label: () => m.vpc, value: ({ spec }) => spec?.vpc, fact: true, groups: true },
    { id: 'gateway', label: () => m.gateway, value: ({ spec }) => spec?.gateway, format: 'mono', hidden: true },
  ],
  template: () =>
    ({
      apiVersion: 'kubeovn.io/v1',
      kind: 'Subnet',
      metadata: { name: '' },
      spec: { vpc: 'ovn-cluster', protocol: 'IPv4', cidrBlock: '10.20.0.0/24', gateway: '10.20.0.1', excludeIps: ['10.20.0.1'], provider: '', natOutgoing: false, private: false },
    }) as KubeObject,
})
