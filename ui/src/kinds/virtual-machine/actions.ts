/** Starting, stopping and the like, through KubeVirt's own subresources: the cluster's RBAC decides about each. */
import { Pause, Play, Power, RefreshCw, RotateCcw, Square } from '@lucide/vue'

import { defineAction, type Action, type Context } from '@/core/kinds'
import type { Gvr } from '@/core/kubernetes'
import { act } from '@/core/resources'

import { machineMessages as m } from './messages'
import { isPaused, isRunning, machineState, runStrategyOf } from './state'
import { INSTANCE_ACTIONS, MACHINE_ACTIONS, type VirtualMachine, type VirtualMachineInstance } from './types'

export const instanceOf = (machine: VirtualMachine, { joined }: Context): VirtualMachineInstance | undefined => joined<VirtualMachineInstance>('instance', machine)[0]

interface Spec {
  id: string
  label: () => string
  icon: Action['icon']
  on: Gvr
  subresource: string
  body?: object
  primary?: boolean
  bulk?: boolean
  danger?: boolean
  asks?: boolean
  when: (machine: VirtualMachine, instance: VirtualMachineInstance | undefined) => boolean
}

function machineAction({ id, label, icon, on, subresource, body, primary, bulk, danger, asks, when }: Spec): Action {
  return defineAction<VirtualMachine>({
    id,
    label,
    icon,
    ...(primary && { primary }),
    ...(bulk && { bulk }),
    ...(danger && { danger }),
    needs: () => [{ verb: 'update', group: on.group, resource: `${on.resource}/${subresource}` }],
    when: (machine, context) => !machine.metadata.deletionTimestamp && when(machine, instanceOf(machine, context)),
    confirm: (machines) => (asks ? { title: m.ask(label(), machines.length, machines[0]?.metadata.name ?? ''), text: m.askText, confirm: label(), danger: true } : null),
    run: ({ metadata: { namespace, name } }, { scope }) => act(scope, on, { namespace, name, subresource }, body),
  })
}

/** It is on its way down, or already there. */
const isStopping = (machine: VirtualMachine, instance: VirtualMachineInstance | undefined): boolean =>
  machine.status?.printableStatus === 'Stopping' || (runStrategyOf(machine) === 'Halted' && instance !== undefined)
const isDown = (machine: VirtualMachine, instance: VirtualMachineInstance | undefined): boolean => machineState(machine, instance).tone === 'off' && !isPaused(instance)

export const machineActions: Action[] = [
  machineAction({ id: 'start', label: () => m.start, icon: Play, on: MACHINE_ACTIONS, subresource: 'start', primary: true, bulk: true, when: isDown }),
  machineAction({
    id: 'stop',
    label: () => m.stop,
    icon: Square,
    on: MACHINE_ACTIONS,
    subresource: 'stop',
    primary: true,
    bulk: true,
    asks: true,
    when: (machine, instance) => !isDown(machine, instance) && !isStopping(machine, instance),
  }),
  machineAction({ id: 'force-stop', label: () => m.forceStop, icon: Power, on: MACHINE_ACTIONS, subresource: 'stop', body: { gracePeriod: 0 }, bulk: true, danger: true, asks: true, when: isStopping }),
  machineAction({
    id: 'restart',
    label: () => m.restart,
    icon: RotateCcw,
    on: MACHINE_ACTIONS,
    subresource: 'restart',
    primary: true,
    bulk: true,
    asks: true,
    when: (machine, instance) => isRunning(instance) && runStrategyOf(machine) !== 'Halted',
  }),
  machineAction({ id: 'soft-reboot', label: () => m.softReboot, icon: RefreshCw, on: INSTANCE_ACTIONS, subresource: 'softreboot', when: (_, instance) => isRunning(instance) && !isPaused(instance) }),
  machineAction({ id: 'pause', label: () => m.pause, icon: Pause, on: INSTANCE_ACTIONS, subresource: 'pause', when: (_, instance) => isRunning(instance) && !isPaused(instance) }),
  machineAction({ id: 'unpause', label: () => m.unpause, icon: Play, on: INSTANCE_ACTIONS, subresource: 'unpause', primary: true, when: (_, instance) => isPaused(instance) }),
]
