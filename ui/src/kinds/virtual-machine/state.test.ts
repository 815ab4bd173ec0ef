import { describe, expect, it } from 'vitest'

import { canAbortMigration, canForceStop, canMigrate, canPause, canRestart, canSoftReboot, canStart, canStop, canUnpause } from './able'
import type { Instance, VirtualMachine } from './types'
import { machineState } from './state'

const condition = (type: string, status = 'True', message?: string): object => ({ type, status, ...(message && { message }) })

function machine(runStrategy: string, printableStatus?: string, more: object = {}, metadata: object = {}): VirtualMachine {
  return { metadata: { name: 'a', ...metadata }, spec: { runStrategy }, status: { ...(printableStatus && { printableStatus }), ...more } }
}

function instance(phase: string, conditions: object[] = [], more: object = {}, metadata: object = {}): Instance {
  return { metadata: { name: 'a', ...metadata }, status: { phase, conditions, ...more } } as Instance
}

const ready = condition('Ready')
const running = instance('Running', [ready])
const paused = instance('Running', [condition('Ready', 'False'), condition('Paused')])
const gone = { deletionTimestamp: '2026-01-01T00:00:00Z' }
const migrating = instance('Running', [ready], { migrationState: { startTimestamp: 'x', sourceNode: 'n1', targetNode: 'n2' } })

const rules = { start: canStart, stop: canStop, forceStop: canForceStop, restart: canRestart, pause: canPause, unpause: canUnpause, softReboot: canSoftReboot, migrate: canMigrate, abortMigration: canAbortMigration }

type Case = [what: string, machine: VirtualMachine, instance: Instance | undefined, word: string, tone: string, actions: string, reason?: string]

const CASES: Case[] = [
  ['new', machine('RerunOnFailure'), undefined, 'Starting', 'working', 'start'],
  ['without status and spec', { metadata: { name: 'a' } }, undefined, 'Stopped', 'off', 'start'],
  ['halted', machine('Halted', 'Stopped'), undefined, 'Stopped', 'off', 'start'],
  ['stopped by itself', machine('RerunOnFailure', 'Stopped'), instance('Succeeded'), 'Stopped', 'off', 'start'],
  ['manual and off', machine('Manual', 'Stopped'), undefined, 'Stopped', 'off', 'start'],
  ['asked to start', machine('Manual', 'Stopped', { stateChangeRequests: [{ action: 'Start' }] }), undefined, 'Starting', 'working', ''],
  ['starting', machine('RerunOnFailure', 'Starting'), instance('Scheduling'), 'Starting', 'working', 'stop'],
  ['waiting for a volume', machine('Always', 'WaitingForVolumeBinding'), instance('Pending', [condition('Provisioning', 'True', 'PVC a/b is not bound yet')]), 'Waiting', 'attention', 'stop', 'PVC a/b is not bound yet'],
  ['without its volume', machine('Always', 'ErrorPvcNotFound'), instance('Pending', [condition('Synchronized', 'False', 'no PVC a/b')]), 'Volume missing', 'problem', 'stop', 'no PVC a/b'],
  ['without a node', machine('Always', 'ErrorUnschedulable'), instance('Scheduling', [condition('PodScheduled', 'False', '0/1 nodes')]), 'No node fits', 'problem', 'stop', '0/1 nodes'],
  ['running', machine('RerunOnFailure', 'Running'), running, 'Running', 'ok', 'stop restart pause softReboot'],
  ['running and changed', machine('RerunOnFailure', 'Running', { conditions: [condition('RestartRequired')] }), running, 'Running', 'ok', 'stop restart pause softReboot', 'A restart brings its changes into force'],
  ['running, not ready', machine('RerunOnFailure', 'Running'), instance('Running', [condition('Ready', 'False', 'probe failed')]), 'Not ready', 'attention', 'stop restart pause softReboot', 'probe failed'],
  ['running and movable', machine('RerunOnFailure', 'Running'), instance('Running', [ready, condition('LiveMigratable')]), 'Running', 'ok', 'stop restart pause softReboot migrate'],
  ['moving', machine('RerunOnFailure', 'Migrating'), migrating, 'Migrating', 'working', 'stop restart pause softReboot abortMigration', 'From n1 to n2'],
  ['about to move', machine('RerunOnFailure', 'Running'), instance('Running', [ready], {}, { annotations: { 'harvesterhci.io/migrationState': 'Pending migration' } }), 'Migration waits', 'working', 'stop restart pause softReboot abortMigration'],
  ['paused', machine('RerunOnFailure', 'Paused'), paused, 'Paused', 'off', 'stop restart unpause'],
  ['stopping', machine('Halted', 'Stopping'), instance('Running', [ready], {}, gone), 'Stopping', 'working', 'forceStop'],
  ['crashed', machine('Always', 'CrashLoopBackOff'), instance('Failed'), 'Keeps failing', 'problem', 'start stop'],
  ['failed', machine('Always', 'Stopped'), instance('Failed'), 'Failed', 'problem', 'start stop'],
  ['refused', machine('Always', '', { conditions: [condition('Failure', 'True', 'no such device')] }), undefined, 'Failed', 'problem', 'start stop', 'no such device'],
  ['over its quota', machine('Halted', 'Stopped', {}, { annotations: { 'harvesterhci.io/insufficient-resource-quota': 'limits.cpu exceeded' } }), undefined, 'Stopped', 'attention', 'start', 'limits.cpu exceeded'],
  ['removed', machine('Always', 'Terminating', {}, gone), instance('Running', [ready], {}, gone), 'Removing', 'working', 'forceStop'],
  ['something of tomorrow', machine('Always', 'WaitingForReceiver'), undefined, 'WaitingForReceiver', 'working', 'start stop'],
]

describe('a machine', () => {
  it.each(CASES)('%s', (_, machine, instance, word, tone, actions, reason) => {
    expect(machineState(machine, instance)).toEqual({ label: word, tone, reason })
    const offered = Object.entries(rules).filter(([, rule]) => rule(machine, instance))
    expect(offered.map(([name]) => name).join(' ')).toBe(actions)
  })

  it('says how far a restore is', () => {
    const restore = { metadata: { name: 'r' }, status: { complete: false, progress: 40 } }
    expect(machineState(machine('Halted', 'Stopped'), undefined, restore)).toEqual({ label: 'Restoring', tone: 'working', reason: '40 % restored' })
    const done = { metadata: { name: 'r' }, status: { complete: true } }
    expect(machineState(machine('Halted', 'Stopped'), undefined, done).label).toBe('Stopped')
  })
})
