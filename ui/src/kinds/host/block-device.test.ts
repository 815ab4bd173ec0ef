import { describe, expect, it } from 'vitest'

import { addPatch, isFree, isInUse, modelOf, needsFormat, pathOf, sizeOf, splitTags, type BlockDevice } from './block-device'

const device = (spec: object = {}, deviceStatus: object = {}, state = 'Active'): BlockDevice => ({ metadata: { name: 'b1' }, spec, status: { state, deviceStatus } })

it.each([
  ['in use', device({ provision: true }), true, false],
  ['in use, as older releases write it', device({ fileSystem: { provisioned: true } }), true, false],
  ['free', device(), false, true],
  ['pulled out', device({}, {}, 'Inactive'), false, false],
  ['nothing at all', { metadata: { name: 'x' } }, false, true],
])('%s', (_, object, used, free) => expect([isInUse(object), isFree(object)]).toEqual([used, free]))

describe('formatting', () => {
  it.each([
    ['unknown contents', {}, true],
    ['a file system', { fileSystem: { type: 'ext4' } }, false],
    ['formatted before', { fileSystem: { LastFormattedAt: '2025-01-01T00:00:00Z' } }, false],
    ['corrupted', { fileSystem: { type: 'ext4', corrupted: true } }, true],
    ['with partitions', { partitioned: true, fileSystem: { type: 'ext4' } }, true],
  ])('%s', (_, status, needed) => expect(needsFormat(device({}, status))).toBe(needed))
})

it('reads what it is', () => {
  const object = device({ devPath: '/dev/sdb' }, { capacity: { sizeBytes: 1024 }, details: { vendor: 'unknown', model: 'MX500' } })
  expect([pathOf(object), sizeOf(object), modelOf(object)]).toEqual(['/dev/sdb', 1024, 'MX500'])
})

it.each([
  ['LonghornV1' as const, '', { longhorn: { engineVersion: 'LonghornV1' }, lvm: null }],
  ['lvm' as const, 'vg1', { lvm: { vgName: 'vg1' }, longhorn: null }],
])('hands it to %s', (engine, group, provisioner) => expect(addPatch(engine, true, group)).toEqual({ spec: { provision: true, fileSystem: { forceFormatted: true }, provisioner } }))

it('splits tags', () => expect(splitTags(' ssd, fast,,ssd ')).toEqual(['ssd', 'fast']))
