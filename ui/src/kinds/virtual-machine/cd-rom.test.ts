import { describe, expect, it } from 'vitest'

import { drivesOf, ejectPatch, ejectRestarts, emptyDrives, insertPatch, loadedDrives } from './cd-rom'
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
      { name: 'iso', medium: 'vm-iso', isEmpty: false, isLive: false },
      { name: 'tools', medium: 'example.org/tools:1', isEmpty: false, isLive: false },
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

/** With a drive that stays when it is empty, as newer clusters have it. */
function withDrive(volumes: object[]): VirtualMachine {
  const disks = [{ name: 'root', bootOrder: 1, disk: { bus: 'virtio' } }, { name: 'drive', bootOrder: 2, cdrom: { bus: 'sata' } }]
  return { metadata: { name: 'vm', resourceVersion: '7' }, spec: { template: { spec: { domain: { devices: { disks } }, volumes: volumes as never } } } }
}
const root = { name: 'root', persistentVolumeClaim: { claimName: 'vm-root' } }
const loaded = withDrive([root, { name: 'drive', persistentVolumeClaim: { claimName: 'vm-drive-abcde', hotpluggable: true } }])
const empty = withDrive([root])
const medium = { image: 'default/tools', size: 3.2 * 2 ** 30, storageClass: 'longhorn-tools', accessModes: ['ReadWriteMany'] }
const claim = { metadata: { name: 'vm-drive-abcde', annotations: { 'harvesterhci.io/imageId': 'default/tools' } }, spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '4Gi' } }, volumeMode: 'Block', storageClassName: 'longhorn-tools' } }

describe('a drive that can be empty', () => {
  it('is known by what is in it', () => {
    expect([loadedDrives(loaded).length, emptyDrives(loaded).length]).toEqual([1, 0])
    expect([loadedDrives(empty).length, emptyDrives(empty).map(({ name }) => name)]).toEqual([0, ['drive']])
  })
  it('stays when its medium goes, without a restart', () => {
    expect(ejectPatch(loaded, new Set(['drive']))).toEqual({ metadata: { resourceVersion: '7' }, spec: { template: { spec: { volumes: [root] } } } })
    expect(ejectRestarts(loaded, new Set(['drive']))).toBe(false)
    expect(ejectRestarts(machine, new Set(['iso']))).toBe(true)
  })
  it('takes a medium while the machine runs', () =>
    expect(insertPatch(empty, medium, 'drive', 'abcde')).toEqual({
      metadata: { resourceVersion: '7', annotations: { [CLAIM_TEMPLATES]: JSON.stringify([claim]) } },
      spec: { template: { spec: { volumes: [root, { name: 'drive', persistentVolumeClaim: { claimName: 'vm-drive-abcde', hotpluggable: true } }] } } },
    }))
})

describe('a new drive', () => {
  it('comes with its medium and boots last', () =>
    expect(insertPatch(machine, medium, 'disk-0', 'abcde')).toEqual({
      metadata: {
        resourceVersion: '7',
        annotations: { [CLAIM_TEMPLATES]: JSON.stringify([{ metadata: { name: 'vm-iso' } }, { metadata: { name: 'vm-root' } }, { ...claim, metadata: { ...claim.metadata, name: 'vm-disk-0-abcde' } }]) },
      },
      spec: {
        template: {
          spec: {
            domain: { devices: { disks: [...(machine.spec?.template?.spec?.domain?.devices?.disks ?? []), { name: 'disk-0', cdrom: { bus: 'sata' }, bootOrder: 3 }] } },
            volumes: [...(machine.spec?.template?.spec?.volumes ?? []), { name: 'disk-0', persistentVolumeClaim: { claimName: 'vm-disk-0-abcde' } }],
          },
        },
      },
    }))
})
