import { describe, expect, it } from 'vitest'

import { defaultPatch, isDefault, isOfImage, replicasOf, storageClassFor, storageClassModel, tagsOf, type StorageClass } from './storage-class-model'

const storageClass = (parameters: Record<string, string> = {}, annotations: Record<string, string> = {}): StorageClass => ({
  metadata: { name: 's', annotations },
  provisioner: 'driver.longhorn.io',
  parameters,
})

it.each([
  [{ 'storageclass.kubernetes.io/is-default-class': 'true' }, true],
  [{ 'storageclass.beta.kubernetes.io/is-default-class': 'true' }, true],
  [{ 'storageclass.kubernetes.io/is-default-class': 'false' }, false],
  [{}, false],
])('default by %j: %j', (annotations, is) => expect(isDefault(storageClass({}, annotations as Record<string, string>))).toBe(is))

it.each([
  [{ numberOfReplicas: '3' }, 3],
  [{ numberOfReplicas: 'x' }, undefined],
  [{}, undefined],
])('replicas of %j: %j', (parameters, count) => expect(replicasOf(storageClass(parameters as Record<string, string>))).toBe(count))

it('knows the classes of images', () => expect([isOfImage(storageClass({ backingImage: 'vmi-1' })), isOfImage({ metadata: { name: 'x' } })]).toEqual([true, false]))

it('takes the old word away when it is no longer the default', () => {
  expect(defaultPatch(false)).toEqual({
    metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'false', 'storageclass.beta.kubernetes.io/is-default-class': null } },
  })
})

describe('the form', () => {
  it.each([
    [1, '1'],
    [2, '2'],
    [8, '3'],
    [0, '1'],
  ])('suggests on %j hosts %j replicas', (hosts, replicas) => expect(storageClassModel(undefined, hosts).replicas).toBe(replicas))

  it('makes a class of Longhorn', () => {
    expect(storageClassFor({ ...storageClassModel(undefined), diskTags: 'ssd' })).toEqual({
      provisioner: 'driver.longhorn.io',
      parameters: { numberOfReplicas: '3', staleReplicaTimeout: '30', diskSelector: 'ssd', migratable: 'true', encrypted: 'false', dataEngine: 'v1' },
      reclaimPolicy: 'Delete',
      allowVolumeExpansion: true,
      volumeBindingMode: 'Immediate',
    })
  })
  it('names the secret of an encrypted one at every step', () => {
    const { parameters } = storageClassFor({ ...storageClassModel(undefined), isEncrypted: true, secret: 'default/crypto' })
    expect(Object.entries(parameters ?? {}).filter(([key]) => key.startsWith('csi.'))).toHaveLength(6)
    expect(parameters).toMatchObject({ encrypted: 'true', 'csi.storage.k8s.io/node-stage-secret-name': 'crypto', 'csi.storage.k8s.io/node-stage-secret-namespace': 'default' })
  })
  it('makes a class of LVM, bound to its host', () => {
    expect(storageClassFor({ ...storageClassModel(undefined), provisioner: 'lvm.driver.harvesterhci.io', node: 'a', group: 'vg1', lvmType: 'dm-thin' })).toMatchObject({
      parameters: { type: 'dm-thin', vgName: 'vg1' },
      volumeBindingMode: 'WaitForFirstConsumer',
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'topology.lvm.csi/node', values: ['a'] }] }],
    })
  })
  it('clones what it was given, known or not', () => {
    const before: StorageClass = {
      ...storageClass({ numberOfReplicas: '2', staleReplicaTimeout: '20', migratable: 'false', encrypted: 'false', dataEngine: 'v1', fromBackup: 'x' }),
      reclaimPolicy: 'Retain',
      allowVolumeExpansion: false,
      volumeBindingMode: 'WaitForFirstConsumer',
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['a', 'b'] }] }],
    }
    const { metadata: _, ...rest } = before
    expect(storageClassFor(storageClassModel(before))).toEqual(rest)
  })
  it('survives other shapes', () => expect(storageClassModel({ metadata: { name: 'x' }, allowedTopologies: [null, {}] as never }).topologies).toEqual([]))
})

it('gathers tags', () => {
  const node = { metadata: { name: 'a' }, spec: { tags: ['rack1', 5], disks: { d: { tags: ['ssd', 'fast'] }, e: null } } }
  expect(tagsOf([node, { metadata: { name: 'b' } }])).toEqual({ hosts: ['rack1'], disks: ['fast', 'ssd'] })
})
