/** Virtual machines. The machine is what is wanted, its instance what runs: state, address and node come from there. */
import { Monitor } from '@lucide/vue'

import { defineKind, type Fact } from '@/core/kinds'
import { at, keyOf, listAt, resourceId, textAt } from '@/core/kubernetes'
import { formatBytes, formatCores } from '@/core/quantity'
import { NO_NAMESPACE } from '@/router'

import { POD_METRICS, SNAPSHOT_QUOTAS } from '../shared/gvr'
import { readable } from '../shared/readable'
import { instanceOf, machineActions } from './actions'
import { machineMessages as m } from './messages'
import { notesOf } from './notes'
import NotesCell from './NotesCell.vue'
import {
  addressesOf,
  annotation,
  coresOf,
  DESCRIPTION,
  INSTANCES,
  instanceLabelsOf,
  MACHINES,
  memoryOf,
  named,
  NODES,
  RESTORES,
  runStrategyOf,
  specOf,
  type VirtualMachine,
} from './types'
import { isActive, machineState } from './state'

const devicesOf = (machine: VirtualMachine): number =>
  listAt(specOf(machine), 'domain', 'devices', 'hostDevices').length + listAt(specOf(machine), 'domain', 'devices', 'gpus').length

export const virtualMachineKind = defineKind<VirtualMachine>({
  ...MACHINES,
  kind: 'VirtualMachine',
  namespaced: true,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Monitor,
  nav: { group: 'main', order: 20 },
  joins: {
    instance: { query: ({ scope, namespace }) => ({ scope, gvr: INSTANCES, namespace }), owner: keyOf },
    restore: {
      query: ({ scope, namespace }) => ({ scope, gvr: RESTORES, namespace }),
      owner: (restore) => {
        const isRunning = at(restore, 'status', 'complete') !== true && textAt(restore, 'spec', 'target', 'kind') !== 'PersistentVolumeClaim'
        return isRunning ? `${restore.metadata.namespace}/${textAt(restore, 'spec', 'target', 'name')}` : undefined
      },
    },
  },
  state: (machine, context) => machineState(machine, instanceOf(machine, context), context.joined('restore', machine)[0]),
  columns: [
    { id: 'cpu', label: () => m.columns.cpu, value: (machine) => coresOf(specOf(machine)), format: 'cores', width: '72px' },
    { id: 'memory', label: () => m.columns.memory, value: (machine) => memoryOf(specOf(machine)), format: 'bytes', width: '96px' },
    { id: 'ip', label: () => m.columns.address, value: (machine, context) => addressesOf(machine, instanceOf(machine, context))[0], format: 'mono', fact: true, width: 'minmax(136px, 1fr)' },
    { id: 'node', label: () => m.columns.node, value: (machine, context) => instanceOf(machine, context)?.status?.nodeName, fact: true, groups: true },
    { id: 'notes', label: () => m.columns.notes, value: (machine) => notesOf(machine).map(({ label }) => label).join(', '), cell: NotesCell, width: 'minmax(90px, 0.8fr)' },
    {
      id: 'restore',
      label: () => m.columns.restore,
      value: (machine, context) => {
        const progress = at(context.joined('restore', machine)[0], 'status', 'progress')
        return typeof progress === 'number' ? progress : null
      },
      format: 'number',
      width: '110px',
      hidden: true,
    },
    { id: 'os', label: () => m.facts.os, value: (machine, context) => instanceOf(machine, context)?.status?.guestOSInfo?.prettyName, hidden: true },
    { id: 'strategy', label: () => m.facts.strategy, value: runStrategyOf, hidden: true },
    { id: 'description', label: () => m.facts.description, value: (machine) => annotation(machine, DESCRIPTION), hidden: true },
  ],
  actions: machineActions,
  facts: (machine, context) => {
    const instance = instanceOf(machine, context)
    const spec = specOf(machine)
    const description = annotation(machine, DESCRIPTION)
    const node = instance?.status?.nodeName
    return [
      ...(description ? [{ label: m.facts.description, value: description }] : []),
      { label: m.facts.size, value: m.size(formatCores(coresOf(spec)), formatBytes(memoryOf(spec))) },
      { label: m.facts.address, value: addressesOf(machine, instance)[0], format: 'mono' },
      { label: m.facts.node, value: node, ...(node && { to: { name: 'object', params: { cluster: context.scope.id, resource: resourceId(NODES), namespace: NO_NAMESPACE, name: node } } }) },
      { label: m.facts.os, value: instance?.status?.guestOSInfo?.prettyName },
    ] satisfies Fact[]
  },
  form: () => import('./form/MachineForm.vue'),
  overview: () => import('./tabs/OverviewPart.vue'),
  tabs: [
    { id: 'volumes', label: () => m.tabs.volumes, component: () => import('./tabs/VolumesTab.vue'), count: (machine) => named(specOf(machine).volumes).length },
    { id: 'networks', label: () => m.tabs.networks, component: () => import('./tabs/NetworksTab.vue'), count: (machine) => named(specOf(machine).domain?.devices?.interfaces).length },
    { id: 'scheduling', label: () => m.tabs.scheduling, component: () => import('./tabs/SchedulingTab.vue') },
    { id: 'cloud-init', label: () => m.tabs.cloudInit, component: () => import('./tabs/CloudInitTab.vue') },
    { id: 'credentials', label: () => m.tabs.credentials, component: () => import('./tabs/CredentialsTab.vue'), when: (machine) => listAt(specOf(machine), 'accessCredentials').length > 0, count: (machine) => listAt(specOf(machine), 'accessCredentials').length },
    { id: 'devices', label: () => m.tabs.devices, component: () => import('./tabs/DevicesTab.vue'), when: (machine) => devicesOf(machine) > 0, count: devicesOf },
    { id: 'snapshots', label: () => m.tabs.snapshots, component: () => import('./tabs/SnapshotsTab.vue') },
    { id: 'quotas', label: () => m.tabs.quotas, component: () => import('./tabs/QuotasTab.vue'), when: ({ metadata: { namespace } }, { scope }) => readable(scope, SNAPSHOT_QUOTAS, { namespace }) !== null },
    { id: 'metrics', label: () => m.tabs.metrics, component: () => import('./tabs/MetricsTab.vue'), when: (machine, context) => isActive(instanceOf(machine, context)) && readable(context.scope, POD_METRICS, { namespace: machine.metadata.namespace }) !== null },
    { id: 'migration', label: () => m.tabs.migration, component: () => import('./tabs/MigrationTab.vue'), when: (machine, context) => instanceOf(machine, context)?.status?.migrationState !== undefined },
    { id: 'instance-labels', label: () => m.tabs.instanceLabels, component: () => import('./tabs/InstanceLabelsTab.vue'), when: (machine) => Object.keys(instanceLabelsOf(machine)).length > 0, count: (machine) => Object.keys(instanceLabelsOf(machine)).length },
    { id: 'logs', label: () => m.tabs.logs, component: () => import('./tabs/LogsTab.vue'), when: (machine, context) => instanceOf(machine, context) !== undefined },
  ],
})
