/** What puts backups and snapshots back. */
import { ArchiveRestore } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { findCondition } from '@/core/kubernetes'
import { state } from '@/core/state'
import ProgressCell from '@/kinds/ProgressCell.vue'

import { BACKUPS, MACHINES, RESTORES } from '../shared/gvr'
import { linkTo } from '../shared/links'
import { removing } from '../shared/states'
import type { Restore } from './backup-model'
import { backupMessages as m } from './messages'

export const restoreKind = defineKind<Restore>({
  ...RESTORES,
  kind: 'VirtualMachineRestore',
  namespaced: true,
  title: () => m.restores,
  singular: () => m.restore,
  icon: ArchiveRestore,
  creatable: false,
  editable: false,
  state(restore) {
    const gone = removing(restore)
    if (gone) return gone
    if (restore.status?.complete) return state('ok', m.states.restored)
    const ready = findCondition(restore, 'Ready')
    const hasFailed = ready?.status === 'False' && findCondition(restore, 'InProgress')?.status === 'False'
    return hasFailed ? state('problem', m.states.failed, ready.message) : state('working', m.states.restoring)
  },
  columns: [
    { id: 'machine', label: () => m.columns.machine, value: ({ spec }) => spec?.target?.name, fact: true },
    { id: 'backup', label: () => m.columns.backup, value: ({ spec }) => spec?.virtualMachineBackupName, fact: true },
    { id: 'new', label: () => m.columns.isNew, value: ({ spec }) => spec?.newVM === true, format: 'yes-no' },
    { id: 'progress', label: () => m.columns.progress, value: ({ status }) => (status?.complete ? 100 : (status?.progress ?? 0)), format: 'number', cell: ProgressCell, width: '132px' },
  ],
  facts: ({ metadata, spec, status }, { scope }) => [
    { label: m.columns.machine, value: spec?.target?.name, ...(spec?.target?.name && { to: linkTo(scope, MACHINES, spec.target.name, metadata.namespace) }) },
    { label: m.columns.backup, value: spec?.virtualMachineBackupName, ...(spec?.virtualMachineBackupName && { to: linkTo(scope, BACKUPS, spec.virtualMachineBackupName, metadata.namespace) }) },
    { label: m.columns.isNew, value: spec?.newVM === true, format: 'yes-no' },
    { label: m.columns.restored, value: status?.restoreTime, format: 'age' },
  ],
})
