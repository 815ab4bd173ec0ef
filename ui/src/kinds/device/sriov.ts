/** Cards that split into virtual ones: network functions, graphics cards, and the vGPUs made of those. */
import { Gpu, Network, Power, PowerOff } from '@lucide/vue'

import { defineAction, defineKind, type Action, type Kind } from '@/core/kinds'
import type { KubeObject } from '@/core/kubernetes'
import { patch } from '@/core/resources'
import { state, type State } from '@/core/state'

import { commonMessages } from '../shared/messages'
import { removing } from '../shared/states'
import { GROUP, texts, VERSION, type GpuDevice, type NetworkDevice, type VgpuDevice } from './device-model'
import { deviceMessages as m } from './messages'

/** Hosts find their cards themselves. */
const FOUND = { creatable: false, editable: false, deletable: false } as const
const switched = (object: KubeObject, isOn: boolean): State => removing(object) ?? (isOn ? state('ok', m.states.enabled) : state('off', m.states.disabled))
const needsPatch: Action['needs'] = ({ group, resource }: Kind) => [{ verb: 'patch', group, resource }]

/** Switching on needs an answer from the person, so it has a dialog; switching off only needs to be meant. */
function disableAction<D extends KubeObject>(isOn: (device: D) => boolean, change: object): Action {
  return defineAction<D>({
    id: 'disable',
    label: () => m.actions.disable,
    icon: PowerOff,
    danger: true,
    needs: needsPatch,
    when: isOn,
    confirm: ([device]) => (device ? { title: m.confirmDisable.title(device.metadata.name), text: m.confirmDisable.text, confirm: m.actions.disable, danger: true } : null),
    run: (device, { scope, kind }) => patch(scope, kind, { name: device.metadata.name }, change),
  })
}

const hasFunctions = ({ spec }: NetworkDevice): boolean => (spec?.numVFs ?? 0) > 0

export const networkDeviceKind = defineKind<NetworkDevice>({
  group: GROUP,
  version: VERSION,
  resource: 'sriovnetworkdevices',
  kind: 'SRIOVNetworkDevice',
  namespaced: false,
  title: () => m.networks,
  singular: () => m.networkOne,
  about: () => m.aboutNetworks,
  icon: Network,
  nav: { group: 'advanced', order: 50 },
  ...FOUND,
  state: (device) => switched(device, hasFunctions(device)),
  columns: [
    { id: 'node', label: () => commonMessages.node, value: ({ spec }) => spec?.nodeName, fact: true, groups: true },
    { id: 'address', label: () => m.columns.address, value: ({ spec }) => spec?.address, format: 'mono' },
    { id: 'functions', label: () => m.columns.functions, value: ({ spec }) => spec?.numVFs ?? 0, format: 'number', width: '150px', fact: true },
    { id: 'function-addresses', label: () => m.columns.functionAddresses, value: ({ status }) => texts(status?.vfAddresses).join(', '), format: 'mono', width: 'minmax(160px, 2fr)' },
  ],
  actions: [
    defineAction<NetworkDevice>({ id: 'enable', label: () => m.actions.enable, icon: Power, primary: true, needs: needsPatch, when: (device) => !hasFunctions(device), dialog: () => import('./FunctionsDialog.vue') }),
    disableAction<NetworkDevice>(hasFunctions, { spec: { numVFs: 0 } }),
  ],
})

const isGpuOn = ({ spec }: GpuDevice): boolean => spec?.enabled === true

export const gpuDeviceKind = defineKind<GpuDevice>({
  group: GROUP,
  version: VERSION,
  resource: 'sriovgpudevices',
  kind: 'SRIOVGPUDevice',
  namespaced: false,
  title: () => m.gpus,
  singular: () => m.gpuOne,
  about: () => m.aboutGpus,
  icon: Gpu,
  nav: { group: 'advanced', order: 70 },
  ...FOUND,
  state: (device) => switched(device, isGpuOn(device)),
  columns: [
    { id: 'node', label: () => commonMessages.node, value: ({ spec }) => spec?.nodeName, fact: true, groups: true },
    { id: 'address', label: () => m.columns.address, value: ({ spec }) => spec?.address, format: 'mono', fact: true },
    { id: 'function-addresses', label: () => m.columns.functionAddresses, value: ({ status }) => texts(status?.vfAddresses).join(', '), format: 'mono', width: 'minmax(140px, 1.6fr)' },
    { id: 'vgpus', label: () => m.columns.vgpus, value: ({ status }) => texts(status?.vGPUDevices).join(', '), width: 'minmax(140px, 1.6fr)' },
  ],
  actions: [
    defineAction<GpuDevice>({
      id: 'enable',
      label: () => m.actions.enable,
      icon: Power,
      primary: true,
      needs: needsPatch,
      when: (device) => !isGpuOn(device),
      run: (device, { scope, kind }) => patch(scope, kind, { name: device.metadata.name }, { spec: { enabled: true } }),
    }),
    disableAction<GpuDevice>(isGpuOn, { spec: { enabled: false } }),
  ],
})

const isVgpuOn = ({ spec }: VgpuDevice): boolean => spec?.enabled === true

export const vgpuDeviceKind = defineKind<VgpuDevice>({
  group: GROUP,
  version: VERSION,
  resource: 'vgpudevices',
  kind: 'VGPUDevice',
  namespaced: false,
  title: () => m.vgpus,
  singular: () => m.vgpuOne,
  about: () => m.aboutVgpus,
  icon: Gpu,
  nav: { group: 'advanced', order: 80 },
  ...FOUND,
  state(device) {
    // Wanted, and not there yet.
    if (isVgpuOn(device) && device.status?.vGPUStatus !== 'vGPUConfigured') return removing(device) ?? state('working', m.states.enabling)
    return switched(device, isVgpuOn(device))
  },
  groupedBy: 'node',
  columns: [
    { id: 'node', label: () => commonMessages.node, value: ({ spec }) => spec?.nodeName, fact: true, groups: true },
    { id: 'address', label: () => m.columns.address, value: ({ spec }) => spec?.address, format: 'mono' },
    { id: 'parent', label: () => m.columns.parent, value: ({ spec }) => spec?.parentGPUDeviceAddress, format: 'mono', groups: true },
    { id: 'type', label: () => m.columns.type, value: ({ spec, status }) => status?.configureVGPUTypeName || spec?.vGPUTypeName, fact: true },
    { id: 'uuid', label: () => m.columns.uuid, value: ({ status }) => status?.uuid, format: 'mono', hidden: true },
  ],
  actions: [
    defineAction<VgpuDevice>({ id: 'enable', label: () => m.actions.enable, icon: Power, primary: true, needs: needsPatch, when: (device) => !isVgpuOn(device), dialog: () => import('./VgpuDialog.vue') }),
    disableAction<VgpuDevice>(isVgpuOn, { spec: { enabled: false, vGPUTypeName: '' } }),
  ],
})
