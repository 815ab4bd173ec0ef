import { describe, expect, it } from 'vitest'

import { cordonPatch, cpuManagerOf, cpuOf, diskProblems, disksOf, hostName, leaveMaintenancePatch, leaving, memoryOf, phaseOf, rolesOf, storageOf, waitingFor, type Host } from './host-model'

const host = (more: Partial<Host> = {}, annotations: Record<string, string> = {}, labels: Record<string, string> = {}): Host => ({
  metadata: { name: 'node1', annotations, labels },
  status: { allocatable: { cpu: '16', memory: '64Gi' }, conditions: [{ type: 'Ready', status: 'True' }] },
  ...more,
})
const unready = { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } }

const instance = (name: string, strategy?: string, isMovable = true): never =>
  ({ metadata: { name, labels: strategy ? { 'harvesterhci.io/maintain-mode-strategy': strategy } : {} }, status: { conditions: [{ type: 'LiveMigratable', status: isMovable ? 'True' : 'False' }] } }) as never
const names = (list: { metadata: { name: string } }[]): string[] => list.map(({ metadata }) => metadata.name)
const machine = (name: string, strategy: string, node: string): never =>
  ({ metadata: { name, labels: { 'harvesterhci.io/maintain-mode-strategy': strategy }, annotations: { 'harvesterhci.io/maintain-mode-strategy-node-name': node } } }) as never

describe('phaseOf', () => {
  it.each([
    ['active', host(), 'active'],
    ['cordoned', host({ spec: { unschedulable: true } }), 'cordoned'],
    ['down', host(unready), 'notReady'],
    ['down and cordoned is down', host({ ...unready, spec: { unschedulable: true } }), 'notReady'],
    ['asked to empty itself', host({}, { 'harvesterhci.io/drain-requested': 'true' }), 'entering'],
    ['emptying itself', host({ spec: { unschedulable: true } }, { 'harvesterhci.io/maintain-status': 'running' }), 'entering'],
    ['in maintenance, and down', host(unready, { 'harvesterhci.io/maintain-status': 'completed' }), 'maintenance'],
    ['no status at all', { metadata: { name: 'x' } }, 'notReady'],
  ])('%s', (_, object, phase) => expect(phaseOf(object)).toBe(phase))
})

describe('figures', () => {
  const requests = { 'management.cattle.io/pod-requests': '{"cpu":"2100m","memory":"3Gi","pods":"40"}' }

  it('takes them from metrics and requests', () => {
    const metrics = { metadata: { name: 'node1' }, usage: { cpu: '1250000000n', memory: '20Gi' } }
    expect(cpuOf(host({}, requests), metrics)).toEqual({ total: 16, used: 1.25, reserved: 2.1 })
    expect(memoryOf(host({}, requests), metrics)).toEqual({ total: 64 * 2 ** 30, used: 20 * 2 ** 30, reserved: 3 * 2 ** 30 })
  })
  it('does without', () => {
    expect(cpuOf({ metadata: { name: 'x', annotations: { 'management.cattle.io/pod-requests': 'nonsense' } } }, undefined)).toEqual({ total: 0, used: undefined, reserved: undefined })
  })
})

describe('disks', () => {
  const storage = {
    metadata: { name: 'node1' },
    spec: { disks: { a: { path: '/var/a', allowScheduling: true, storageReserved: 10, tags: ['ssd'] }, b: { path: '/var/b', allowScheduling: false } } },
    status: {
      diskStatus: {
        a: { storageMaximum: 100, storageAvailable: 60, storageScheduled: 150, conditions: [{ type: 'Ready', status: 'True' }] },
        b: { storageMaximum: 50, storageAvailable: 50, storageScheduled: 0, conditions: [{ type: 'Schedulable', status: 'False', message: 'full' }] },
      },
    },
  }

  it('adds up', () => expect(storageOf(storage)).toEqual({ total: 150, used: 40, reserved: 150 }))
  it('reads each', () => expect(disksOf(storage)[0]).toMatchObject({ name: 'a', path: '/var/a', reserved: 10, tags: ['ssd'], isSchedulable: true }))
  it('finds what is wrong', () => expect(diskProblems(storage)).toEqual([{ disk: 'b', condition: { type: 'Schedulable', status: 'False', message: 'full' } }]))
  it('survives other shapes', () => {
    expect(storageOf({ metadata: { name: 'x' }, status: { diskStatus: [] } } as never)).toBeUndefined()
    expect(disksOf({ metadata: { name: 'x' }, status: { diskStatus: { a: null } } } as never)).toMatchObject([{ name: 'a', total: 0, tags: [] }])
  })
})

it.each([
  [{ 'node-role.kubernetes.io/control-plane': 'true', 'node-role.kubernetes.io/master': 'true', 'node-role.kubernetes.io/etcd': 'true' }, ['control-plane', 'etcd']],
  [{ 'node-role.harvesterhci.io/witness': 'true' }, ['witness']],
  [{ 'node-role.kubernetes.io/control-plane': 'false' }, []],
])('roles of %j', (labels, roles) => expect(rolesOf(host({}, {}, labels as Record<string, string>))).toEqual(roles))

it.each([
  [{}, {}, 'off'],
  [{}, { cpumanager: 'true' }, 'on'],
  [{ 'harvesterhci.io/cpu-manager-update-status': '{"status":"running","policy":"static"}' }, {}, 'changing'],
  [{ 'harvesterhci.io/cpu-manager-update-status': '{"status":"success"}' }, { cpumanager: 'true' }, 'on'],
  [{ 'harvesterhci.io/cpu-manager-update-status': '{"status":"failed"}' }, {}, 'failed'],
])('CPU manager of %j %j: %s', (annotations, labels, is) => expect(cpuManagerOf(host({}, annotations as Record<string, string>, labels as Record<string, string>))).toBe(is))

it('prefers the name people gave it', () => expect(hostName(host({}, { 'harvesterhci.io/host-custom-name': 'rack 4' }))).toBe('rack 4'))

describe('changes', () => {
  it('uncordons by leaving the field out, as kubectl does', () => expect(cordonPatch(false)).toEqual({ spec: { unschedulable: null } }))
  it('leaves nothing of a maintenance, and other taints alone', () => {
    const taints = [{ key: 'kubevirt.io/drain', effect: 'NoSchedule' }, { key: 'mine', effect: 'NoExecute' }]
    expect(leaveMaintenancePatch(host({ spec: { unschedulable: true, taints } }))).toMatchObject({ spec: { unschedulable: null, taints: [{ key: 'mine', effect: 'NoExecute' }] } })
    expect(leaveMaintenancePatch(host())).not.toHaveProperty('spec.taints')
  })
})

it('sorts the machines of a host that is to be emptied', () => {
  const instances = [instance('a'), instance('b', 'Shutdown'), instance('c', 'Migrate', false)]
  const many = leaving(instances, true)
  expect([names(many.moving), names(many.stopping), names(many.stuck)]).toEqual([['a'], ['b'], ['c']])
  const alone = leaving(instances, false)
  expect([names(alone.moving), names(alone.stopping), names(alone.stuck)]).toEqual([[], ['b'], ['a', 'c']])
})

it('knows which machines wait for the end of a maintenance', () => {
  const machines = [machine('a', 'ShutdownAndRestartAfterDisable', 'node1'), machine('b', 'Shutdown', 'node1'), machine('c', 'ShutdownAndRestartAfterDisable', 'node2')]
  expect(waitingFor('node1', machines).map(({ metadata }) => metadata.name)).toEqual(['a'])
})
