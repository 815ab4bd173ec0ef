import { describe, expect, it } from 'vitest'

import { drivesOf, ejectPatch } from './cd-rom'
import { CLAIM_TEMPLATES, type VirtualMachine } from './types'

const machine: VirtualMachine = {
  metadata: { name: 'vm', resourceVersion: '7', annotations: { [CLAIM_TEMPLATES]: JSON.stringify([{ metadata: { name: 'vm-iso' } }, { metadata: { name: 'vm-root' } }]) } },
  spec: {
    template: {
      spec: {
        domain: {
          devices: {
            disks: [
              { name: 'iso', bootOrder: 1, cdrom: { bus: 'sata' } },
              { name: 'tools', cdrom: { bus: 'sata' } },
              { name: 'root', bootOrder: 2, disk: { bus: 'virtio' } },
            ],
          },
        },
        volumes: [
          { name: 'iso', persistentVolumeClaim: { claimName: 'vm-iso' } },
          { name: 'tools', containerDisk: { image: 'example.org/tools:1' } },
          { name: 'root', persistentVolumeClaim: { claimName: 'vm-root' } },
        ],
      },
    },
  },
}

describe('CD-ROM drives', () => {
  it('are found with what is in them', () =>
    expect(drivesOf(machine)).toEqual([
      { name: 'iso', medium: 'vm-iso' },
      { name: 'tools', medium: 'example.org/tools:1' },
    ]))
  it('are taken out with everything of theirs, and the rest stays', () =>
    expect(ejectPatch(machine, new Set(['iso']))).toEqual({
      metadata: { resourceVersion: '7', annotations: { [CLAIM_TEMPLATES]: JSON.stringify([{ metadata: { name: 'vm-root' } }]) } },
      spec: {
        template: {
          spec: {
            domain: {
              devices: {
                disks: [
                  { name: 'tools', cdrom: { bus: 'sata' } },
                  { name: 'root', bootOrder: 1, disk: { bus: 'virtio' } },
                ],
              },
            },
            volumes: [
              { name: 'tools', containerDisk: { image: 'example.org/tools:1' } },
              { name: 'root', persistentVolumeClaim: { claimName: 'vm-root' } },
            ],
          },
        },
      },
    }))
  it('leave the annotation alone where they had no claim', () => expect(ejectPatch(machine, new Set(['tools']))).toMatchObject({ metadata: { resourceVersion: '7' } }))
})
