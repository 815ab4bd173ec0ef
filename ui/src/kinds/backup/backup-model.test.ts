import { describe, expect, it } from 'vitest'

import { backupTargetState, errorOf, progressOf, restoreFor, restoreModel, sizeOf, targetOf, type Backup } from './backup-model'

const backup = (spec: object = {}, status: object = {}): Backup => ({ metadata: { name: 'b', namespace: 'demo' }, spec: { type: 'backup', source: { name: 'web01' }, ...spec }, status })

it.each([
  ['done', { readyToUse: true, progress: 40 }, 100],
  ['under way', { progress: 40 }, 40],
  ['nonsense', { progress: 'x' }, 0],
  ['too much', { progress: 140 }, 100],
  ['nothing yet', {}, 0],
])('progress: %s', (_, status, percent) => expect(progressOf(backup({}, status))).toBe(percent))

describe('errorOf', () => {
  it.each([
    ['its own', { error: { message: 'no target' } }, 'no target'],
    ['of a volume', { volumeBackups: [null, { volumeName: 'disk-0', error: { message: 'too slow' } }] }, 'disk-0: too slow'],
    ['of its condition', { conditions: [{ type: 'Ready', status: 'False', message: 'broken' }] }, 'broken'],
    ['none while it runs', { conditions: [{ type: 'InProgress', status: 'True' }, { type: 'Ready', status: 'False', message: 'not yet' }] }, undefined],
    ['none', {}, undefined],
  ])('%s', (_, status, message) => expect(errorOf(backup({}, status))).toBe(message))
})

it('adds up sizes, whatever is in the list', () => expect(sizeOf(backup({}, { volumeBackups: [{ volumeSize: 10 }, 'x', { volumeSize: null }, { volumeSize: 5 }] }))).toBe(15))

it.each([
  [{ endpoint: 'nfs://10.0.0.1:/b' }, 'nfs://10.0.0.1:/b'],
  [{ endpoint: '', bucketName: 'vms', bucketRegion: 'eu' }, 's3://vms@eu'],
  [{ endpoint: 'https://s3.example', bucketName: 'vms' }, 's3://vms (https://s3.example)'],
  [null, ''],
])('target %j', (backupTarget, text) => expect(targetOf(backup({}, { backupTarget }))).toBe(text))

describe('restoring', () => {
  const snapshot = backup({ type: 'snapshot' })
  it.each([
    ['a backup as a new machine elsewhere', backup(), { isNew: true, name: ' web02 ', namespace: 'other', keepMac: true }, { namespace: 'other', target: 'web02', newVM: true, keepMacAddress: true, deletionPolicy: 'retain' }],
    ['a backup over its machine', backup(), { isNew: false }, { namespace: 'demo', target: 'web01', newVM: false, keepMacAddress: undefined, deletionPolicy: 'delete' }],
    ['a backup over its machine, old volumes stay', backup(), { isNew: false, deletesOld: false }, { namespace: 'demo', target: 'web01', newVM: false, keepMacAddress: undefined, deletionPolicy: 'retain' }],
    ['a snapshot stays in its namespace', snapshot, { isNew: true, name: 'web02', namespace: 'other' }, { namespace: 'demo', target: 'web02', newVM: true, keepMacAddress: false, deletionPolicy: 'retain' }],
    ['a snapshot never deletes', snapshot, { isNew: false, deletesOld: true }, { namespace: 'demo', target: 'web01', newVM: false, keepMacAddress: undefined, deletionPolicy: 'retain' }],
  ])('%s', (_, from, change, { namespace, target, ...spec }) => {
    const object = restoreFor({ ...restoreModel(from, change.isNew), ...change }, from) as Backup
    expect(object.metadata).toMatchObject({ namespace, generateName: 'restore-b-' })
    expect(object.spec).toMatchObject({ target: { name: target }, virtualMachineBackupName: 'b', virtualMachineBackupNamespace: 'demo', newVM: spec.newVM, deletionPolicy: spec.deletionPolicy })
    expect(object.spec).toHaveProperty('deletionPolicy')
    expect((object.spec as { keepMacAddress?: boolean }).keepMacAddress).toBe(spec.keepMacAddress)
  })
})

it.each([
  ['not to be read', undefined, 'set'],
  ['empty', { value: '' }, 'unset'],
  ['empty JSON', { value: '{"type":"s3","endpoint":"","bucketName":""}' }, 'unset'],
  ['a share', { value: '{"type":"nfs","endpoint":"nfs://10.0.0.1:/b"}' }, 'set'],
  ['a bucket', { value: '{"type":"s3","endpoint":"","bucketName":"vms"}' }, 'set'],
  ['out of reach', { value: '{"type":"nfs","endpoint":"nfs://x"}', status: { conditions: [{ type: 'configured', status: 'False', message: 'timeout' }] } }, 'unreachable'],
])('the target is %s: %s', (_, setting, state) => expect(backupTargetState(setting && ({ metadata: { name: 'backup-target' }, ...setting } as never)).state).toBe(state))
