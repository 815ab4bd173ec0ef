/** Images that machines and volumes are made from. */
import { Disc3 } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { findCondition, textAt, type KubeObject } from '@/core/kubernetes'
import { state } from '@/core/state'

import ProgressCell from './ProgressCell.vue'
import { imageMessages as m } from './virtual-machine-image-messages'

export interface VirtualMachineImage extends KubeObject {
  spec?: { displayName?: string; description?: string; url?: string; sourceType?: string }
  status?: { progress?: number; size?: number; virtualSize?: number; failed?: number; storageClassName?: string }
}

export const virtualMachineImageKind = defineKind<VirtualMachineImage>({
  group: 'harvesterhci.io',
  version: 'v1beta1',
  resource: 'virtualmachineimages',
  kind: 'VirtualMachineImage',
  namespaced: true,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Disc3,
  nav: { group: 'main', order: 40 },
  displayName: (image) => image.spec?.displayName ?? '',
  state: (image) => {
    const imported = findCondition(image, 'Imported')
    const failed = findCondition(image, 'RetryLimitExceeded')
    if (failed?.status === 'True') return state('problem', m.failed, failed.message ?? imported?.message)
    if (imported?.status === 'True') return state('ok', m.ready)
    return state('working', m.importing, imported?.message)
  },
  columns: [
    { id: 'storage-class', label: () => m.storageClass, value: (image) => image.status?.storageClassName, hidden: true },
    { id: 'progress', label: () => m.progress, value: (image) => image.status?.progress ?? 0, cell: ProgressCell, fact: true },
    { id: 'size', label: () => m.size, value: (image) => image.status?.size, format: 'bytes', fact: true, width: '100px' },
    { id: 'virtual-size', label: () => m.virtualSize, value: (image) => image.status?.virtualSize, format: 'bytes', width: '110px' },
    { id: 'description', label: () => m.description, value: (image) => image.metadata.annotations?.['field.cattle.io/description'] ?? image.spec?.description, hidden: true },
  ],
  facts: (image) => [
    { label: m.source, value: image.spec?.sourceType },
    { label: m.url, value: image.spec?.url, format: 'mono' },
    { label: m.size, value: image.status?.size, format: 'bytes' },
    { label: m.virtualSize, value: image.status?.virtualSize, format: 'bytes' },
    { label: m.storageClass, value: textAt(image, 'status', 'storageClassName'), format: 'mono' },
  ],
})
