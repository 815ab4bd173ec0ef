/** Backups and snapshots of machines: the same objects on two pages, told apart by their type. */
import { Archive, ArchiveRestore, Camera, Replace } from '@lucide/vue'

import { defineAction, defineKind, type Action, type Kind } from '@/core/kinds'
import { isTrue } from '@/core/kubernetes'
import { state, type State } from '@/core/state'
import ProgressCell from '@/kinds/ProgressCell.vue'

import { BACKUPS, MACHINES, RESTORES, SCHEDULES } from '../shared/gvr'
import { linkTo } from '../shared/links'
import { commonMessages } from '../shared/messages'
import { removing } from '../shared/states'
import { errorOf, isReady, machineOf, progressOf, scheduleOf, sizeOf, targetOf, typeOf, type Backup, type BackupType } from './backup-model'
import { backupMessages as m } from './messages'

function backupState(backup: Backup): State {
  const gone = removing(backup)
  if (gone) return gone
  if (isReady(backup)) return state('ok', m.states.ready)
  const error = errorOf(backup)
  if (error) return state('problem', m.states.failed, error)
  return isTrue(backup, 'InProgress') ? state('working', m.states.working) : state('working', m.states.waiting)
}

const restoreAction = (isNew: boolean): Action =>
  defineAction<Backup>({
    id: isNew ? 'restore-new' : 'restore-existing',
    label: () => (isNew ? m.actions.restoreNew : m.actions.replace),
    icon: isNew ? ArchiveRestore : Replace,
    primary: isNew,
    needs: () => [{ verb: 'create', group: RESTORES.group, resource: RESTORES.resource }],
    when: isReady,
    dialog: () => (isNew ? import('./RestoreNewDialog.vue') : import('./ReplaceDialog.vue')),
  })

/** `namespace/name` in two parts. */
const split = (key: string): [namespace: string, name: string] => {
  const at = key.indexOf('/')
  return [key.slice(0, at), key.slice(at + 1)]
}

const kindOfType = (type: BackupType, more: Partial<Kind> & Pick<Kind, 'title' | 'singular' | 'about' | 'icon' | 'nav'>): Kind =>
  defineKind<Backup>({
    ...BACKUPS,
    kind: 'VirtualMachineBackup',
    namespaced: true,
    isInternal: (backup) => typeOf(backup) !== type,
    state: backupState,
    // What was taken is never changed.
    editable: false,
    actions: [restoreAction(true), restoreAction(false)],
    columns: [
      { id: 'machine', label: () => m.columns.machine, value: machineOf, fact: true, groups: true },
      { id: 'schedule', label: () => m.columns.schedule, value: scheduleOf, groups: true },
      ...(type === 'backup' ? [{ id: 'target', label: () => m.columns.target, value: targetOf, hidden: false }] : []),
      { id: 'ready', label: () => m.columns.ready, value: isReady, format: 'yes-no', width: '112px' },
      { id: 'progress', label: () => m.columns.progress, value: progressOf, format: 'number', cell: ProgressCell, width: '132px', hidden: type === 'snapshot' },
      { id: 'size', label: () => m.columns.size, value: sizeOf, format: 'bytes', width: '92px', fact: true },
    ],
    facts(backup, { scope }) {
      const [scheduleNamespace, schedule] = split(scheduleOf(backup))
      return [
        { label: commonMessages.type, value: m.types[typeOf(backup)] },
        { label: m.columns.machine, value: machineOf(backup), ...(machineOf(backup) && { to: linkTo(scope, MACHINES, machineOf(backup), backup.metadata.namespace) }) },
        { label: m.columns.schedule, value: scheduleOf(backup), ...(schedule && { to: linkTo(scope, SCHEDULES, schedule, scheduleNamespace) }) },
        ...(typeOf(backup) === 'backup' ? [{ label: m.columns.target, value: targetOf(backup) }] : []),
        { label: m.taken, value: backup.status?.creationTime, format: 'age' as const },
        { label: m.columns.size, value: sizeOf(backup), format: 'bytes' as const },
        { label: m.columns.ready, value: isReady(backup), format: 'yes-no' as const },
      ]
    },
    overview: () => import('./BackupOverview.vue'),
    form: () => import('./BackupForm.vue'),
    ...more,
  })

export const backupKind = kindOfType('backup', {
  title: () => m.backups,
  singular: () => m.backup,
  about: () => m.aboutBackups,
  icon: Archive,
  nav: { group: 'backup', order: 20 },
  banner: () => import('./TargetBanner.vue'),
})

export const snapshotKind = kindOfType('snapshot', {
  view: 'snapshots',
  title: () => m.snapshots,
  singular: () => m.snapshot,
  about: () => m.aboutSnapshots,
  icon: Camera,
  nav: { group: 'backup', order: 30 },
})
