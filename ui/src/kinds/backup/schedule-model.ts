/** Schedules that take backups or snapshots of a machine. Pure. */
import type { Condition, KubeObject } from '@/core/kubernetes'

import type { BackupType } from './backup-model'

export interface Schedule extends KubeObject {
  spec?: {
    cron?: string
    retain?: number
    maxFailure?: number
    suspend?: boolean
    vmbackup?: { type?: string; source?: { apiGroup?: string; kind?: string; name?: string } }
  }
  status?: {
    suspended?: boolean
    failure?: number
    vmbackupInfo?: { name?: string; readyToUse?: boolean }[] | null
    conditions?: Condition[] | null
  }
}

export const MIN_RETAIN = 2
export const MAX_RETAIN = 250
export const MIN_FAILURES = 2

export const typeOf = (schedule: Schedule): BackupType => (schedule.spec?.vmbackup?.type === 'snapshot' ? 'snapshot' : 'backup')
export const machineOf = (schedule: Schedule): string => schedule.spec?.vmbackup?.source?.name ?? ''
export const isSuspended = (schedule: Schedule): boolean => schedule.status?.suspended === true || schedule.spec?.suspend === true

export interface ScheduleModel {
  type: string
  machine: string
  cron: string
  retain: string
  maxFailure: string
}

export function scheduleModel(schedule: Schedule | undefined, machine = ''): ScheduleModel {
  const { spec } = schedule ?? {}
  return {
    type: spec?.vmbackup?.type ?? 'snapshot',
    machine: spec?.vmbackup?.source?.name ?? machine,
    cron: spec?.cron ?? '0 2 * * *',
    retain: String(spec?.retain ?? 8),
    maxFailure: String(spec?.maxFailure ?? 4),
  }
}

/** A cluster has one schedule for each machine and type, so the name says both. */
export const nameFor = ({ type, machine }: ScheduleModel): string => `svm${type}-${machine}`

export function scheduleFor(model: ScheduleModel, namespace: string, before?: Schedule): Schedule {
  return {
    ...before,
    metadata: before?.metadata ?? { name: nameFor(model), namespace },
    spec: {
      ...before?.spec,
      cron: model.cron.trim(),
      retain: Number(model.retain),
      maxFailure: Number(model.maxFailure),
      vmbackup: before?.spec?.vmbackup ?? { type: model.type, source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: model.machine } },
    },
  }
}

const FIELDS: [min: number, max: number][] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
]

/** Five fields of cron; the shorthand `@daily` and its like. */
export function isCron(text: string): boolean {
  const trimmed = text.trim()
  if (/^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$/.test(trimmed)) return true
  const fields = trimmed.split(/\s+/)
  return fields.length === FIELDS.length && fields.every((field, index) => isField(field, FIELDS[index] ?? [0, 0]))
}

function isField(field: string, [min, max]: [number, number]): boolean {
  return field.split(',').every((part) => {
    const match = /^(\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part)
    if (!match) return false
    const [, , from, to, step] = match
    const isInside = [from, to].every((value) => value === undefined || (Number(value) >= min && Number(value) <= max))
    return isInside && (to === undefined || Number(to) >= Number(from)) && (step === undefined || Number(step) > 0)
  })
}

/** Whether it runs at most once an hour, as the cluster demands: the minute is one number. */
export function isHourlyAtMost(text: string): boolean {
  const trimmed = text.trim()
  return trimmed.startsWith('@') || /^\d+$/.test(trimmed.split(/\s+/)[0] ?? '')
}

export function isCount(text: string, min: number, max = Number.MAX_SAFE_INTEGER): boolean {
  return /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max
}
