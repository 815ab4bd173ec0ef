/** Namespaces: where objects live and who may see them. */
import { FolderTree } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { textAt, type KubeObject } from '@/core/kubernetes'
import { state } from '@/core/state'

import { namespaceMessages as m } from './namespace-messages'

const PROJECT = 'field.cattle.io/projectId'

export const namespaceKind = defineKind<KubeObject>({
  group: '',
  version: 'v1',
  resource: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: FolderTree,
  nav: { group: 'main', order: 50 },
  state: (namespace) => (textAt(namespace, 'status', 'phase') === 'Terminating' ? state('working', m.removing) : state('ok', m.active)),
  form: () => import('./NamespaceForm.vue'),
  columns: [{ id: 'project', label: () => m.project, value: (namespace) => namespace.metadata.annotations?.[PROJECT], format: 'mono', hidden: true }],
})
