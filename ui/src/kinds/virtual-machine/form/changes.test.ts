import { describe, expect, it } from 'vitest'

import { changesBetween } from './changes'

const disk = (size: string): string => JSON.stringify([{ metadata: { name: 'web01-disk-0' }, spec: { resources: { requests: { storage: size } } } }])

describe('the changes of an edit', () => {
  it.each([
    ['nothing', { a: 1 }, { a: 1 }, []],
    ['a value deep down', { spec: { template: { spec: { domain: { cpu: { cores: 1 } } } } } }, { spec: { template: { spec: { domain: { cpu: { cores: 2 } } } } } }, ['domain.cpu.cores: 1 → 2']],
    ['something new', { spec: {} }, { spec: { runStrategy: 'Always' } }, ['runStrategy: – → Always']],
    ['an entry of a list by its name', { disks: [{ name: 'a', bus: 'sata' }, { name: 'b' }] }, { disks: [{ name: 'a', bus: 'virtio' }, { name: 'b' }] }, ['disks.a.bus: sata → virtio']],
    ['an entry that goes', { disks: [{ name: 'a' }] }, { disks: [] }, ['disks.a: {"name":"a"} → –']],
    [
      'JSON in an annotation',
      { metadata: { annotations: { 'harvesterhci.io/volumeClaimTemplates': disk('10Gi') } } },
      { metadata: { annotations: { 'harvesterhci.io/volumeClaimTemplates': disk('20Gi') } } },
      ['volumeClaimTemplates.web01-disk-0.spec.resources.requests.storage: 10Gi → 20Gi'],
    ],
    ['a long text', { a: 'x' }, { a: 'y'.repeat(100) }, [`a: x → ${'y'.repeat(60)}…`]],
  ])('%s', (_, before, after, lines) => {
    expect(changesBetween(before, after).map(({ path, from, to }) => `${path}: ${from} → ${to}`)).toEqual(lines)
  })
})
