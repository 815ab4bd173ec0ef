/** Support bundles: what a cluster gathers for those who look into a problem. */
import { LifeBuoy } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { findCondition, type Condition, type KubeObject } from '@/core/kubernetes'
import { state, type State } from '@/core/state'
import ProgressCell from '@/kinds/ProgressCell.vue'

import { removing } from '../shared/states'
import { supportMessages as m } from './messages'

export interface SupportBundle extends KubeObject {
  spec?: { description?: string; issueURL?: string; extraCollectionNamespaces?: string[] }
  status?: { state?: string; progress?: number; filename?: string; filesize?: number; conditions?: Condition[] | null }
}

function bundleState(bundle: SupportBundle): State {
  const gone = removing(bundle)
  if (gone) return gone
  if (bundle.status?.state === 'ready') return state('ok', m.states.ready)
  const why = findCondition(bundle, 'Initialized')?.message
  return bundle.status?.state === 'error' ? state('problem', m.states.error, why) : state('working', m.states.generating, why)
}

export const supportBundleKind = defineKind<SupportBundle>({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  resource: 'supportbundles',
  kind: 'SupportBundle',
  namespaced: true,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: LifeBuoy,
  nav: { group: 'advanced', order: 130 },
  editable: false,
  state: bundleState,
  columns: [
    { id: 'description', label: () => m.columns.description, value: ({ spec }) => spec?.description, fact: true, width: 'minmax(160px, 2fr)' },
    { id: 'progress', label: () => m.columns.progress, value: ({ status }) => (status?.state === 'ready' ? 100 : (status?.progress ?? 0)), format: 'number', cell: ProgressCell, width: '132px' },
    { id: 'size', label: () => m.columns.size, value: ({ status }) => status?.filesize, format: 'bytes', width: '96px', fact: true },
  ],
  facts: ({ spec, status }) => [
    { label: m.columns.description, value: spec?.description },
    { label: m.columns.issue, value: spec?.issueURL },
    { label: m.columns.file, value: status?.filename, format: 'mono' },
    { label: m.columns.size, value: status?.filesize, format: 'bytes' },
  ],
  form: () => import('./SupportBundleForm.vue'),
})
