/** Persistent volumes, quotas, and the definitions of custom resources. */
import { Database, Gauge, Shapes } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { listAt, textAt, type KubeObject } from '@/core/kubernetes'
import { parseQuantity } from '@/core/quantity'

import { RESOURCE_QUOTAS } from '../shared/gvr'
import { kubernetesMessages as m } from './messages'

const claimOf = (volume: KubeObject): string => [textAt(volume, 'spec', 'claimRef', 'namespace'), textAt(volume, 'spec', 'claimRef', 'name')].filter(Boolean).join('/')

export const persistentVolumeKind = defineKind<KubeObject>({
  group: '',
  version: 'v1',
  resource: 'persistentvolumes',
  kind: 'PersistentVolume',
  namespaced: false,
  title: () => m.volumes,
  singular: () => m.volume,
  icon: Database,
  columns: [
    { id: 'capacity', label: () => m.columns.capacity, value: (volume) => parseQuantity(textAt(volume, 'spec', 'capacity', 'storage')), format: 'bytes', width: '104px', fact: true },
    { id: 'claim', label: () => m.columns.claim, value: claimOf, fact: true, width: 'minmax(140px, 1.6fr)' },
    { id: 'class', label: () => m.columns.className, value: (volume) => textAt(volume, 'spec', 'storageClassName') },
    { id: 'reclaim', label: () => m.columns.reclaim, value: (volume) => textAt(volume, 'spec', 'persistentVolumeReclaimPolicy'), hidden: true },
  ],
})

export const resourceQuotaKind = defineKind<KubeObject>({
  ...RESOURCE_QUOTAS,
  kind: 'ResourceQuota',
  namespaced: true,
  title: () => m.quotas,
  singular: () => m.quota,
  icon: Gauge,
  columns: [],
})

export const definitionKind = defineKind<KubeObject>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
  title: () => m.definitions,
  singular: () => m.definition,
  icon: Shapes,
  columns: [
    { id: 'kind', label: () => m.columns.kind, value: (definition) => textAt(definition, 'spec', 'names', 'kind'), fact: true },
    { id: 'group', label: () => m.columns.group, value: (definition) => textAt(definition, 'spec', 'group'), fact: true },
    { id: 'scope', label: () => m.columns.scope, value: (definition) => textAt(definition, 'spec', 'scope'), width: '112px' },
    {
      id: 'versions',
      label: () => m.columns.versions,
      value: (definition) =>
        listAt(definition, 'spec', 'versions')
          .map((version) => textAt(version, 'name'))
          .join(', '),
    },
  ],
})
