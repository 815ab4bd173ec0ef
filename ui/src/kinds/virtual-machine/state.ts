/** The state of a machine in one word, out of what three objects say: the machine, its instance, a restore. Pure. */
import { at, findCondition, isTrue, textAt, type KubeObject } from '@/core/kubernetes'
import { state, toneOfWord, type State } from '@/core/state'

import { machineMessages as m } from './messages'
import { annotation, isPaused, MIGRATION_STATE, needsRestart, QUOTA_PROBLEM, runStrategyOf, type Instance, type VirtualMachine } from './types'

/** KubeVirt's words for what keeps a machine from running, and ours. */
const TROUBLES: Record<string, () => string> = {
  ErrorUnschedulable: () => m.states.unschedulable,
  ErrImagePull: () => m.states.imageMissing,
  ImagePullBackOff: () => m.states.imageMissing,
  ErrorPvcNotFound: () => m.states.volumeMissing,
  DataVolumeError: () => m.states.volumeFailed,
  CrashLoopBackOff: () => m.states.crashing,
}

/** The first rule that fits decides; the order is that of Harvester's own console. */
export function machineState(machine: VirtualMachine, instance: Instance | undefined, restore?: KubeObject): State {
  const printable = machine.status?.printableStatus ?? ''
  const phase = instance?.status?.phase ?? ''
  if (restore && at(restore, 'status', 'complete') !== true) return restoring(restore)
  if (machine.metadata.deletionTimestamp) return state('working', m.states.removing)
  const migration = migrationOf(instance)
  if (migration) return migration
  const trouble = TROUBLES[printable]
  if (trouble) return state('problem', trouble(), reasonOf(machine, instance))
  if (isPaused(instance) || printable === 'Paused') return state('off', m.states.paused)
  if (isTrue(machine, 'Failure')) return state('problem', m.states.failed, findCondition(machine, 'Failure')?.message)
  if (instance?.metadata.deletionTimestamp || printable === 'Stopping') return state('working', m.states.stopping)
  if (phase === 'Pending' || printable === 'WaitingForVolumeBinding') return waiting(machine, instance)
  if (isOff(machine, instance)) return stopped(machine)
  if (phase === 'Failed') return state('problem', m.states.failed, reasonOf(machine, instance))
  if (phase === 'Running') return running(machine, instance)
  if (isStarting(machine, instance)) return state('working', m.states.starting)
  return printable === '' ? state('working', m.states.starting) : state(toneOfWord(printable) ?? 'attention', printable, reasonOf(machine, instance))
}

function restoring(restore: KubeObject): State {
  const progress = at(restore, 'status', 'progress')
  return state('working', m.states.restoring, typeof progress === 'number' ? m.restoredSoFar(progress) : undefined)
}

function migrationOf(instance: Instance | undefined): State | undefined {
  const word = instance && annotation(instance, MIGRATION_STATE)
  const target = instance?.status?.migrationState
  const reason = target?.targetNode ? m.migratesTo(target.sourceNode ?? '', target.targetNode) : undefined
  if (word === 'Aborting migration') return state('working', m.states.abortingMigration, reason)
  if (word === 'Pending migration') return state('working', m.states.pendingMigration, reason)
  if (word === 'Migrating' || isMigrating(instance)) return state('working', m.states.migrating, reason)
  return undefined
}

/** Whether it is on its way to another node. */
export function isMigrating(instance: Instance | undefined): boolean {
  const word = instance && annotation(instance, MIGRATION_STATE)
  if (word === 'Migrating' || word === 'Pending migration' || word === 'Aborting migration') return true
  const migration = instance?.status?.migrationState
  return Boolean(migration?.startTimestamp && !migration.endTimestamp && !migration.completed && !migration.failed)
}

function waiting(machine: VirtualMachine, instance: Instance | undefined): State {
  return state('attention', m.states.waiting, reasonOf(machine, instance))
}

function stopped(machine: VirtualMachine): State {
  const quota = annotation(machine, QUOTA_PROBLEM)
  return quota ? state('attention', m.states.stopped, quota) : state('off', m.states.stopped)
}

function running(machine: VirtualMachine, instance: Instance | undefined): State {
  if (!isTrue(instance, 'Ready')) return state('attention', m.states.notReady, findCondition(instance, 'Ready')?.message)
  return state('ok', m.states.running, needsRestart(machine) ? m.restartApplies : undefined)
}

/** Whether nobody expects it to run: nothing is to be done then, and nothing is wrong. */
function isOff(machine: VirtualMachine, instance: Instance | undefined): boolean {
  if (isActive(instance)) return false
  if (isStartRequested(machine)) return false
  const strategy = runStrategyOf(machine)
  const printable = machine.status?.printableStatus ?? ''
  if (strategy === 'Halted') return true
  if (strategy === 'Always') return false
  if (printable === '') return strategy === 'Manual'
  return printable !== 'Starting' && printable !== 'Running' && printable !== 'Provisioning'
}

const isStartRequested = (machine: VirtualMachine): boolean =>
  Array.isArray(machine.status?.stateChangeRequests) && machine.status.stateChangeRequests.some(({ action }) => action === 'Start')

/** Whether there is an instance that has not ended. */
export function isActive(instance: Instance | undefined): boolean {
  const phase = instance?.status?.phase
  return instance !== undefined && phase !== 'Succeeded' && phase !== 'Failed'
}

export function isStarting(machine: VirtualMachine, instance: Instance | undefined): boolean {
  const phase = instance?.status?.phase ?? ''
  const printable = machine.status?.printableStatus ?? ''
  if (phase === 'Running') return false
  return ['Pending', 'Scheduling', 'Scheduled'].includes(phase) || ['Starting', 'Provisioning'].includes(printable) || isStartRequested(machine)
}

export const isStopping = (machine: VirtualMachine, instance: Instance | undefined): boolean =>
  machine.status?.printableStatus === 'Stopping' || instance?.metadata.deletionTimestamp !== undefined

/** The most telling sentence that the objects have about what is wrong. */
function reasonOf(machine: VirtualMachine, instance: Instance | undefined): string | undefined {
  for (const [object, types] of [
    [instance, ['Synchronized', 'PodScheduled', 'DataVolumesReady', 'Provisioning']],
    [machine, ['Failure', 'PodScheduled', 'DataVolumesReady']],
  ] as const) {
    for (const type of types) {
      const condition = findCondition(object, type)
      const isTold = condition && (type === 'Provisioning' || type === 'Failure' ? condition.status === 'True' : condition.status === 'False')
      if (isTold && condition.message) return condition.message
    }
  }
  return textAt(findCondition(machine, 'Ready'), 'message')
}
