import { describe, expect, it } from 'vitest'

import { newNetwork, newVolume } from './blank'
import type { MachineModel, NetworkRow, VolumeRow } from './model'
import { readModel } from './read'
import { coresProblem, gibProblem, macProblem, maxProblem, nameOfMachineProblem, networkProblems, reservedMemoryProblem, userDataText, volumeProblems } from './rules'
import { complete } from './samples'
import { quotaLines, totalsOf } from './summary'

const model = (change: Partial<MachineModel> = {}): MachineModel => ({ ...readModel(complete), ...change })
const volume = (change: Partial<VolumeRow>): VolumeRow => ({ ...newVolume('blank', []), ...change })
const network = (change: Partial<NetworkRow>): NetworkRow => ({ ...newNetwork([]), ...change })

describe('names', () => {
  it.each([
    ['web', 1, true],
    ['Web', 1, false],
    ['', 1, false],
    ['web-', 1, false],
    ['web-', 3, true],
    ['a'.repeat(63), 1, true],
    ['a'.repeat(64), 1, false],
    ['a'.repeat(61), 2, false],
  ])('%s for %d', (name, count, isFine) => {
    expect(nameOfMachineProblem(model({ name, count })) === null).toBe(isFine)
  })
})

describe('numbers', () => {
  it.each([
    ['2', true],
    ['0', false],
    ['1.5', false],
    ['many', false],
    ['', false],
    ['513', false],
  ])('%s cores', (text, isFine) => {
    expect(coresProblem(text) === null).toBe(isFine)
  })

  it.each([
    ['4', true],
    ['0.5', true],
    ['0', false],
    ['-1', false],
    ['', false],
    ['1e9', false],
  ])('%s GiB', (text, isFine) => {
    expect(gibProblem(text) === null).toBe(isFine)
  })

  it('maxima are not below what a machine begins with', () => {
    expect(maxProblem(model({ isHotPluggable: false, maxCores: '' }), 'cores')).toBeNull()
    expect(maxProblem(model({ isHotPluggable: true, cores: '4', maxCores: '2' }), 'cores')).not.toBeNull()
    expect(maxProblem(model({ isHotPluggable: true, memory: '4', maxMemory: '8' }), 'memory')).toBeNull()
  })

  it.each([
    ['', true],
    ['256Mi', true],
    ['256', false],
    ['8Gi', false],
  ])('%s reserved of 4 GiB', (reservedMemory, isFine) => {
    expect(reservedMemoryProblem(model({ reservedMemory })) === null).toBe(isFine)
  })
})

describe('volumes', () => {
  const made = volume({ name: 'disk-0', claim: 'a-disk-0-x', size: '10' })
  it.each<[string, VolumeRow, VolumeRow[], VolumeRow | undefined, string[]]>([
    ['a new one', volume({}), [], undefined, []],
    ['an image that was not chosen', volume({ source: 'image' }), [], undefined, ['image']],
    ['a volume that was not chosen', volume({ source: 'claim', size: '' }), [], undefined, ['claim']],
    ['a volume that is attached already', volume({ source: 'claim', claim: 'data', name: 'b' }), [volume({ source: 'claim', claim: 'data' })], undefined, ['claim']],
    ['a container image without a reference', volume({ source: 'container', size: '' }), [], undefined, ['container']],
    ['a size that is none', volume({ size: 'x' }), [], undefined, ['size']],
    ['a name that is taken', volume({ name: 'a' }), [volume({ name: 'a' })], undefined, ['name']],
    ['one that grows', { ...made, size: '12' }, [], made, []],
    ['one that would shrink', { ...made, size: '8' }, [], made, ['size']],
    ['something else', volume({ source: 'other', size: '' }), [], undefined, []],
  ])('%s', (_, row, others, old, fields) => {
    expect(Object.keys(volumeProblems(row, [row, ...others], old))).toEqual(fields)
  })

  it('of a template may leave the image open', () => {
    const row = volume({ source: 'image' })
    expect(volumeProblems(row, [row], undefined, true)).toEqual({})
  })
})

describe('networks', () => {
  it.each<[string, NetworkRow, NetworkRow[], string[]]>([
    ['the management network', network({}), [], []],
    ['the management network twice', network({ name: 'b' }), [network({})], ['network']],
    ['an address that is taken', network({ name: 'b', network: 'a/b', mac: '52:54:00:00:00:0A' }), [network({ network: 'a/b', mac: '52:54:00:00:00:0a' })], ['mac']],
    ['the same address elsewhere', network({ name: 'b', network: 'a/b', mac: '52:54:00:00:00:0a' }), [network({ network: 'a/c', mac: '52:54:00:00:00:0a' })], []],
  ])('%s', (_, row, others, fields) => {
    expect(Object.keys(networkProblems(row, [row, ...others]))).toEqual(fields)
  })

  it.each([
    ['52:54:00:12:34:56', true],
    ['52-54-00-12-34-56', true],
    ['52:54:00:12:34', false],
    ['zz:54:00:12:34:56', false],
    ['01:00:5e:00:00:01', false],
  ])('%s', (mac, isFine) => {
    expect(macProblem(mac) === null).toBe(isFine)
  })
})

it('tells what is wrong with user data, and where', () => {
  expect(userDataText('#!/bin/sh\n')).toBeNull()
  expect(userDataText('packages: []')).toContain('#cloud-config')
  expect(userDataText('#cloud-config\na: [\n')).toMatch(/^Line \d/)
})

describe('the summary', () => {
  const several = model({ name: 'web', count: 3, cores: '2', memory: '4', volumes: [volume({ size: '10' }), volume({ source: 'claim', claim: 'x' }), volume({ source: 'image', size: '20', image: 'a/b' })] })

  it('adds up what is made', () => {
    expect(totalsOf(several)).toEqual({ names: ['web-01', 'web-02', 'web-03'], cores: 6, memory: 12 * 2 ** 30, storage: 90 * 2 ** 30 })
  })

  it('says what it costs in the quota, the tightest first', () => {
    const quota = { metadata: { name: 'q' }, status: { hard: { 'limits.cpu': '8', 'limits.memory': '100Gi', pods: '10' }, used: { 'limits.cpu': '4', 'limits.memory': '8Gi' } } }
    expect(quotaLines([quota], totalsOf(several))).toEqual([
      { what: 'cpu', used: 4, more: 6, limit: 8, isOver: true },
      { what: 'memory', used: 8 * 2 ** 30, more: 12 * 2 ** 30, limit: 100 * 2 ** 30, isOver: false },
    ])
  })
})
