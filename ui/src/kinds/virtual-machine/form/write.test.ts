import { describe, expect, it } from 'vitest'

import { at } from '@/core/kubernetes'

import { mergePatch } from '../../merge-patch'
import { claimTemplatesOf, specOf, type VirtualMachine } from '../types'
import { blankMachine, machineLike, newModel, newVolume, withImage } from './blank'
import { cloudInitSecret } from './cloud-init-volume'
import { keyFor, namesOf, type MachineModel } from './model'
import { readModel } from './read'
import { bare, complete, facts, foreign, hotPluggable, samples } from './samples'
import { writeModel } from './write'

const DISK_0 = 'harvester-public/image-abcde'

/** The patch that an edit sends. */
function edited(machine: VirtualMachine, edit: (model: MachineModel) => void): unknown {
  const before = readModel(machine)
  const model = structuredClone(before)
  edit(model)
  return mergePatch(machine, writeModel(model, { base: machine, before, facts, isNew: false }))
}

function created(edit: (model: MachineModel) => void, options: { name?: string; index?: number } = {}): VirtualMachine {
  const base = blankMachine({ namespace: 'demo', terminationGrace: 120, machineType: 'q35', os: 'linux' })
  const { before, model: start } = newModel(base)
  const model: MachineModel = { ...structuredClone(start), name: 'web01', hasCloudInit: true, key: 'x7yzq' }
  edit(model)
  return writeModel(model, { base, before, facts, isNew: true, ...options })
}

const template = (spec: object): object => ({ spec: { template: { spec } } })

describe('editing', () => {
  it.each(samples)('changes nothing where nothing was changed: %s', (_, machine) => {
    expect(edited(machine, () => {})).toBeUndefined()
  })

  const EDITS: [what: string, machine: VirtualMachine, edit: (model: MachineModel) => void, patch: unknown][] = [
    ['the description', complete, (model) => (model.description = 'Shop'), { metadata: { annotations: { 'field.cattle.io/description': 'Shop' } } }],
    ['no description', complete, (model) => (model.description = ''), { metadata: { annotations: { 'field.cattle.io/description': null } } }],
    ['memory', complete, (model) => (model.memory = '6'), template({ domain: { cpu: { maxSockets: null }, memory: null, resources: { limits: { memory: '6Gi' } } } })],
    ['half a GiB', complete, (model) => (model.memory = '0.5'), template({ domain: { cpu: { maxSockets: null }, memory: null, resources: { limits: { memory: '512Mi' } } } })],
    ['cores of one that may grow', hotPluggable, (model) => (model.cores = '3'), template({ domain: { cpu: { sockets: 3 } } })],
    ['the strategy of an old one', foreign, (model) => (model.runStrategy = 'Halted'), { spec: { running: null, runStrategy: 'Halted' } }],
    ['keys', complete, (model) => (model.sshKeys = []), { spec: { template: { metadata: { annotations: { 'harvesterhci.io/sshNames': '[]' } } } } }],
    ['no EFI', complete, (model) => (model.isEfi = false), template({ domain: { features: { smm: null }, firmware: { bootloader: null } } })],
    ['no TPM', complete, (model) => (model.hasTpm = false), template({ domain: { devices: { tpm: null } } })],
    ['a fixed node', complete, (model) => Object.assign(model, { placement: 'node', node: 'node1' }), template({ nodeSelector: { 'kubernetes.io/hostname': 'node1' } })],
    ['labels', complete, (model) => (model.labels = [{ key: 'tier', value: 'back' }]), { metadata: { labels: { tier: 'back' } } }],
    ['a label that is not ours to set', complete, (model) => model.labels.push({ key: 'harvesterhci.io/os', value: 'x' }), undefined],
    ['the network of an unknown interface', foreign, (model) => model.networks[0] && (model.networks[0].network = ''), template({ networks: [{ name: 'red', pod: {} }] })],
    ['rules that were there', foreign, (model) => (model.placement = 'any'), template({ affinity: { nodeAffinity: null } })],
    ['an empty spec', bare, (model) => (model.os = 'linux'), { metadata: { labels: { 'harvesterhci.io/os': 'linux' } } }],
  ]
  it.each(EDITS)('changes %s and nothing else', (_, machine, edit, patch) => {
    expect(edited(machine, edit)).toEqual(patch)
  })

  it('keeps what the form does not know of a disk, and its place', () => {
    const patch = edited(complete, (model) => model.volumes[1] && (model.volumes[1].bus = 'sata'))
    expect(at(patch, 'spec', 'template', 'spec', 'domain', 'devices', 'disks')).toEqual([
      { name: 'disk-0', disk: { bus: 'virtio' }, bootOrder: 1 },
      { name: 'disk-1', disk: { bus: 'sata' }, bootOrder: 2, cache: 'none' },
      { name: 'drv', cdrom: { bus: 'sata' }, bootOrder: 3 },
      { name: 'cloudinitdisk', disk: { bus: 'virtio' } },
    ])
    expect(at(patch, 'metadata')).toBeUndefined()
  })

  it('grows a volume through the list of claims', () => {
    const patch = edited(complete, (model) => model.volumes[0] && (model.volumes[0].size = '15'))
    expect(at(patch, 'spec')).toBeUndefined()
    const templates = JSON.parse(String(at(patch, 'metadata', 'annotations', 'harvesterhci.io/volumeClaimTemplates'))) as unknown
    expect(at(templates, 0, 'spec', 'resources', 'requests', 'storage')).toBe('15Gi')
    expect(at(templates, 0, 'metadata', 'annotations')).toEqual({ 'harvesterhci.io/imageId': DISK_0 })
    expect(at(templates, 1, 'metadata', 'name')).toBe('web01-disk-1-p0o9i')
  })

  it('takes a volume out of every list, and cloud-init stays last', () => {
    const patch = edited(complete, (model) => model.volumes.splice(1, 1))
    const names = (path: string[]): unknown => (at(patch, 'spec', 'template', 'spec', ...path) as { name: string }[]).map(({ name }) => name)
    expect(names(['domain', 'devices', 'disks'])).toEqual(['disk-0', 'drv', 'cloudinitdisk'])
    expect(names(['volumes'])).toEqual(['disk-0', 'drv', 'cloudinitdisk'])
    expect(at(patch, 'metadata', 'annotations', 'harvesterhci.io/volumeClaimTemplates')).not.toContain('web01-disk-1')
  })

  it('numbers the disks anew when they were moved', () => {
    const patch = edited(complete, (model) => (model.volumes = model.volumes.toReversed()))
    const disks = at(patch, 'spec', 'template', 'spec', 'domain', 'devices', 'disks') as { name: string; bootOrder?: number }[]
    expect(disks.map(({ name, bootOrder }) => [name, bootOrder])).toEqual([
      ['disk-0', 3],
      ['disk-1', 2],
      ['drv', 1],
      ['cloudinitdisk', undefined],
    ])
  })
})

describe('creating', () => {
  it('makes what Harvester makes of a name and an image', () => {
    const machine = created((model) => {
      model.volumes = [{ ...withImage(newVolume('image', []), DISK_0, { size: 2.2 * 2 ** 30, isIso: false }), key: 'k3x9q' }]
    })
    expect(machine).toEqual({
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachine',
      metadata: {
        name: 'web01',
        namespace: 'demo',
        labels: { 'harvesterhci.io/creator': 'harvester', 'harvesterhci.io/os': 'linux', 'harvesterhci.io/maintain-mode-strategy': 'Migrate' },
        annotations: {
          'network.harvesterhci.io/ips': '[]',
          'harvesterhci.io/volumeClaimTemplates':
            '[{"metadata":{"name":"web01-disk-0-k3x9q","annotations":{"harvesterhci.io/imageId":"harvester-public/image-abcde"}},"spec":{"accessModes":["ReadWriteMany"],"resources":{"requests":{"storage":"10Gi"}},"volumeMode":"Block","storageClassName":"longhorn-image-abcde"}}]',
        },
      },
      spec: {
        runStrategy: 'RerunOnFailure',
        template: {
          metadata: { annotations: {}, labels: { 'harvesterhci.io/vmName': 'web01' } },
          spec: {
            hostname: 'web01',
            evictionStrategy: 'LiveMigrateIfPossible',
            terminationGracePeriodSeconds: 120,
            affinity: {},
            networks: [{ name: 'default', pod: {} }],
            volumes: [
              { name: 'disk-0', persistentVolumeClaim: { claimName: 'web01-disk-0-k3x9q' } },
              { name: 'cloudinitdisk', cloudInitNoCloud: { secretRef: { name: 'web01-x7yzq' }, networkDataSecretRef: { name: 'web01-x7yzq' } } },
            ],
            domain: {
              machine: { type: 'q35' },
              cpu: { cores: 2, sockets: 1, threads: 1 },
              resources: { limits: { cpu: '2', memory: '4Gi' } },
              features: { acpi: { enabled: true } },
              devices: {
                inputs: [{ bus: 'usb', name: 'tablet', type: 'tablet' }],
                interfaces: [{ name: 'default', model: 'virtio', masquerade: {} }],
                disks: [
                  { name: 'disk-0', disk: { bus: 'virtio' }, bootOrder: 1 },
                  { name: 'cloudinitdisk', disk: { bus: 'virtio' } },
                ],
              },
            },
          },
        },
      },
    })
  })

  it('lists a volume that exists without an image, and a registry image not at all', () => {
    const machine = created((model) => {
      model.volumes = [{ ...newVolume('claim', []), claim: 'old-data' }]
      model.volumes.push({ ...newVolume('container', model.volumes), container: 'registry/drivers' })
    })
    expect(claimTemplatesOf(machine)).toEqual([
      {
        metadata: { name: 'old-data', annotations: {} },
        spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '5Gi' } }, volumeMode: 'Block', storageClassName: 'harvester-longhorn' },
      },
    ])
    expect(specOf(machine).volumes).toContainEqual({ name: 'disk-1', containerDisk: { image: 'registry/drivers' } })
    expect(specOf(machine).domain?.devices?.disks).toContainEqual({ name: 'disk-1', cdrom: { bus: 'sata' }, bootOrder: 2 })
  })

  it('gives each of several its own names, the same ones every time', () => {
    const names = namesOf({ name: 'web', count: 3 })
    expect(names).toEqual(['web-01', 'web-02', 'web-03'])
    expect(namesOf({ name: 'web-', count: 2 })).toEqual(['web-01', 'web-02'])
    const make = (index: number): VirtualMachine =>
      created(
        (model) => {
          model.name = 'web'
          model.count = 3
          model.volumes = [{ ...newVolume('blank', []), key: 'k3x9q' }]
        },
        { name: names[index] ?? '', index },
      )
    const machine = make(1)
    const claim = `web-02-disk-0-${keyFor('k3x9q', 1)}`
    expect(claim).toMatch(/^web-02-disk-0-[a-z0-9]{5}$/)
    expect(claimTemplatesOf(machine)[0]?.metadata.name).toBe(claim)
    expect(machine.metadata.name).toBe('web-02')
    expect(specOf(machine).hostname).toBe('web-02')
    expect(machine.spec?.template?.metadata?.labels).toEqual({ 'harvesterhci.io/vmName': 'web-02', 'harvesterhci.io/vmNamePrefix': 'web' })
    expect(specOf(machine).affinity).toEqual({
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 1,
            podAffinityTerm: { labelSelector: { matchExpressions: [{ key: 'harvesterhci.io/vmNamePrefix', operator: 'In', values: ['web'] }] }, topologyKey: 'kubernetes.io/hostname' },
          },
        ],
      },
    })
    expect(make(1)).toEqual(machine)
    expect(make(2)).not.toEqual(machine)
  })

  it('makes one like another: with volumes of its own, without its addresses', () => {
    const base = machineLike(complete, 'demo')
    const { before, model: start } = newModel(base)
    const model: MachineModel = { ...start, name: 'web02', key: 'abcde' }
    const machine = writeModel(model, { base, before, facts, isNew: true })
    const claims = [0, 1].map((index) => `web02-disk-${index}-${model.volumes[index]?.key}`)
    expect(claimTemplatesOf(machine).map(({ metadata }) => metadata.name)).toEqual(claims)
    expect(specOf(machine).volumes?.map((volume) => volume.persistentVolumeClaim?.claimName)).toEqual([...claims, undefined, undefined])
    expect(specOf(machine).domain?.devices?.interfaces?.[1]).toEqual({ name: 'nic-1', model: 'virtio', bridge: {} })
    expect(specOf(machine).hostname).toBe('web02')
    expect(specOf(machine).volumes?.at(-1)?.cloudInitNoCloud).toEqual({ secretRef: { name: 'web02-abcde' }, networkDataSecretRef: { name: 'web02-abcde' } })
    expect(machine.metadata.uid).toBeUndefined()
  })

  it('makes the Secret that cloud-init reads, owned by the machine', () => {
    const model = { ...newModel(complete).model, key: 'x7yzq', userData: '#cloud-config\n# ü', networkData: '' }
    const secret = cloudInitSecret(model, { metadata: { name: 'web01', namespace: 'demo', uid: 'u' } }, 0)
    expect(secret).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: {
        name: 'web01-x7yzq',
        namespace: 'demo',
        labels: { 'harvesterhci.io/cloud-init-template': 'harvester' },
        ownerReferences: [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'web01', uid: 'u' }],
      },
      data: { userdata: 'I2Nsb3VkLWNvbmZpZwojIMO8', networkdata: '' },
    })
  })
})

describe('withImage', () => {
  const blank = newVolume('image', [])
  it.each([
    ['a small image', { size: 600 * 2 ** 20, isIso: false }, { type: 'disk', bus: 'virtio', size: '10' }],
    ['a large image', { size: 30.1 * 2 ** 30, isIso: false }, { type: 'disk', bus: 'virtio', size: '31' }],
    ['an ISO', { size: 2.5 * 2 ** 30, isIso: true }, { type: 'cd-rom', bus: 'sata', size: '3' }],
    ['an image not seen yet', undefined, { type: 'disk', bus: 'virtio', size: '10' }],
  ])('fits the row to %s', (_, image, expected) => {
    expect(withImage(blank, 'a/b', image)).toMatchObject({ ...expected, image: 'a/b', source: 'image' })
  })

  it('keeps a larger size that was typed', () => {
    expect(withImage({ ...blank, size: '80' }, 'a/b', { size: 1, isIso: false }).size).toBe('80')
  })
})
