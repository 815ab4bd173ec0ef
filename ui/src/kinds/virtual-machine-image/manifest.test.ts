import { describe, expect, it } from 'vitest'

import { backendOf, blankImage, checksumProblem, imageManifest, imagePatch, readImage, retryProblem, urlProblem } from './manifest'
import type { VirtualMachineImage } from './objects'

const model = { ...blankImage('harvester-public', 'harvester-longhorn'), url: ' https://cloud.test/jammy/jammy.img?x=1 ' }

describe('the manifest of an image', () => {
  it('is what Harvester makes of an address', () => {
    expect(imageManifest(model, { provisioner: 'driver.longhorn.io' }, true)).toEqual({
      apiVersion: 'harvesterhci.io/v1beta1',
      kind: 'VirtualMachineImage',
      metadata: {
        generateName: 'image-',
        namespace: 'harvester-public',
        labels: { 'harvesterhci.io/image-type': 'raw_qcow2' },
        annotations: { 'field.cattle.io/description': '', 'harvesterhci.io/storageClassName': 'harvester-longhorn' },
      },
      spec: { displayName: 'jammy.img', sourceType: 'download', url: 'https://cloud.test/jammy/jammy.img?x=1', checksum: '', retry: 3, backend: 'backingimage', targetStorageClassName: 'harvester-longhorn' },
    })
  })

  it('says nothing of backends to clusters that have none', () => {
    const { spec } = imageManifest({ ...model, url: 'https://cloud.test/w.iso', displayName: 'Windows' }, undefined, false)
    expect(spec).toEqual({ displayName: 'Windows', sourceType: 'download', url: 'https://cloud.test/w.iso', checksum: '', retry: 3 })
  })

  it.each([
    [undefined, 'backingimage'],
    [{ provisioner: 'driver.longhorn.io', parameters: { dataEngine: 'v2' } }, 'cdi'],
    [{ provisioner: 'lvm.driver.harvesterhci.io' }, 'cdi'],
  ] as const)('keeps images of %j by %s', (facts, backend) => {
    expect(backendOf(facts)).toBe(backend)
  })

  it('changes labels and description only', () => {
    const image: VirtualMachineImage = {
      metadata: { name: 'image-a', namespace: 'default', labels: { team: 'red', 'harvesterhci.io/imageDisplayName': 'jammy.img' }, annotations: {} },
      spec: { displayName: 'jammy.img', url: 'https://cloud.test/jammy.img' },
    }
    const before = readImage(image)
    expect(before.labels).toEqual([{ key: 'team', value: 'red' }])
    expect(imagePatch({ ...before, description: 'LTS', os: 'ubuntu', labels: [{ key: 'env', value: 'prod' }] }, before)).toEqual({
      metadata: { labels: { team: null, env: 'prod', 'harvesterhci.io/os-type': 'ubuntu' }, annotations: { 'field.cattle.io/description': 'LTS' } },
    })
  })
})

describe('what is checked before the cluster is asked', () => {
  it.each([
    ['', 'Required'],
    ['ftp://cloud.test/a.img', 'An address that begins with http:// or https://'],
    ['cloud.test/a.img', 'An address that begins with http:// or https://'],
    ['javascript:alert(1)//a.img', 'An address that begins with http:// or https://'],
    ['https://cloud.test/index.html', 'Does not look like a disk image: the address should end in qcow2, qcow, raw, img or iso'],
    ['https://cloud.test/a.qcow2?sig=1', null],
    ['http://10.0.0.1:8080/a.ISO', null],
  ])('address %s: %s', (url, problem) => {
    expect(urlProblem({ ...model, url })).toBe(problem)
  })

  it('checksum and retries', () => {
    expect(checksumProblem({ ...model, checksum: 'A'.repeat(128) })).toBeNull()
    expect(checksumProblem({ ...model, checksum: 'a'.repeat(64) })).not.toBeNull()
    expect(retryProblem({ ...model, retry: '0' })).toBeNull()
    expect(retryProblem({ ...model, retry: '11' })).not.toBeNull()
  })
})
