/** Load balancers in front of machines or guest clusters. */
import { Split } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { findCondition } from '@/core/kubernetes'
import { state } from '@/core/state'

import { IP_POOLS, LOAD_BALANCERS } from '../shared/gvr'
import { linkTo } from '../shared/links'
import { commonMessages } from '../shared/messages'
import { removing, stateByCondition } from '../shared/states'
import { listenersOf, type LoadBalancer } from './load-balancer-model'
import { networkMessages as m } from './messages'

const word = <K extends string>(words: Readonly<Record<K, string>>, key: string | undefined): string => words[key as K] ?? key ?? ''
const addressOf = ({ status }: LoadBalancer): string => status?.address || status?.allocatedAddress?.ip || ''

export const loadBalancerKind = defineKind<LoadBalancer>({
  ...LOAD_BALANCERS,
  kind: 'LoadBalancer',
  namespaced: true,
  title: () => m.loadBalancers,
  singular: () => m.loadBalancer,
  about: () => m.aboutLoadBalancers,
  icon: Split,
  nav: { group: 'networks', order: 40 },
  state(balancer) {
    const gone = removing(balancer)
    if (gone) return gone
    if (findCondition(balancer, 'Ready')) return stateByCondition(balancer, 'Ready')
    return addressOf(balancer) ? state('ok', commonMessages.states.active) : state('working', commonMessages.states.waiting, m.noAddress)
  },
  columns: [
    { id: 'address', label: () => m.address, value: addressOf, format: 'mono', fact: true },
    { id: 'workload', label: () => m.workload, value: ({ spec }) => word(m.workloadOf, spec?.workloadType) },
    { id: 'ipam', label: () => m.ipam, value: ({ spec }) => word(m.ipamOf, spec?.ipam) },
    { id: 'listeners', label: () => m.listeners, value: (balancer) => listenersOf(balancer).map(({ port, protocol }) => `${port}/${protocol}`).join(', '), fact: true },
  ],
  facts(balancer, { scope }) {
    const { spec, status } = balancer
    const pool = status?.allocatedAddress?.ipPool || spec?.ipPool
    return [
      { label: m.address, value: addressOf(balancer), format: 'mono' },
      { label: m.workload, value: word(m.workloadOf, spec?.workloadType) },
      { label: m.ipam, value: word(m.ipamOf, spec?.ipam) },
      { label: m.ipPool, value: pool, ...(pool && { to: linkTo(scope, IP_POOLS, pool) }) },
      { label: m.gateway, value: status?.allocatedAddress?.gateway, format: 'mono' },
      ...(spec?.description ? [{ label: commonMessages.description, value: spec.description }] : []),
    ]
  },
  overview: () => import('./LoadBalancerOverview.vue'),
  form: () => import('./LoadBalancerForm.vue'),
})
