import { expect, it } from 'vitest'

import { claimFor, isCount, pciPassthrough, texts, usbPassthrough, vgpuTypes } from './device-model'

const claim = (passthroughEnabled?: boolean): never => ({ metadata: { name: 'd' }, status: { passthroughEnabled } }) as never

it.each([
  [undefined, 'disabled'],
  [claim(), 'enabling'],
  [claim(true), 'enabled'],
])('PCI with the claim %j is %s', (object, is) => expect(pciPassthrough(object)).toBe(is))

it.each([
  [{}, undefined, 'disabled'],
  [{}, claim(), 'enabling'],
  [{ enabled: true }, undefined, 'enabled'],
])('USB with %j and the claim %j is %s', (status, object, is) => expect(usbPassthrough({ metadata: { name: 'd' }, status }, object)).toBe(is))

it('claims for a person, owned by the device', () => {
  const device = { metadata: { name: 'node1-000004000', uid: 'u' }, status: { address: '0000:04:00.0', nodeName: 'node1' } }
  expect(claimFor(device, 'PCIDevice', 'alice')).toMatchObject({
    kind: 'PCIDeviceClaim',
    metadata: { name: 'node1-000004000', ownerReferences: [{ kind: 'PCIDevice', uid: 'u' }] },
    spec: { address: '0000:04:00.0', nodeName: 'node1', userName: 'alice' },
  })
  expect(claimFor(device, 'USBDevice', 'alice')).toMatchObject({ kind: 'USBDeviceClaim', spec: { userName: 'alice' } })
})

it.each([
  ['1', true],
  [' 4 ', true],
  ['0', false],
  ['x', false],
])('%j functions: %j', (text, is) => expect(isCount(text)).toBe(is))

it('reads what is there', () => {
  expect(texts(['a', 1, null])).toEqual(['a'])
  expect(vgpuTypes({ metadata: { name: 'v' }, status: { availableTypes: { 'NVIDIA A2-4Q': '3', 'NVIDIA A2-1Q': 5 as never } } })).toEqual([
    { name: 'NVIDIA A2-1Q', left: '5' },
    { name: 'NVIDIA A2-4Q', left: '3' },
  ])
  expect(vgpuTypes({ metadata: { name: 'v' } })).toEqual([])
})
