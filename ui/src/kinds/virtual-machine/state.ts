/** What a machine is doing, in the order in which Harvester decides it (reference: KubeVirt's printableStatus). Pure. */
import { findCondition } from '@/core/kubernetes'
import { state, type State } from '@/core/state'

import { machineMessages as m } from './messages'
import type { VirtualMachine, VirtualMachineInstance } from './types'

const MIGRATION = 'harvesterhci.io/migrationState'

export function runStrategyOf(machine: VirtualMachine): string {
  return machine.spec?.runStrategy ?? (machine.spec?.running === false ? 'Halted' : 'Always')
}

export const isPaused = (instance: VirtualMachineInstance | undefined): boolean => findCondition(instance, 'Paused')?.status === 'True'
export const isRunning = (instance: VirtualMachineInstance | undefined): boolean => instance?.status?.phase === 'Running'

/** Not meant to run now. */
function isOff(machine: VirtualMachine, instance: VirtualMachineInstance | undefined): boolean {
  const strategy = runStrategyOf(machine)
  const status = machine.status?.printableStatus
  if (strategy === 'Halted') return true
  if (strategy === 'RerunOnFailure' || strategy === 'Manual') return !instance && status !== 'Starting' && status !== 'Running' && status !== 'Provisioning'
  return false
}

export function machineState(machine: VirtualMachine, instance: VirtualMachineInstance | undefined): State {
  const status = machine.status?.printableStatus ?? ''
  const s = m.states
  if (machine.metadata.deletionTimestamp) return state('working', s.terminating)
  if (status === 'Migrating' || instance?.metadata.annotations?.[MIGRATION] === 'Migrating') return state('working', s.migrating)
  const scheduled = findCondition(instance, 'PodScheduled') ?? findCondition(machine, 'PodScheduled')
  if (status === 'ErrorUnschedulable' || scheduled?.reason === 'Unschedulable') return state('problem', s.unschedulable, scheduled?.message)
  if (isPaused(instance) || status === 'Paused') return state('off', s.paused, findCondition(instance, 'Paused')?.message)
  const failure = findCondition(machine, 'Failure')
  if (failure?.status === 'True') return state('problem', s.failed, failure.message)
  if (/BackOff|^Err|^DataVolumeError|Failed/.test(status)) return state('problem', s.failed, sentence(machine) ?? status)
  if (status === 'Stopping' || (runStrategyOf(machine) === 'Halted' && isRunning(instance))) return state('working', s.stopping)
  if (isOff(machine, instance)) return state('off', s.off)
  if (instance?.status?.phase === 'Failed') return state('problem', s.failed, sentence(instance))
  if (isRunning(instance)) {
    const ready = findCondition(instance, 'Ready')
    return ready && ready.status !== 'True' ? state('attention', s.notReady, ready.message ?? ready.reason) : state('ok', s.running)
  }
  if (status === 'Running') return state('ok', s.running)
  if (status === 'WaitingForVolumeBinding' || status === 'Provisioning') return state('working', s.waiting, sentence(machine) ?? s.waitingForVolumes)
  if (status === 'Starting' || instance) return state('working', s.starting, sentence(instance ?? machine))
  return state('working', status || s.waiting, sentence(machine))
}

/** The most telling condition that is not true. */
function sentence(object: unknown): string | undefined {
  const conditions = ['Synchronized', 'Provisioning', 'Ready'].map((type) => findCondition(object, type))
  return conditions.find((condition) => condition && condition.status !== 'True' && condition.message)?.message
}
