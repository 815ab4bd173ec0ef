import { describe, expect, it } from 'vitest'

import { backingDownload, downloaderFor, isDownloadable, preparedDownload } from './download'
import type { VirtualMachineImage } from './objects'

const BASE = '/k8s/clusters/c-a'
const image: VirtualMachineImage = { metadata: { name: 'image-abcde', namespace: 'demo' }, spec: { displayName: 'jammy.img', backend: 'cdi' }, status: { progress: 100 } }
const downloader = (downloadUrl: string, status = 'Ready'): { metadata: { name: string }; status: object } => ({ metadata: { name: 'image-abcde' }, status: { status, downloadUrl } })

describe('the download of an image', () => {
  it.each<[string, VirtualMachineImage, boolean]>([
    ['ready', image, true],
    ['on its way', { ...image, status: { progress: 40 } }, false],
    ['encrypted', { ...image, spec: { securityParameters: { cryptoOperation: 'encrypt' } } }, false],
    ['decrypted', { ...image, spec: { securityParameters: { cryptoOperation: 'decrypt' } } }, true],
  ])('is there for one that is %s: %s', (_, object, expected) => expect(isDownloadable(object)).toBe(expected))

  it('comes from Longhorn for its own images', () =>
    expect(backingDownload(BASE, image, { metadata: { name: 'vmi-1' } })).toEqual({
      path: '/k8s/clusters/c-a/api/v1/namespaces/longhorn-system/services/http:longhorn-backend:9500/proxy/v1/backingimages/vmi-1/download',
      file: 'jammy.img.gz',
    }))

  it('is asked for in other storage', () =>
    expect(downloaderFor(image)).toEqual({
      apiVersion: 'harvesterhci.io/v1beta1',
      kind: 'VirtualMachineImageDownloader',
      metadata: { name: 'image-abcde', namespace: 'demo' },
      spec: { imageName: 'image-abcde', compressType: 'qcow2' },
    }))

  it('comes from the file that was made', () =>
    expect(preparedDownload(BASE, image, downloader('http://image-abcde-downloader.demo/images/image-abcde.qcow2'))).toEqual({
      path: '/k8s/clusters/c-a/api/v1/namespaces/demo/services/http:image-abcde-downloader:80/proxy/images/image-abcde.qcow2',
      file: 'jammy.qcow2',
    }))

  it.each([
    ['is not made yet', downloader('http://image-abcde-downloader.demo/images/image-abcde.qcow2', 'Progressing')],
    ['is not asked for', undefined],
    ['has no address', downloader('')],
    ['is elsewhere', downloader('http://image-abcde-downloader.kube-system/images/x.qcow2')],
    ['is no service', downloader('https://example.org/x.qcow2')],
    ['leads out of the way', downloader('http://image-abcde-downloader.demo/../../secrets/x')],
  ])('waits while it %s', (_, object) => expect(preparedDownload(BASE, image, object)).toBeUndefined())
})
