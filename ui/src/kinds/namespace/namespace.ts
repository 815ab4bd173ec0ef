/** Namespaces: where objects live, who may see them, and how much they may take. */
import { FolderTree, Gauge, Trash2 } from '@lucide/vue'

import { defineAction, defineKind } from '@/core/kinds'
import type { KubeObject } from '@/core/kubernetes'
import { textAt } from '@/core/kubernetes'
import { remove } from '@/core/resources'
import { state } from '@/core/state'
import { commonMessages as everywhere } from '@/kinds/common-messages'

import { NAMESPACES, RESOURCE_QUOTAS, SNAPSHOT_QUOTAS } from '../shared/gvr'
import { commonMessages } from '../shared/messages'
import { readable } from '../shared/readable'
import { removing } from '../shared/states'
import { namespaceMessages as m } from './messages'
import { LIMITS, limitsOf, usageOf, type ResourceQuota } from './quota'

const PROJECT = 'field.cattle.io/projectId'
const DESCRIPTION = 'field.cattle.io/description'
const annotation = ({ metadata }: KubeObject, key: string): string | undefined => metadata.annotations?.[key]
const ownerOf = ({ metadata }: KubeObject): string | undefined => metadata.namespace

/** The limits in short: `CPU 4 · 8 GiB`. */
const quotaText = (namespace: KubeObject): string => {
  const limits = limitsOf(namespace)
  return LIMITS.filter(({ id }) => limits[id])
    .map(({ id }) => `${m.limits[id]} ${limits[id]}`)
    .join(' · ')
}

export const namespaceKind = defineKind<KubeObject>({
  ...NAMESPACES,
  kind: 'Namespace',
  namespaced: false,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: FolderTree,
  nav: { group: 'main', order: 50 },
  joins: {
    quotas: { query: ({ scope }) => readable(scope, RESOURCE_QUOTAS), owner: ownerOf },
    snapshots: { query: ({ scope }) => readable(scope, SNAPSHOT_QUOTAS), owner: ownerOf },
  },
  state(namespace) {
    const gone = removing(namespace)
    if (gone) return gone
    return textAt(namespace, 'status', 'phase') === 'Terminating' ? state('working', commonMessages.states.removing) : state('ok', commonMessages.states.active)
  },
  columns: [
    { id: 'description', label: () => commonMessages.description, value: (namespace) => annotation(namespace, DESCRIPTION), fact: true },
    { id: 'quota', label: () => m.quota, value: quotaText, fact: true },
    { id: 'project', label: () => m.project, value: (namespace) => annotation(namespace, PROJECT), format: 'mono', hidden: true },
  ],
  actions: [
    defineAction<KubeObject>({
      id: 'quota',
      label: () => m.editQuota,
      icon: Gauge,
      needs: (kind) => [{ verb: 'patch', group: kind.group, resource: kind.resource }],
      run: ({ metadata }, { scope, go }) => go({ name: 'edit', params: { cluster: scope.id, resource: 'namespaces', namespace: '-', name: metadata.name } }),
    }),
    defineAction<KubeObject>({
      id: 'delete',
      label: () => everywhere.deleteOne,
      icon: Trash2,
      danger: true,
      bulk: true,
      needs: (kind) => [{ verb: 'delete', group: kind.group, resource: kind.resource }],
      when: ({ metadata }) => !metadata.deletionTimestamp,
      confirm: (objects) => {
        const name = objects[0]?.metadata.name ?? ''
        const isOne = objects.length === 1
        return {
          title: isOne ? everywhere.deleteTitle(name) : everywhere.deleteSeveral(objects.length),
          text: m.removeText,
          confirm: everywhere.deleteOne,
          danger: true,
          typed: isOne ? name : String(objects.length),
        }
      },
      run: (namespace, { scope, kind }) => remove(scope, kind, namespace),
    }),
  ],
  facts: (namespace) => [
    { label: commonMessages.description, value: annotation(namespace, DESCRIPTION) },
    { label: m.project, value: annotation(namespace, PROJECT), format: 'mono' },
  ],
  tabs: [
    {
      id: 'quotas',
      label: () => m.quotas,
      component: () => import('./QuotasTab.vue'),
      count: (namespace, { joined }) => usageOf(joined<ResourceQuota>('quotas', namespace)).length,
    },
  ],
  form: () => import('./NamespaceForm.vue'),
})
