/** Storage classes. */
import { HardDrive, Star, StarOff } from '@lucide/vue'

import { confirm } from '@/core/confirm'
import { request } from '@/core/http'
import { defineAction, defineKind } from '@/core/kinds'
import { resourcePath } from '@/core/kubernetes'
import { patch } from '@/core/resources'
import type { Scope } from '@/core/scope'
import { state } from '@/core/state'

import { deleteWhen } from '../shared/deleting'
import { STORAGE_CLASSES } from '../shared/gvr'
import { commonMessages } from '../shared/messages'
import { removing } from '../shared/states'
import { storageMessages as m } from './messages'
import { defaultPatch, isDefault, isEncrypted, isOfImage, isReserved, replicasOf, type StorageClass } from './storage-class-model'

/** A cluster has one default: the old one gives way first, as the cluster demands. */
async function makeDefault(scope: Scope, storageClass: StorageClass): Promise<void> {
  const { items = [] } = await request<{ items?: StorageClass[] }>(scope.base + resourcePath(STORAGE_CLASSES))
  const others = items.filter((other) => isDefault(other) && other.metadata.name !== storageClass.metadata.name)
  const { title, text, textNone } = m.confirmDefault
  const { name } = storageClass.metadata
  const isSure = await confirm({ title: title(name), text: others[0] ? text(others[0].metadata.name) : textNone, confirm: m.actions.setDefault })
  if (!isSure) return
  for (const other of others) await patch(scope, STORAGE_CLASSES, { name: other.metadata.name }, defaultPatch(false))
  await patch(scope, STORAGE_CLASSES, { name }, defaultPatch(true))
}

export const storageClassKind = defineKind<StorageClass>({
  ...STORAGE_CLASSES,
  kind: 'StorageClass',
  namespaced: false,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: HardDrive,
  nav: { group: 'advanced', order: 40 },
  isInternal: isOfImage,
  // Kubernetes lets nothing but the metadata change.
  editable: false,
  state: (storageClass) => removing(storageClass) ?? state('ok', commonMessages.states.active),
  columns: [
    { id: 'provisioner', label: () => m.columns.provisioner, value: ({ provisioner }) => provisioner, fact: true, width: 'minmax(150px, 1.2fr)' },
    { id: 'default', label: () => m.columns.isDefault, value: isDefault, format: 'yes-no', fact: true, width: '96px' },
    { id: 'replicas', label: () => m.columns.replicas, value: replicasOf, format: 'number', width: '150px' },
    { id: 'encrypted', label: () => m.columns.encrypted, value: isEncrypted, format: 'yes-no', hidden: true },
    { id: 'reclaim', label: () => m.columns.reclaim, value: ({ reclaimPolicy }) => reclaimPolicy, hidden: true },
  ],
  actions: [
    deleteWhen((storageClass: StorageClass) => !isReserved(storageClass)),
    defineAction<StorageClass>({
      id: 'set-default',
      label: () => m.actions.setDefault,
      icon: Star,
      needs: (kind) => [{ verb: 'patch', group: kind.group, resource: kind.resource }],
      when: (storageClass) => !isDefault(storageClass),
      run: (storageClass, { scope }) => makeDefault(scope, storageClass),
    }),
    defineAction<StorageClass>({
      id: 'reset-default',
      label: () => m.actions.resetDefault,
      icon: StarOff,
      needs: (kind) => [{ verb: 'patch', group: kind.group, resource: kind.resource }],
      when: isDefault,
      run: (storageClass, { scope }) => patch(scope, STORAGE_CLASSES, { name: storageClass.metadata.name }, defaultPatch(false)),
    }),
  ],
  facts: (storageClass) => [
    { label: m.columns.provisioner, value: storageClass.provisioner },
    { label: m.columns.isDefault, value: isDefault(storageClass), format: 'yes-no' },
    { label: m.columns.replicas, value: replicasOf(storageClass), format: 'number' },
    { label: m.columns.encrypted, value: isEncrypted(storageClass), format: 'yes-no' },
    { label: m.columns.reclaim, value: storageClass.reclaimPolicy },
    { label: m.columns.binding, value: storageClass.volumeBindingMode },
  ],
  overview: () => import('./StorageClassOverview.vue'),
  form: () => import('./StorageClassForm.vue'),
})
