import { describe, expect, it } from 'vitest'

import { fileNameOf, imageFacts, isIso, isReady, type VirtualMachineImage } from './objects'
import { imageState } from './state'

const condition = (type: string, status: string, message?: string): { type: string; status: string; message?: string } => ({ type, status, ...(message && { message }) })
const image = (spec: VirtualMachineImage['spec'], status: VirtualMachineImage['status'], labels: Record<string, string> = {}): VirtualMachineImage => ({
  metadata: { name: 'image-abcde', namespace: 'default', labels },
  spec: { sourceType: 'download', displayName: 'jammy.img', ...spec },
  ...(status && { status }),
})

const done = { progress: 100, size: 659_816_448, virtualSize: 2_361_393_152, storageClassName: 'longhorn-image-abcde', conditions: [condition('Initialized', 'True'), condition('Imported', 'True')] }

describe('an image', () => {
  it.each<[string, VirtualMachineImage, string, string, string | undefined, boolean]>([
    ['new', image({}, undefined), 'Preparing', 'working', undefined, false],
    ['on its way', image({}, { progress: 37, conditions: [condition('Initialized', 'True'), condition('Imported', 'Unknown')] }), 'Downloading', 'working', '37 % are here', false],
    ['from a volume', image({ sourceType: 'export-from-volume' }, { progress: 5, conditions: [condition('Imported', 'Unknown')] }), 'Exporting', 'working', '5 % are here', false],
    ['here', image({}, done), 'Ready', 'ok', undefined, true],
    ['tried again', image({}, { failed: 1, progress: 0, conditions: [condition('RetryLimitExceeded', 'False', 'failed due to error: no such host')] }), 'Trying again', 'attention', 'failed due to error: no such host', false],
    [
      'given up',
      image({}, { failed: 4, conditions: [condition('RetryLimitExceeded', 'True', 'retry attempted 3/3 failed due to error: 404'), condition('Imported', 'False', 'x')] }),
      'Failed',
      'problem',
      'retry attempted 3/3 failed due to error: 404',
      false,
    ],
    ['lost', image({}, { ...done, conditions: [...done.conditions, condition('BackingImageMissing', 'True', 'gone')] }), 'Failed', 'problem', 'gone', true],
  ])('%s', (_, object, word, tone, reason, ready) => {
    expect(imageState(object)).toEqual({ label: word, tone, reason })
    expect(isReady(object)).toBe(ready)
  })

  it('takes as much room as its disk', () => {
    expect(imageFacts(image({}, done))).toEqual({ name: 'jammy.img', size: 2_361_393_152, isIso: false, storageClass: 'longhorn-image-abcde' })
  })

  it.each([
    ['its label', image({ url: 'https://x/a.img' }, undefined, { 'harvesterhci.io/image-type': 'iso' }), true],
    ['its label, whatever its name', image({ url: 'https://x/a.iso' }, undefined, { 'harvesterhci.io/image-type': 'raw_qcow2' }), false],
    ['its address', image({ url: 'https://x/a.ISO?token=1' }, undefined), true],
    ['its name', image({ displayName: 'windows.iso' }, undefined), true],
  ])('is a CD by %s', (_, object, expected) => {
    expect(isIso(object)).toBe(expected)
  })

  it.each([
    ['https://cloud.test/jammy/current/jammy-server.img?x=1#y', 'jammy-server.img'],
    ['https://cloud.test/a%20b.iso/', 'a b.iso'],
    ['https://cloud.test/%E0%A4%A', '%E0%A4%A'],
    ['', ''],
  ])('is called after its address: %s', (url, name) => {
    expect(fileNameOf(url)).toBe(name)
  })
})
