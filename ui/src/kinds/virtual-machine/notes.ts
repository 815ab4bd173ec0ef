/** What somebody should know of a machine beside its state. Pure. */
import { machineMessages as m } from './messages'
import { annotation, needsRestart, QUOTA_PROBLEM, type VirtualMachine } from './types'

export interface Note {
  label: string
  text: string
}

export function notesOf(machine: VirtualMachine): Note[] {
  const quota = annotation(machine, QUOTA_PROBLEM)
  return [
    ...(needsRestart(machine) ? [{ label: m.notes.restart, text: m.restartApplies }] : []),
    ...(quota === undefined ? [] : [{ label: m.notes.quota, text: quota }]),
  ]
}
