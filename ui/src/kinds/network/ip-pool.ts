/** Pools of addresses for load balancers. */
import { Binary } from '@lucide/vue'

import { formatNumber } from '@/core/i18n'
import { defineKind } from '@/core/kinds'
import { findCondition } from '@/core/kubernetes'
import { state } from '@/core/state'

import { IP_POOLS } from '../shared/gvr'
import { commonMessages } from '../shared/messages'
import { removing, stateByCondition } from '../shared/states'
import { rangesOf, sizeOf, subnetsOf, type IpPool } from './ip-pool-model'
import { networkMessages as m } from './messages'

const totalOf = (pool: IpPool): number => pool.status?.total ?? sizeOf(rangesOf(pool))
const availableOf = (pool: IpPool): number => pool.status?.available ?? totalOf(pool) - Object.keys(pool.status?.allocated ?? {}).length

export const ipPoolKind = defineKind<IpPool>({
  ...IP_POOLS,
  kind: 'IPPool',
  namespaced: false,
  title: () => m.ipPools,
  singular: () => m.ipPool,
  about: () => m.aboutIpPools,
  icon: Binary,
  nav: { group: 'networks', order: 50 },
  state(pool) {
    const gone = removing(pool)
    if (gone) return gone
    if (totalOf(pool) > 0 && availableOf(pool) <= 0) return state('attention', commonMessages.states.ready, m.poolEmpty)
    return findCondition(pool, 'Ready') ? stateByCondition(pool, 'Ready') : state('ok', commonMessages.states.active)
  },
  columns: [
    { id: 'subnet', label: () => m.subnet, value: subnetsOf, format: 'mono', fact: true },
    { id: 'available', label: () => m.available, value: availableOf, format: 'number', fact: true },
    { id: 'network', label: () => m.network, value: ({ spec }) => spec?.selector?.network, hidden: true },
    { id: 'description', label: () => commonMessages.description, value: ({ spec }) => spec?.description, hidden: true },
  ],
  facts: (pool) => [
    { label: m.available, value: m.outOf(formatNumber(availableOf(pool)), formatNumber(totalOf(pool))) },
    { label: m.network, value: pool.spec?.selector?.network },
    { label: m.lastAllocated, value: pool.status?.lastAllocated, format: 'mono' },
    ...(pool.spec?.description ? [{ label: commonMessages.description, value: pool.spec.description }] : []),
  ],
  overview: () => import('./IpPoolOverview.vue'),
  form: () => import('./IpPoolForm.vue'),
})
