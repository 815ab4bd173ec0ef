/** What can be done to a host. Harvester's own actions are changes of the node object, which its controllers carry out. */
import { Ban, CircleCheck, Cpu, Power, PowerOff, RefreshCw, Wrench } from '@lucide/vue'

import { request } from '@/core/http'
import { defineAction, type Action, type Kind } from '@/core/kinds'
import { resourcePath, type KubeObject } from '@/core/kubernetes'
import { act, patch } from '@/core/resources'
import type { Scope } from '@/core/scope'

import { INVENTORIES, MACHINES, NODES } from '../shared/gvr'
import { cordonPatch, cpuManagerOf, cpuManagerPatch, hostName, leaveMaintenancePatch, phaseOf, STOPPED_FOR, waitingFor, type Host } from './host-model'
import { hostMessages as m } from './messages'

const patchNode = ({ group, resource }: Kind): { verb: string; group: string; resource: string }[] => [{ verb: 'patch', group, resource }]
const change = (scope: Scope, host: Host, what: object): Promise<KubeObject> => patch(scope, NODES, { name: host.metadata.name }, what)

/** Ends the maintenance, then starts what was shut down for it, as Harvester's own action does. */
async function leaveMaintenance(scope: Scope, host: Host): Promise<void> {
  await change(scope, host, leaveMaintenancePatch(host))
  const { name } = host.metadata
  const { items = [] } = await request<{ items?: KubeObject[] }>(scope.base + resourcePath(MACHINES), {
    query: { labelSelector: 'harvesterhci.io/maintain-mode-strategy=ShutdownAndRestartAfterDisable' },
  })
  const subresources = { ...MACHINES, group: 'subresources.kubevirt.io' }
  for (const { metadata } of waitingFor(name, items)) {
    const address = { name: metadata.name, namespace: metadata.namespace }
    await act(scope, subresources, { ...address, subresource: 'start' })
    await patch(scope, MACHINES, address, { metadata: { annotations: { [STOPPED_FOR]: null } } })
  }
}

export const hostActions: Action[] = [
  defineAction<Host>({
    id: 'cordon',
    label: () => m.actions.cordon,
    icon: Ban,
    bulk: true,
    needs: patchNode,
    when: (host) => host.spec?.unschedulable !== true,
    confirm: ([host]) => (host ? { title: m.confirmCordon.title(hostName(host)), text: m.confirmCordon.text, confirm: m.actions.cordon } : null),
    run: (host, { scope }) => change(scope, host, cordonPatch(true)),
  }),
  defineAction<Host>({
    id: 'uncordon',
    label: () => m.actions.uncordon,
    icon: CircleCheck,
    bulk: true,
    needs: patchNode,
    when: (host) => host.spec?.unschedulable === true && phaseOf(host) !== 'maintenance' && phaseOf(host) !== 'entering',
    run: (host, { scope }) => change(scope, host, cordonPatch(false)),
  }),
  defineAction<Host>({
    id: 'enter-maintenance',
    label: () => m.actions.enterMaintenance,
    icon: Wrench,
    needs: patchNode,
    when: (host) => phaseOf(host) !== 'maintenance' && phaseOf(host) !== 'entering',
    dialog: () => import('./MaintenanceDialog.vue'),
  }),
  defineAction<Host>({
    id: 'leave-maintenance',
    label: () => m.actions.leaveMaintenance,
    icon: Wrench,
    primary: true,
    needs: patchNode,
    when: (host) => phaseOf(host) === 'maintenance' || phaseOf(host) === 'entering',
    confirm: ([host]) => (host ? { title: m.confirmLeave.title(hostName(host)), text: m.confirmLeave.text, confirm: m.actions.leaveMaintenance } : null),
    run: (host, { scope }) => leaveMaintenance(scope, host),
  }),
  defineAction<Host>({
    id: 'cpu-manager-on',
    label: () => m.actions.cpuManagerOn,
    icon: Cpu,
    needs: patchNode,
    when: (host) => cpuManagerOf(host) === 'off' || cpuManagerOf(host) === 'failed',
    run: (host, { scope }) => change(scope, host, cpuManagerPatch('static')),
  }),
  defineAction<Host>({
    id: 'cpu-manager-off',
    label: () => m.actions.cpuManagerOff,
    icon: Cpu,
    needs: patchNode,
    when: (host) => cpuManagerOf(host) === 'on',
    run: (host, { scope }) => change(scope, host, cpuManagerPatch('none')),
  }),
  ...(['shutdown', 'reboot', 'poweron'] as const).map((operation) => powerAction(operation)),
]

/** Power is in the hands of the Seeder add-on, through the inventory it keeps of the host. */
function powerAction(operation: 'shutdown' | 'reboot' | 'poweron'): Action {
  const label = (): string => ({ shutdown: m.actions.shutdown, reboot: m.actions.reboot, poweron: m.actions.powerOn })[operation]
  return defineAction<Host>({
    id: operation,
    label,
    icon: { shutdown: PowerOff, reboot: RefreshCw, poweron: Power }[operation],
    danger: operation !== 'poweron',
    needs: () => [{ verb: 'patch', group: INVENTORIES.group, resource: INVENTORIES.resource }],
    when: (host, { joined }) => phaseOf(host) === 'maintenance' && joined('inventories', host).length > 0,
    confirm: ([host]) =>
      host && operation !== 'poweron' ? { title: m.confirmPower[operation](hostName(host)), text: m.confirmPower.text, confirm: label(), danger: true } : null,
    run: async (host, { scope, joined }) => {
      const [inventory] = joined('inventories', host)
      if (inventory) await patch(scope, INVENTORIES, inventory.metadata, { spec: { powerActionRequested: operation } })
    },
  })
}
