/** Which actions make sense for a machine as it is: Harvester's own rules. Pure. */
import { at, isTrue } from '@/core/kubernetes'

import { loadedDrives } from './cd-rom'
import { takesNics, unpluggableNics } from './nics'
import { movableClaims } from './storage-migration'
import { annotation, isPaused, QUOTA_PROBLEM, runStrategyOf, specOf, type Instance, type VirtualMachine } from './types'
import { isActive, isMigrating, isStarting, isStopping } from './state'

type Rule = (machine: VirtualMachine, instance: Instance | undefined) => boolean

const isRemoving = (machine: VirtualMachine): boolean => machine.metadata.deletionTimestamp !== undefined
const isRunning = (instance: Instance | undefined): boolean => instance?.status?.phase === 'Running' && instance.metadata.deletionTimestamp === undefined
/** A machine that is probed would be restarted behind its owner's back. */
const isProbed = (machine: VirtualMachine): boolean => at(specOf(machine), 'livenessProbe') !== undefined

export const canStart: Rule = (machine, instance) => !isRemoving(machine) && !isActive(instance) && !isStarting(machine, instance)

export const canStop: Rule = (machine, instance) => {
  if (isRemoving(machine) || isStopping(machine, instance)) return false
  const strategy = runStrategyOf(machine)
  return strategy !== 'Halted' && (strategy === 'Always' || isActive(instance))
}

export const canForceStop: Rule = (machine, instance) => instance !== undefined && isStopping(machine, instance)

export const canRestart: Rule = (machine, instance) =>
  !isRemoving(machine) && isActive(instance) && runStrategyOf(machine) !== 'Halted' && !isStarting(machine, instance) && !isStopping(machine, instance)

export const canPause: Rule = (machine, instance) => isRunning(instance) && !isPaused(instance) && !isProbed(machine)
export const canUnpause: Rule = (_, instance) => isRunning(instance) && isPaused(instance)
export const canSoftReboot: Rule = (machine, instance) => isRunning(instance) && !isPaused(instance) && !isProbed(machine)

export const canMigrate: Rule = (machine, instance) =>
  !isRemoving(machine) && isRunning(instance) && isTrue(instance, 'Ready') && isTrue(instance, 'LiveMigratable') && !isMigrating(instance)
export const canAbortMigration: Rule = (_, instance) => isMigrating(instance)

/** A copy of the disks needs them to hold still or the machine to run; in between is no good time. */
export const canCopy: Rule = (machine, instance) => {
  const phase = instance?.status?.phase
  return !isRemoving(machine) && machine.status?.snapshotInProgress === undefined && (phase === undefined || phase === 'Running' || phase === 'Succeeded')
}

export const canHotPlug: Rule = (machine, instance) =>
  annotation(machine, 'harvesterhci.io/enableCPUAndMemoryHotplug') === 'true' && isRunning(instance) && isTrue(instance, 'LiveMigratable')

/** Interfaces come and go with a migration; only of machines whose addresses are all in the manifest, or KubeVirt would want a restart. */
export const canHotPlugNic: Rule = (machine, instance) => canMigrate(machine, instance) && takesNics(machine)
export const canHotUnplugNic: Rule = (machine, instance) => canHotPlugNic(machine, instance) && unpluggableNics(machine).length > 0

export const canMoveStorage: Rule = (machine, instance) => canMigrate(machine, instance) && movableClaims(machine).length > 0

/** Volumes are replaced only under a machine that is off. */
export const canRestore: Rule = (machine, instance) => !isRemoving(machine) && !isActive(instance) && !isStarting(machine, instance)
/** In between states its drives are about to be used. */
export const canInsert: Rule = (machine, instance) => !isRemoving(machine) && !isStarting(machine, instance) && !isStopping(machine, instance)
export const canEject: Rule = (machine, instance) => loadedDrives(machine).length > 0 && canInsert(machine, instance)

export const hasQuotaNote: Rule = (machine) => annotation(machine, QUOTA_PROBLEM) !== undefined
