/** Virtual machines: the model of a kind's file. */
import { Monitor } from '@lucide/vue'

import { defineKind } from '@/core/kinds'
import { keyOf, textAt } from '@/core/kubernetes'
import { parseQuantity } from '@/core/quantity'

import { instanceOf, machineActions } from './actions'
import { machineMessages as m } from './messages'
import { machineState, runStrategyOf } from './state'
import { INSTANCES, MACHINES, type VirtualMachine } from './types'

const domainOf = (machine: VirtualMachine) => machine.spec?.template?.spec?.domain

function coresOf(machine: VirtualMachine): number | undefined {
  const { cpu, resources } = domainOf(machine) ?? {}
  return cpu?.cores ? cpu.cores * (cpu.sockets ?? 1) * (cpu.threads ?? 1) : parseQuantity(resources?.limits?.cpu)
}

function memoryOf(machine: VirtualMachine): number | undefined {
  const { memory, resources } = domainOf(machine) ?? {}
  return parseQuantity(resources?.limits?.memory) ?? parseQuantity(memory?.guest)
}

export const virtualMachineKind = defineKind<VirtualMachine>({
  ...MACHINES,
  kind: 'VirtualMachine',
  namespaced: true,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Monitor,
  nav: { group: 'main', order: 20 },
  // The machine is what is wanted, its instance what runs: state, address and node come from there.
  joins: {
    instance: { query: ({ scope, namespace }) => ({ scope, gvr: INSTANCES, namespace }), owner: keyOf },
  },
  state: (machine, context) => machineState(machine, instanceOf(machine, context)),
  columns: [
    { id: 'cpu', label: () => m.cpu, value: coresOf, format: 'cores', width: '72px' },
    { id: 'memory', label: () => m.memory, value: memoryOf, format: 'bytes', width: '96px' },
    { id: 'ip', label: () => m.ip, value: (machine, context) => textAt(instanceOf(machine, context), 'status', 'interfaces', 0, 'ipAddress'), format: 'mono', fact: true, width: 'minmax(136px, 1fr)' },
    { id: 'node', label: () => m.node, value: (machine, context) => instanceOf(machine, context)?.status?.nodeName, fact: true },
    { id: 'strategy', label: () => m.strategy, value: runStrategyOf, hidden: true },
  ],
  actions: machineActions,
  facts: (machine, context) => [
    { label: m.cpu, value: coresOf(machine), format: 'cores' },
    { label: m.memory, value: memoryOf(machine), format: 'bytes' },
    { label: m.ip, value: textAt(instanceOf(machine, context), 'status', 'interfaces', 0, 'ipAddress'), format: 'mono' },
    { label: m.node, value: instanceOf(machine, context)?.status?.nodeName },
    { label: m.guest, value: instanceOf(machine, context)?.status?.guestOSInfo?.prettyName },
    { label: m.strategy, value: runStrategyOf(machine) },
  ],
  tabs: [
    { id: 'volumes', label: () => m.volumes, component: () => import('./VolumesTab.vue'), count: (machine) => machine.spec?.template?.spec?.volumes?.length ?? 0 },
    { id: 'networks', label: () => m.networks, component: () => import('./NetworksTab.vue'), count: (machine) => domainOf(machine)?.devices?.interfaces?.length ?? 0 },
  ],
})
