import { describe, expect, it } from 'vitest'

import type { Claim, PciDevice } from '../../device/device-model'
import { mergePatch } from '../../merge-patch'
import { chosen, nodesOf, pciChoices, usbChoices, vgpuChoices } from './device-choices'
import type { MachineModel } from './model'
import { readModel } from './read'
import { devicesProblem } from './rules'
import { complete, facts } from './samples'
import { writeModel } from './write'

const pci = (name: string, nodeName: string): PciDevice => ({ metadata: { name }, status: { resourceName: `vendor.com/${name}`, nodeName, description: 'Card', address: '0000:01:00.0' } })
const on = (name: string): Claim => ({ metadata: { name }, status: { passthroughEnabled: true } })

describe('devices that can be given to a machine', () => {
  it('are those that their hosts have let go of', () => {
    const choices = pciChoices([pci('node1-a', 'node1'), pci('node1-b', 'node1'), pci('node2-a', 'node2')], [on('node1-a'), { metadata: { name: 'node1-b' } }, on('node2-a')])
    expect(choices).toEqual([
      { name: 'node1-a', resource: 'vendor.com/node1-a', node: 'node1', label: 'Card · 0000:01:00.0 · node1' },
      { name: 'node2-a', resource: 'vendor.com/node2-a', node: 'node2', label: 'Card · 0000:01:00.0 · node2' },
    ])
    const status = { resourceName: 'kubevirt.io/stick', nodeName: 'node1', description: 'Stick' }
    expect(usbChoices([{ metadata: { name: 'stick' }, status: { ...status, enabled: true } }, { metadata: { name: 'off' }, status }], [])).toEqual([{ name: 'stick', resource: 'kubevirt.io/stick', node: 'node1', label: 'Stick · node1' }])
  })
  it('are vGPUs by their type', () => {
    const spec = { enabled: true, nodeName: 'node1', address: '0000:08:00.4' }
    const made = { metadata: { name: 'vgpu' }, spec, status: { vGPUStatus: 'vGPUConfigured', configureVGPUTypeName: 'NVIDIA A2 2Q' } }
    expect(vgpuChoices([made, { metadata: { name: 'waits' }, spec, status: {} }])).toEqual([{ name: 'vgpu', resource: 'nvidia.com/NVIDIA_A2_2Q', node: 'node1', label: 'NVIDIA A2 2Q · 0000:08:00.4 · node1' }])
  })
  it('have to be in one host', () => {
    const known = [...pciChoices([pci('a', 'node1'), pci('b', 'node2')], [on('a'), on('b')])]
    const rows = known.map(({ name, resource }) => ({ name, resource }))
    expect(devicesProblem(nodesOf({ hostDevices: rows.slice(0, 1), gpus: [] }, known))).toBeNull()
    expect(devicesProblem(nodesOf({ hostDevices: rows, gpus: [] }, known))).toContain('node1 and node2')
  })
  it('are chosen sort by sort', () => {
    const sort = pciChoices([pci('a', 'node1'), pci('b', 'node1')], [on('a'), on('b')])
    const usb = { name: 'stick', resource: 'kubevirt.io/stick' }
    const lost = { name: 'lost', resource: 'vendor.com/lost' }
    expect(chosen([usb, lost], ['lost', 'b'], sort, (name) => name !== 'stick')).toEqual([usb, lost, { name: 'b', resource: 'vendor.com/b' }])
    expect(chosen([usb, lost], [], sort, (name) => name !== 'stick')).toEqual([usb])
  })
})

describe('devices of a machine', () => {
  const machine = structuredClone(complete)
  const devices = machine.spec?.template?.spec?.domain?.devices
  if (devices) Object.assign(devices, { hostDevices: [{ name: 'a', deviceName: 'vendor.com/a', tag: 'kept' }, { deviceName: 'vendor.com/nameless' }] })
  function edited(edit: (model: MachineModel) => void): unknown {
    const before = readModel(machine)
    const model = structuredClone(before)
    edit(model)
    return mergePatch(machine, writeModel(model, { base: machine, before, facts, isNew: false }))
  }
  const template = (spec: object): object => ({ spec: { template: { spec: { domain: { devices: spec } } } } })

  it('are read and left alone', () => {
    expect(readModel(machine).hostDevices).toEqual([{ name: 'a', resource: 'vendor.com/a' }])
    expect(edited(() => {})).toBeUndefined()
  })
  it('are written, and what the form does not know of them stays', () =>
    expect(edited((model) => model.hostDevices.push({ name: 'b', resource: 'vendor.com/b' }))).toEqual(
      template({ hostDevices: [{ deviceName: 'vendor.com/nameless' }, { name: 'a', deviceName: 'vendor.com/a', tag: 'kept' }, { name: 'b', deviceName: 'vendor.com/b' }] }),
    ))
  it('come and go as vGPUs', () => expect(edited((model) => model.gpus.push({ name: 'v', resource: 'nvidia.com/x' }))).toEqual(template({ gpus: [{ name: 'v', deviceName: 'nvidia.com/x' }] })))
})
