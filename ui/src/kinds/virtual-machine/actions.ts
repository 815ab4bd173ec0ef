/**
 * What can be done to machines: KubeVirt's own subresources, so that the cluster's RBAC decides about each, and what
 * Harvester does with the objects themselves.
 */
import { ArrowRightLeft, Archive, ArchiveRestore, BellOff, CalendarClock, Camera, CircleX, Copy, Cpu, Disc3, DiscAlbum, EthernetPort, Gauge, HardDrive, HardDriveUpload, LayoutTemplate, Pause, Play, Power, RefreshCw, RotateCcw, Square, Trash2, Unplug } from '@lucide/vue'

import type { Need } from '@/core/access'
import { discovered } from '@/core/discovery'
import { request } from '@/core/http'
import { defineAction, type Action, type Confirmation, type Context } from '@/core/kinds'
import { resourceId, resourcePath, textAt, type Gvr, type KubeObject } from '@/core/kubernetes'
import { act, patch, read, remove } from '@/core/resources'
import type { Scope } from '@/core/scope'

import { SNAPSHOT_QUOTAS } from '../shared/gvr'
import { isRelease } from '../shared/version'
import { canAbortMigration, canCopy, canEject, canForceStop, canHotPlug, canHotPlugNic, canHotUnplugNic, canInsert, canMigrate, canMoveStorage, canPause, canRestart, canRestore, canSoftReboot, canStart, canStop, canUnpause, hasQuotaNote } from './able'
import { machineMessages as m } from './messages'
import { cancelMovePatch, isMovingStorage } from './storage-migration'
import { BACKUPS, CLAIMS, IMAGES, INSTANCE_ACTIONS, MACHINE_ACTIONS, MACHINES, MIGRATIONS, NETWORKS, QUOTA_PROBLEM, RESTORES, RUN_STRATEGY, runStrategyOf, SCHEDULES, TEMPLATES, TEMPLATE_VERSIONS, type Instance, type VirtualMachine } from './types'

export const instanceOf = (machine: VirtualMachine, { joined }: Context): Instance | undefined => joined<Instance>('instance', machine)[0]

type Shape = Omit<Action<VirtualMachine>, 'needs' | 'when' | 'confirm' | 'label'>
type Rule = (machine: VirtualMachine, instance: Instance | undefined) => boolean

const need = (verb: string, { group, resource }: Gvr, subresource?: string): Omit<Need, 'namespace' | 'name'> => ({
  verb,
  group,
  resource: subresource ? `${resource}/${subresource}` : resource,
})

/** Whether the cluster has it; until that is known, access decides alone. */
function isServed(scope: Scope, gvr: Gvr, subresource?: string): boolean {
  const discovery = discovered(scope)
  if (!discovery) return true
  const kind = discovery.kinds.get(resourceId(gvr))
  return kind !== undefined && (!subresource || kind.subresources.length === 0 || kind.subresources.includes(subresource))
}

function ask(machines: VirtualMachine[], title: (what: string) => string, text: string, confirm: string): Confirmation {
  const [only] = machines
  const what = machines.length === 1 && only ? only.metadata.name : m.confirm.machines(machines.length)
  return { title: title(what), text, confirm, danger: true }
}

interface Subresource extends Shape {
  label: () => string
  on: Gvr
  subresource: string
  body?: object
  when: Rule
  asks?: (machines: VirtualMachine[]) => Confirmation
}

/** An action that is a request to a subresource. */
function subresource({ on, subresource, body, when, asks, ...shape }: Subresource): Action {
  return defineAction<VirtualMachine>({
    ...shape,
    needs: () => [need('update', on, subresource)],
    when: (machine, context) => isServed(context.scope, on, subresource) && when(machine, instanceOf(machine, context)),
    ...(asks && { confirm: asks }),
    run: ({ metadata: { namespace, name } }, { scope }) => act(scope, on, { namespace, name, subresource }, body),
  })
}

interface Dialog extends Shape {
  label: () => string
  dialog: NonNullable<Action['dialog']>
  needs: ReturnType<typeof need>[]
  /** Not offered where the cluster does not have it. */
  served?: Gvr
  /** Not offered by older clusters. */
  release?: string
  when?: Rule
}

function dialog({ needs, served, release, when, ...shape }: Dialog): Action {
  return defineAction<VirtualMachine>({
    ...shape,
    needs: () => needs,
    when: (machine, context) =>
      (!served || isServed(context.scope, served)) && (when?.(machine, instanceOf(machine, context)) ?? true) && (!release || isRelease(context.scope, release)),
  })
}

/** Stopped for good, as Harvester does it: how it ran is remembered for the next start. */
export function haltPatch(machine: VirtualMachine): unknown {
  return {
    metadata: { annotations: { [RUN_STRATEGY]: runStrategyOf(machine) } },
    spec: { runStrategy: 'Halted', ...(machine.spec?.running !== undefined && { running: null }) },
  }
}

async function abortMigrations(scope: Scope, namespace: string | undefined, name: string): Promise<void> {
  const { items = [] } = await request<{ items?: KubeObject[] }>(scope.base + resourcePath(MIGRATIONS, { namespace }))
  const running = items.filter((item) => textAt(item, 'spec', 'vmiName') === name && !/^(Succeeded|Failed)$/.test(textAt(item, 'status', 'phase') ?? ''))
  await Promise.all(running.map((migration) => remove(scope, MIGRATIONS, migration)))
}

export const machineActions: Action[] = [
  subresource({ id: 'start', label: () => m.actions.start, icon: Play, on: MACHINE_ACTIONS, subresource: 'start', primary: true, bulk: true, when: canStart }),
  defineAction<VirtualMachine>({
    id: 'stop',
    label: () => m.actions.stop,
    icon: Square,
    primary: true,
    bulk: true,
    needs: () => [need('patch', MACHINES)],
    when: (machine, context) => canStop(machine, instanceOf(machine, context)),
    confirm: (machines) => ask(machines, m.confirm.stop, m.confirm.stopText, m.actions.stop),
    run: (machine, { scope }) => patch(scope, MACHINES, machine.metadata, haltPatch(machine)),
  }),
  subresource({
    id: 'force-stop',
    label: () => m.actions.forceStop,
    icon: Power,
    on: MACHINE_ACTIONS,
    subresource: 'stop',
    body: { gracePeriod: 0 },
    bulk: true,
    danger: true,
    when: canForceStop,
    asks: (machines) => ask(machines, m.confirm.forceStop, m.confirm.forceStopText, m.actions.forceStop),
  }),
  subresource({ id: 'unpause', label: () => m.actions.unpause, icon: Play, on: INSTANCE_ACTIONS, subresource: 'unpause', primary: true, bulk: true, when: canUnpause }),
  subresource({
    id: 'restart',
    label: () => m.actions.restart,
    icon: RotateCcw,
    on: MACHINE_ACTIONS,
    subresource: 'restart',
    primary: true,
    bulk: true,
    when: canRestart,
    asks: (machines) => ask(machines, m.confirm.restart, m.confirm.restartText, m.actions.restart),
  }),
  subresource({ id: 'soft-reboot', label: () => m.actions.softReboot, icon: RefreshCw, on: INSTANCE_ACTIONS, subresource: 'softreboot', bulk: true, when: canSoftReboot }),
  subresource({ id: 'pause', label: () => m.actions.pause, icon: Pause, on: INSTANCE_ACTIONS, subresource: 'pause', bulk: true, when: canPause }),
  dialog({ id: 'migrate', label: () => m.actions.migrate, icon: ArrowRightLeft, needs: [need('create', MIGRATIONS)], when: canMigrate, dialog: () => import('./dialogs/MigrateDialog.vue') }),
  defineAction<VirtualMachine>({
    id: 'abort-migration',
    label: () => m.actions.abortMigration,
    icon: CircleX,
    needs: () => [need('delete', MIGRATIONS)],
    when: (machine, context) => canAbortMigration(machine, instanceOf(machine, context)),
    confirm: (machines) => ask(machines, m.confirm.abortMigration, m.confirm.abortMigrationText, m.actions.abortMigration),
    run: ({ metadata: { namespace, name } }, { scope }) => abortMigrations(scope, namespace, name),
  }),
  dialog({ id: 'snapshot', label: () => m.actions.snapshot, icon: Camera, served: BACKUPS, needs: [need('create', BACKUPS)], when: canCopy, dialog: () => import('./dialogs/SnapshotDialog.vue') }),
  dialog({ id: 'backup', label: () => m.actions.backup, icon: Archive, served: BACKUPS, needs: [need('create', BACKUPS)], when: canCopy, dialog: () => import('./dialogs/BackupDialog.vue') }),
  defineAction<VirtualMachine>({
    id: 'schedule',
    label: () => m.actions.schedule,
    icon: CalendarClock,
    needs: () => [need('create', SCHEDULES)],
    when: (machine, { scope }) => isServed(scope, SCHEDULES) && machine.metadata.deletionTimestamp === undefined,
    run: ({ metadata: { namespace = '', name } }, { scope, go }) => go({ name: 'create', params: { cluster: scope.id, resource: resourceId(SCHEDULES) }, query: { ns: namespace, machine: name } }),
  }),
  dialog({ id: 'restore', label: () => m.actions.restore, icon: ArchiveRestore, served: RESTORES, needs: [need('create', RESTORES), need('list', BACKUPS)], when: canRestore, dialog: () => import('./dialogs/RestoreDialog.vue') }),
  dialog({ id: 'insert', label: () => m.actions.insert, icon: DiscAlbum, served: IMAGES, needs: [need('patch', MACHINES), need('update', MACHINE_ACTIONS, 'restart')], when: canInsert, dialog: () => import('./dialogs/InsertDialog.vue') }),
  dialog({ id: 'eject', label: () => m.actions.eject, icon: Disc3, needs: [need('patch', MACHINES), need('update', MACHINE_ACTIONS, 'restart')], when: canEject, dialog: () => import('./dialogs/EjectDialog.vue') }),
  dialog({ id: 'quota', label: () => m.actions.quota, icon: Gauge, served: SNAPSHOT_QUOTAS, needs: [need('create', SNAPSHOT_QUOTAS), need('patch', SNAPSHOT_QUOTAS)], when: (machine) => machine.metadata.deletionTimestamp === undefined, dialog: () => import('./dialogs/QuotaDialog.vue') }),
  dialog({ id: 'hot-plug', label: () => m.actions.hotPlug, icon: Cpu, needs: [need('patch', MACHINES)], when: canHotPlug, dialog: () => import('./dialogs/HotPlugDialog.vue') }),
  dialog({ id: 'add-volume', label: () => m.actions.addVolume, icon: HardDrive, needs: [need('update', MACHINE_ACTIONS, 'addvolume')], dialog: () => import('./dialogs/AddVolumeDialog.vue') }),
  dialog({ id: 'add-nic', label: () => m.actions.addNic, icon: EthernetPort, served: NETWORKS, release: '1.7', needs: [need('patch', MACHINES), need('create', MIGRATIONS), need('list', NETWORKS)], when: canHotPlugNic, dialog: () => import('./dialogs/AddNicDialog.vue') }),
  dialog({ id: 'remove-nic', label: () => m.actions.removeNic, icon: Unplug, release: '1.7', needs: [need('patch', MACHINES), need('create', MIGRATIONS)], when: canHotUnplugNic, dialog: () => import('./dialogs/RemoveNicDialog.vue') }),
  dialog({ id: 'move-storage', label: () => m.actions.moveStorage, icon: HardDriveUpload, release: '1.8', needs: [need('patch', MACHINES), need('list', CLAIMS)], when: canMoveStorage, dialog: () => import('./dialogs/MoveStorageDialog.vue') }),
  defineAction<VirtualMachine>({
    id: 'cancel-move-storage',
    label: () => m.actions.cancelMoveStorage,
    icon: CircleX,
    needs: () => [need('patch', MACHINES)],
    when: (machine) => isMovingStorage(machine) && machine.metadata.deletionTimestamp === undefined,
    confirm: (machines) => ask(machines, m.confirm.cancelMoveStorage, m.confirm.cancelMoveStorageText, m.actions.cancelMoveStorage),
    run: async ({ metadata }, { scope }) => patch(scope, MACHINES, metadata, cancelMovePatch(await read<VirtualMachine>(scope, MACHINES, metadata))),
  }),
  dialog({
    id: 'template',
    label: () => m.actions.template,
    icon: LayoutTemplate,
    served: TEMPLATES,
    needs: [need('create', TEMPLATES), need('create', TEMPLATE_VERSIONS)],
    dialog: () => import('./dialogs/TemplateDialog.vue'),
  }),
  dialog({ id: 'clone', label: () => m.actions.clone, icon: Copy, needs: [need('create', MACHINES)], dialog: () => import('./dialogs/CloneDialog.vue') }),
  defineAction<VirtualMachine>({
    id: 'dismiss-quota',
    label: () => m.actions.dismissQuota,
    icon: BellOff,
    needs: () => [need('patch', MACHINES)],
    when: (machine) => hasQuotaNote(machine, undefined),
    run: (machine, { scope }) => patch(scope, MACHINES, machine.metadata, { metadata: { annotations: { [QUOTA_PROBLEM]: null } } }),
  }),
  // Takes the place of the common one: a machine's volumes may go with it.
  dialog({
    id: 'delete',
    label: () => m.actions.remove,
    icon: Trash2,
    bulk: true,
    danger: true,
    needs: [need('delete', MACHINES)],
    when: (machine) => machine.metadata.deletionTimestamp === undefined,
    dialog: () => import('./dialogs/DeleteDialog.vue'),
  }),
]
