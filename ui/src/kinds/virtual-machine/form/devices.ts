/** The devices of the cluster's hosts, as far as the cluster has such kinds and the person may read them. */
import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue'

import type { Gvr } from '@/core/kubernetes'
import { useList } from '@/core/resources'
import type { Scope } from '@/core/scope'

import { GROUP, VERSION, type Claim, type PciDevice, type UsbDevice, type VgpuDevice } from '../../device/device-model'
import { readable } from '../../shared/readable'
import { pciChoices, usbChoices, vgpuChoices, type DeviceChoice } from './device-choices'
import type { MachineModel } from './model'

export const DEVICE_KINDS = {
  pci: { group: GROUP, version: VERSION, resource: 'pcidevices' },
  usb: { group: GROUP, version: VERSION, resource: 'usbdevices' },
  vgpu: { group: GROUP, version: VERSION, resource: 'vgpudevices' },
} as const satisfies Record<string, Gvr>
const CLAIMS = { pci: { ...DEVICE_KINDS.pci, resource: 'pcideviceclaims' }, usb: { ...DEVICE_KINDS.usb, resource: 'usbdeviceclaims' } }

export type DeviceSort = keyof typeof DEVICE_KINDS

export interface Devices {
  /** The cluster has devices to give, or the machine has some. */
  isOffered: ComputedRef<boolean>
  /** What is served and may be read. */
  sorts: ComputedRef<DeviceSort[]>
  choices: Record<DeviceSort, ComputedRef<DeviceChoice[]>>
}

export function useDevices(scope: MaybeRefOrGetter<Scope>, model: Pick<MachineModel, 'hostDevices' | 'gpus'>): Devices {
  const queryOf = (gvr: Gvr) => () => readable(toValue(scope), gvr)
  const pci = useList<PciDevice>(queryOf(DEVICE_KINDS.pci)).items
  const pciClaims = useList<Claim>(queryOf(CLAIMS.pci)).items
  const usb = useList<UsbDevice>(queryOf(DEVICE_KINDS.usb)).items
  const usbClaims = useList<Claim>(queryOf(CLAIMS.usb)).items
  const vgpu = useList<VgpuDevice>(queryOf(DEVICE_KINDS.vgpu)).items
  const sorts = computed(() => (Object.keys(DEVICE_KINDS) as DeviceSort[]).filter((sort) => readable(toValue(scope), DEVICE_KINDS[sort]) !== null))
  return {
    sorts,
    isOffered: computed(() => sorts.value.length > 0 || model.hostDevices.length + model.gpus.length > 0),
    choices: {
      pci: computed(() => pciChoices(pci.value, pciClaims.value)),
      usb: computed(() => usbChoices(usb.value, usbClaims.value)),
      vgpu: computed(() => vgpuChoices(vgpu.value)),
    },
  }
}
