import { describe, expect, it } from 'vitest'

import { canCancelExpand, claimManifest, cloneManifest, snapshotClassFor, snapshotManifest, volumeState, type Claim } from './object'

const claim = (status: Claim['status'], metadata: object = {}): Claim => ({
  metadata: { name: 'data', namespace: 'demo', uid: 'u', ...metadata },
  spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', storageClassName: 'harvester-longhorn', resources: { requests: { storage: '20Gi' } } },
  ...(status && { status }),
})
const bound = { phase: 'Bound', capacity: { storage: '10Gi' } }
const machine = { metadata: { name: 'web01' } }
const gone = { deletionTimestamp: '2026-01-01T00:00:00Z' }

describe('a volume', () => {
  it.each<[string, Claim, object[], object | undefined, string, string, string | undefined]>([
    ['new', claim(undefined), [], undefined, 'Pending', 'working', undefined],
    ['free', claim(bound), [], undefined, 'Ready', 'ok', undefined],
    ['attached', claim(bound), [machine], undefined, 'In use', 'ok', 'Attached to web01'],
    ['growing', claim({ ...bound, conditions: [{ type: 'Resizing', status: 'True' }] }), [machine], undefined, 'Resizing', 'working', 'On its way to 20 GiB'],
    ['short of replicas', claim(bound), [], { metadata: { name: 'pv', annotations: { 'longhorn.io/volume-scheduling-error': 'insufficient storage' } } }, 'Degraded', 'attention', 'insufficient storage'],
    ['lost', claim({ phase: 'Lost' }), [], undefined, 'Lost', 'problem', undefined],
    ['removed while in use', claim(bound, gone), [machine], undefined, 'Removing', 'working', 'Kept until nothing uses it any more'],
  ])('%s', (_, object, machines, disk, word, tone, reason) => {
    expect(volumeState(object, machines as [], disk as undefined)).toEqual({ label: word, tone, reason })
  })

  it('is made as Harvester makes it', () => {
    const model = { namespace: 'demo', name: ' data ', description: '', source: 'image' as const, image: 'default/image-a', storageClass: 'longhorn-image-a', size: '10Gi' }
    expect(claimManifest(model, ['ReadWriteMany'])).toEqual({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data', namespace: 'demo', annotations: { 'harvesterhci.io/imageId': 'default/image-a' } },
      spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '10Gi' } }, volumeMode: 'Block', storageClassName: 'longhorn-image-a' },
    })
  })

  it('is cloned and kept with what it was made from', () => {
    const source = claim(bound, { annotations: { 'harvesterhci.io/imageId': 'default/image-a', 'volume.kubernetes.io/storage-provisioner': 'driver.longhorn.io' } })
    expect(cloneManifest(source, 'copy')).toMatchObject({ metadata: { name: 'copy', annotations: { 'harvesterhci.io/imageId': 'default/image-a' } }, spec: { dataSource: { kind: 'PersistentVolumeClaim', name: 'data' } } })
    expect(snapshotManifest(source, 'snap', 'longhorn-snapshot')).toMatchObject({
      metadata: { annotations: { 'harvesterhci.io/storageClassName': 'harvester-longhorn', 'harvesterhci.io/storageProvisioner': 'driver.longhorn.io' }, ownerReferences: [{ kind: 'PersistentVolumeClaim', name: 'data', uid: 'u' }] },
      spec: { source: { persistentVolumeClaimName: 'data' }, volumeSnapshotClassName: 'longhorn-snapshot' },
    })
  })

  it.each([
    ['{"driver.longhorn.io":{"volumeSnapshotClassName":"mine"}}', 'driver.longhorn.io', 'mine'],
    ['{"driver.longhorn.io":{}}', 'driver.longhorn.io', 'longhorn-snapshot'],
    ['not JSON', 'driver.longhorn.io', 'longhorn-snapshot'],
    [undefined, undefined, 'longhorn-snapshot'],
  ])('finds the class of its snapshots in %s', (config, provisioner, found) => {
    expect(snapshotClassFor(config, provisioner)).toBe(found)
  })
})

describe('an expansion', () => {
  const longhorn = { annotations: { 'volume.kubernetes.io/storage-provisioner': 'driver.longhorn.io' } }
  const growing = { ...bound, conditions: [{ type: 'Resizing', status: 'True' as const }] }
  it.each<[string, Claim, object[], boolean]>([
    ['of a free volume', claim(growing, longhorn), [], true],
    ['of a volume in use', claim(growing, longhorn), [machine], false],
    ['of other storage', claim(growing), [], false],
    ['that waits for a file system', claim({ ...bound, conditions: [{ type: 'FileSystemResizePending', status: 'True' }] }, longhorn), [], false],
    ['that is over', claim(bound, longhorn), [], false],
    ['of a volume that goes', claim(growing, { ...longhorn, ...gone }), [], false],
  ])('%s can be given up: %s', (_, object, machines, expected) => expect(canCancelExpand(object, machines as [])).toBe(expected))
})
