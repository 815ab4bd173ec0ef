/** PCI and USB devices, and taking them away from their hosts for machines. */
import { Cpu, Plug, Unplug, Usb } from '@lucide/vue'

import { formatNumber } from '@/core/i18n'
import { defineAction, defineKind, type Action, type Column, type Context, type Kind } from '@/core/kinds'
import type { KubeObject } from '@/core/kubernetes'
import { create, remove } from '@/core/resources'
import { session } from '@/core/session'
import { state, type State, type Tone } from '@/core/state'

import { commonMessages } from '../shared/messages'
import { readable } from '../shared/readable'
import { removing } from '../shared/states'
import { claimFor, GROUP, pciPassthrough, usbPassthrough, VERSION, type Claim, type Passthrough, type PciDevice, type UsbDevice } from './device-model'
import { deviceMessages as m } from './messages'

const TONES: Record<Passthrough, Tone> = { enabled: 'ok', enabling: 'working', disabled: 'off' }
const PCI_CLAIMS = { group: GROUP, version: VERSION, resource: 'pcideviceclaims' }
const USB_CLAIMS = { group: GROUP, version: VERSION, resource: 'usbdeviceclaims' }

const claimOf = (device: KubeObject, { joined }: Context): Claim | undefined => joined<Claim>('claims', device)[0]
const me = (): string => session.person.value?.username ?? ''
const nameOf = ({ metadata }: KubeObject): string => metadata.name

interface Sort<D extends KubeObject> {
  kind: 'PCIDevice' | 'USBDevice'
  claims: typeof PCI_CLAIMS
  passthrough: (device: D, claim: Claim | undefined) => Passthrough
  /** Why a device cannot be passed through, if so. */
  obstacle: (device: D) => string | undefined
}

function passthroughActions<D extends KubeObject>({ kind, claims, passthrough, obstacle }: Sort<D>): Action[] {
  return [
    defineAction<D>({
      id: 'enable-passthrough',
      label: () => m.actions.enablePassthrough,
      icon: Plug,
      bulk: true,
      primary: true,
      needs: () => [{ verb: 'create', group: claims.group, resource: claims.resource }],
      when: (device, context) => passthrough(device, claimOf(device, context)) === 'disabled' && !obstacle(device),
      confirm: (devices) => ({
        title: devices.length === 1 && devices[0] ? m.confirmEnable.one(devices[0].metadata.name) : m.confirmEnable.several(formatNumber(devices.length)),
        text: m.confirmEnable.text,
        confirm: m.actions.enablePassthrough,
      }),
      run: (device, { scope }) => create(scope, claims, claimFor(device, kind, me())),
    }),
    defineAction<D>({
      id: 'disable-passthrough',
      label: () => m.actions.disablePassthrough,
      icon: Unplug,
      bulk: true,
      needs: () => [{ verb: 'delete', group: claims.group, resource: claims.resource }],
      when: (device, context) => claimOf(device, context) !== undefined,
      run: async (device, context) => {
        const claim = claimOf(device, context)
        const owner = claim?.spec?.userName
        if (owner && owner !== me()) throw new Error(m.notYours(owner))
        if (claim) await remove(context.scope, claims, claim)
      },
    }),
  ]
}

const stateOf =
  <D extends KubeObject>({ passthrough, obstacle }: Sort<D>) =>
  (device: D, context: Context): State => {
    const present = passthrough(device, claimOf(device, context))
    return removing(device) ?? state(TONES[present], m.states[present], present === 'disabled' ? obstacle(device) : undefined)
  }

const claimedBy = <D extends KubeObject>(): Column<D> => ({ id: 'claimed-by', label: () => m.columns.claimedBy, value: (device, context) => claimOf(device, context)?.spec?.userName })
/** Hosts find their devices themselves. */
const FOUND = { creatable: false, editable: false, deletable: false } as const

const pci: Sort<PciDevice> = {
  kind: 'PCIDevice',
  claims: PCI_CLAIMS,
  passthrough: (_, claim) => pciPassthrough(claim),
  obstacle: ({ status }) => (status?.iommuGroup ? undefined : m.noIommu),
}

export const pciDeviceKind: Kind = defineKind<PciDevice>({
  group: GROUP,
  version: VERSION,
  resource: 'pcidevices',
  kind: 'PCIDevice',
  namespaced: false,
  title: () => m.pci,
  singular: () => m.pciOne,
  about: () => m.aboutPci,
  icon: Cpu,
  nav: { group: 'advanced', order: 60 },
  ...FOUND,
  joins: { claims: { query: ({ scope }) => readable(scope, PCI_CLAIMS), owner: nameOf } },
  state: stateOf(pci),
  groupedBy: 'node',
  columns: [
    { id: 'description', label: () => commonMessages.description, value: ({ status }) => status?.description, width: 'minmax(180px, 2.4fr)', fact: true },
    { id: 'node', label: () => commonMessages.node, value: ({ status }) => status?.nodeName, fact: true, groups: true },
    { id: 'address', label: () => m.columns.address, value: ({ status }) => status?.address, format: 'mono', width: 'minmax(118px, 1fr)' },
    { id: 'vendor', label: () => m.columns.vendor, value: ({ status }) => status?.vendorId, format: 'mono', width: '96px' },
    { id: 'device', label: () => m.columns.device, value: ({ status }) => status?.deviceId, format: 'mono', width: '96px' },
    { id: 'class', label: () => m.columns.class, value: ({ status }) => status?.classId, format: 'mono', hidden: true },
    { id: 'iommu', label: () => m.columns.iommu, value: ({ status }) => status?.iommuGroup, width: '120px' },
    claimedBy<PciDevice>(),
  ],
  actions: passthroughActions(pci),
  facts: (device, context) => {
    const status = device.status ?? {}
    return [
      { label: commonMessages.description, value: status.description },
      { label: commonMessages.node, value: status.nodeName },
      { label: m.columns.address, value: status.address, format: 'mono' },
      { label: m.columns.vendor, value: status.vendorId, format: 'mono' },
      { label: m.columns.device, value: status.deviceId, format: 'mono' },
      { label: m.columns.class, value: status.classId, format: 'mono' },
      { label: m.columns.iommu, value: status.iommuGroup },
      { label: m.columns.driver, value: status.kernelDriverInUse },
      { label: m.columns.resource, value: status.resourceName, format: 'mono' },
      { label: m.columns.claimedBy, value: claimOf(device, context)?.spec?.userName },
    ]
  },
})

const usb: Sort<UsbDevice> = { kind: 'USBDevice', claims: USB_CLAIMS, passthrough: usbPassthrough, obstacle: ({ status }) => status?.message || undefined }

export const usbDeviceKind: Kind = defineKind<UsbDevice>({
  group: GROUP,
  version: VERSION,
  resource: 'usbdevices',
  kind: 'USBDevice',
  namespaced: false,
  title: () => m.usb,
  singular: () => m.usbOne,
  about: () => m.aboutUsb,
  icon: Usb,
  nav: { group: 'advanced', order: 90 },
  ...FOUND,
  joins: { claims: { query: ({ scope }) => readable(scope, USB_CLAIMS), owner: nameOf } },
  state: stateOf(usb),
  groupedBy: 'node',
  columns: [
    { id: 'description', label: () => commonMessages.description, value: ({ status }) => status?.description, width: 'minmax(180px, 2.4fr)', fact: true },
    { id: 'node', label: () => commonMessages.node, value: ({ status }) => status?.nodeName, fact: true, groups: true },
    { id: 'address', label: () => m.columns.address, value: ({ status }) => status?.pciAddress, format: 'mono' },
    { id: 'vendor', label: () => m.columns.vendor, value: ({ status }) => status?.vendorID, format: 'mono', width: '96px' },
    { id: 'product', label: () => m.columns.product, value: ({ status }) => status?.productID, format: 'mono', width: '104px' },
    claimedBy<UsbDevice>(),
  ],
  actions: passthroughActions(usb),
})
