/** Schedules that take backups or snapshots of a machine. */
import { CalendarClock, Pause, Play } from '@lucide/vue'

import { defineAction, defineKind } from '@/core/kinds'
import { findCondition } from '@/core/kubernetes'
import { patch } from '@/core/resources'
import { state, type State } from '@/core/state'

import { BACKUPS, MACHINES, SCHEDULES } from '../shared/gvr'
import { linkTo } from '../shared/links'
import { commonMessages } from '../shared/messages'
import { readable } from '../shared/readable'
import { removing } from '../shared/states'
import { scheduleOf } from './backup-model'
import { backupMessages as m } from './messages'
import { isSuspended, machineOf, typeOf, type Schedule } from './schedule-model'

function scheduleState(schedule: Schedule): State {
  const gone = removing(schedule)
  if (gone) return gone
  if (!isSuspended(schedule)) return state('ok', m.states.active)
  const why = findCondition(schedule, 'BackupSuspend')?.message
  // Somebody's choice is no problem; a suspension after failures is.
  return state(schedule.spec?.suspend ? 'off' : 'problem', m.states.suspended, why)
}

const suspend = (isOn: boolean) =>
  defineAction<Schedule>({
    id: isOn ? 'suspend' : 'resume',
    label: () => (isOn ? m.actions.suspend : m.actions.resume),
    icon: isOn ? Pause : Play,
    bulk: true,
    primary: !isOn,
    needs: (kind) => [{ verb: 'patch', group: kind.group, resource: kind.resource }],
    when: (schedule) => isSuspended(schedule) !== isOn,
    confirm: ([schedule]) => (isOn && schedule ? { title: m.confirmSuspend.title(schedule.metadata.name), text: m.confirmSuspend.text, confirm: m.actions.suspend } : null),
    run: (schedule, { scope, kind }) => patch(scope, kind, schedule.metadata, { spec: { suspend: isOn } }),
  })

export const scheduleKind = defineKind<Schedule>({
  ...SCHEDULES,
  kind: 'ScheduleVMBackup',
  namespaced: true,
  title: () => m.schedules,
  singular: () => m.schedule,
  about: () => m.aboutSchedules,
  icon: CalendarClock,
  nav: { group: 'backup', order: 10 },
  joins: { taken: { query: ({ scope, namespace }) => readable(scope, BACKUPS, { namespace }), owner: scheduleOf } },
  state: scheduleState,
  columns: [
    { id: 'machine', label: () => m.columns.sourceMachine, value: machineOf, fact: true },
    { id: 'type', label: () => commonMessages.type, value: (schedule) => m.types[typeOf(schedule)], width: '112px' },
    { id: 'cron', label: () => m.columns.cron, value: ({ spec }) => spec?.cron, format: 'mono', fact: true },
    { id: 'retain', label: () => m.columns.retain, value: ({ spec }) => spec?.retain, format: 'number', width: '96px' },
    { id: 'max-failure', label: () => m.columns.maxFailure, value: ({ spec }) => spec?.maxFailure, format: 'number', width: '124px' },
    { id: 'failures', label: () => m.columns.failures, value: ({ status }) => status?.failure, format: 'number', hidden: true },
  ],
  actions: [suspend(false), suspend(true)],
  facts: (schedule, { scope }) => [
    { label: commonMessages.type, value: m.types[typeOf(schedule)] },
    { label: m.columns.sourceMachine, value: machineOf(schedule), ...(machineOf(schedule) && { to: linkTo(scope, MACHINES, machineOf(schedule), schedule.metadata.namespace) }) },
    { label: m.columns.cron, value: schedule.spec?.cron, format: 'mono' },
    { label: m.columns.retain, value: schedule.spec?.retain, format: 'number' },
    { label: m.columns.maxFailure, value: schedule.spec?.maxFailure, format: 'number' },
    { label: m.columns.failures, value: schedule.status?.failure ?? 0, format: 'number' },
  ],
  tabs: [{ id: 'taken', label: () => m.scheduleTabs.backups, component: () => import('./TakenTab.vue'), count: (schedule, { joined }) => joined('taken', schedule).length }],
  form: () => import('./ScheduleForm.vue'),
  banner: () => import('./TargetBanner.vue'),
})
