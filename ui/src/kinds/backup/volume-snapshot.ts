/** Snapshots of single volumes. */
import { ArchiveRestore, HardDriveDownload } from '@lucide/vue'

import { defineAction, defineKind } from '@/core/kinds'
import type { KubeObject } from '@/core/kubernetes'
import { parseQuantity } from '@/core/quantity'
import { state, type State } from '@/core/state'

import { CLAIMS, VOLUME_SNAPSHOTS } from '../shared/gvr'
import { linkTo } from '../shared/links'
import { removing } from '../shared/states'
import { backupMessages as m } from './messages'

export interface VolumeSnapshot extends KubeObject {
  spec?: { source?: { persistentVolumeClaimName?: string; volumeSnapshotContentName?: string }; volumeSnapshotClassName?: string }
  status?: { readyToUse?: boolean; restoreSize?: string; creationTime?: string; error?: { message?: string } | null }
}

export const ANNOTATIONS = {
  storageClass: 'harvesterhci.io/storageClassName',
  image: 'harvesterhci.io/imageId',
} as const

const volumeOf = ({ spec }: VolumeSnapshot): string => spec?.source?.persistentVolumeClaimName ?? ''

function snapshotState(snapshot: VolumeSnapshot): State {
  const gone = removing(snapshot)
  if (gone) return gone
  if (snapshot.status?.readyToUse) return state('ok', m.states.ready)
  const error = snapshot.status?.error?.message
  return error ? state('problem', m.states.failed, error) : state('working', m.states.working)
}

export const volumeSnapshotKind = defineKind<VolumeSnapshot>({
  ...VOLUME_SNAPSHOTS,
  kind: 'VolumeSnapshot',
  namespaced: true,
  title: () => m.volumeSnapshots,
  singular: () => m.volumeSnapshot,
  about: () => m.aboutVolumeSnapshots,
  icon: HardDriveDownload,
  nav: { group: 'backup', order: 40 },
  creatable: false,
  editable: false,
  state: snapshotState,
  columns: [
    { id: 'volume', label: () => m.columns.volume, value: volumeOf, fact: true, width: 'minmax(120px, 1.4fr)' },
    { id: 'size', label: () => m.columns.size, value: ({ status }) => parseQuantity(status?.restoreSize), format: 'bytes', fact: true, width: '96px' },
    { id: 'storage-class', label: () => m.columns.storageClass, value: ({ metadata }) => metadata.annotations?.[ANNOTATIONS.storageClass], hidden: true },
  ],
  actions: [
    defineAction<VolumeSnapshot>({
      id: 'restore',
      label: () => m.actions.restoreVolume,
      icon: ArchiveRestore,
      primary: true,
      needs: () => [{ verb: 'create', group: CLAIMS.group, resource: CLAIMS.resource }],
      when: ({ status }) => status?.readyToUse === true,
      dialog: () => import('./RestoreVolumeDialog.vue'),
    }),
  ],
  facts: (snapshot, { scope }) => [
    { label: m.columns.volume, value: volumeOf(snapshot), ...(volumeOf(snapshot) && { to: linkTo(scope, CLAIMS, volumeOf(snapshot), snapshot.metadata.namespace) }) },
    { label: m.columns.size, value: parseQuantity(snapshot.status?.restoreSize), format: 'bytes' },
    { label: m.columns.storageClass, value: snapshot.metadata.annotations?.[ANNOTATIONS.storageClass] },
    { label: m.taken, value: snapshot.status?.creationTime, format: 'age' },
  ],
})

/** The volume that a snapshot becomes. */
export function claimFrom(snapshot: VolumeSnapshot, name: string, storageClass: string): KubeObject {
  const image = snapshot.metadata.annotations?.[ANNOTATIONS.image]
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: name.trim(), namespace: snapshot.metadata.namespace ?? 'default', ...(image && { annotations: { [ANNOTATIONS.image]: image } }) },
    spec: {
      accessModes: ['ReadWriteMany'],
      volumeMode: 'Block',
      storageClassName: storageClass,
      resources: { requests: { storage: snapshot.status?.restoreSize } },
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: snapshot.metadata.name },
    },
  } as KubeObject
}
