import { describe, expect, it } from 'vitest'

import { at } from '@/core/kubernetes'

import { mergePatch } from '../../merge-patch'
import { cloneOf } from '../copies'
import type { VirtualMachine } from '../types'
import { encodeBase64 } from './base64'
import { machineLike } from './blank'
import { credentialSecret, DYNAMIC_KEY_NAMES, DYNAMIC_KEY_USERS, keepTyped, readCredentials, secretChanges, withUsers } from './credentials'
import type { CredentialRow, MachineModel } from './model'
import { readModel } from './read'
import { credentialProblems } from './rules'
import { complete, facts } from './samples'
import { writeModel } from './write'

const password = (secretName: string): object => ({ userPassword: { source: { secret: { secretName } }, propagationMethod: { qemuGuestAgent: {} } } })
const keys = (secretName: string, users: string[]): object => ({ sshPublicKey: { source: { secret: { secretName } }, propagationMethod: { qemuGuestAgent: { users } } } })
const foreign = { sshPublicKey: { source: { secret: { secretName: 'seed' } }, propagationMethod: { noCloud: {} } } }

function machineWith(...credentials: object[]): VirtualMachine {
  const machine = structuredClone(complete)
  const { template } = machine.spec ?? {}
  if (!template?.spec || !template.metadata) throw new Error('the sample has a template')
  template.spec['accessCredentials'] = credentials
  template.metadata.annotations = { ...template.metadata.annotations, [DYNAMIC_KEY_USERS]: '["alice"]', [DYNAMIC_KEY_NAMES]: '{"web01-keys":["demo/alice"]}' }
  return machine
}
const machine = machineWith(password('web01-pass'), keys('web01-keys', ['alice']), foreign)
const secrets = new Map([['web01-pass', { metadata: { name: 'web01-pass' }, data: { root: 'eA==' } }]])

/** As the form begins, and as it ends. */
function edited(edit: (rows: CredentialRow[]) => CredentialRow[], base = machine): { before: MachineModel; model: MachineModel; patch: unknown; changes: unknown } {
  const read = readModel(base)
  const before = { ...read, credentials: withUsers(read.credentials, secrets) }
  const model = { ...before, credentials: edit(structuredClone(before.credentials)) }
  const patch = mergePatch(base, writeModel(model, { base, before, facts, isNew: false }))
  return { before, model, patch, changes: secretChanges(model, before, 'web01', 0, facts.publicKey) }
}
const row = (more: Partial<CredentialRow>): CredentialRow => ({ id: 'new', key: 'abcde', type: 'password', secret: '', user: '', password: '', users: '', keys: [], ...more })
const entries = (patch: unknown): unknown => at(patch, 'spec', 'template', 'spec', 'accessCredentials')
const note = (patch: unknown, key: string): unknown => at(patch, 'spec', 'template', 'metadata', 'annotations', key)

describe('access credentials', () => {
  it('are read with what the Secret and the annotations tell', () =>
    expect(withUsers(readCredentials(machine), secrets)).toEqual([
      row({ id: 'credential-0', key: '', secret: 'web01-pass', user: 'root' }),
      row({ id: 'credential-1', key: '', type: 'keys', secret: 'web01-keys', users: 'alice', keys: ['demo/alice'] }),
      row({ id: 'credential-2', key: '', type: 'other' }),
    ]))

  it('change nothing where nothing was changed', () => expect(edited((rows) => rows)).toMatchObject({ patch: undefined, changes: [] }))

  it('take a new password into the Secret and leave the machine alone', () =>
    expect(edited((rows) => rows.map((one) => ({ ...one, password: one.user === 'root' ? 'secret1' : '' })))).toMatchObject({
      patch: undefined,
      changes: [{ name: 'web01-pass', data: { root: encodeBase64('secret1') } }],
    }))

  it('give a password to another user', () =>
    expect(edited((rows) => rows.map((one) => (one.user === 'root' ? { ...one, user: 'ann', password: 'secret1' } : one))).changes).toEqual([{ name: 'web01-pass', data: { root: null, ann: encodeBase64('secret1') } }]))

  it('add entries with Secrets of their own, and what others wrote stays', () => {
    const { patch, changes } = edited((rows) => [...rows, row({ user: 'ben', password: 'secret2' }), row({ id: 'more', key: 'fghij', type: 'keys', users: 'ben, carl', keys: ['demo/alice', 'demo/gone'] })])
    expect(entries(patch)).toEqual([password('web01-pass'), keys('web01-keys', ['alice']), foreign, password('web01-abcde'), keys('web01-fghij', ['ben', 'carl'])])
    expect(changes).toEqual([
      { name: 'web01-abcde', data: { ben: encodeBase64('secret2') } },
      { name: 'web01-fghij', data: { 'demo-alice': encodeBase64('ssh-ed25519 AAAA alice') } },
    ])
    expect(note(patch, DYNAMIC_KEY_USERS)).toBe('["alice","ben","carl"]')
    expect(note(patch, DYNAMIC_KEY_NAMES)).toBe('{"web01-keys":["demo/alice"],"web01-fghij":["demo/alice","demo/gone"]}')
  })

  it('take the keys out that were taken back', () =>
    expect(edited((rows) => rows.map((one) => (one.type === 'keys' ? { ...one, keys: [] } : one))).changes).toEqual([{ name: 'web01-keys', data: { 'demo-alice': null } }]))

  it('go without a trace', () => {
    const { patch } = edited(() => [])
    expect(entries(patch)).toBeNull()
    expect([note(patch, DYNAMIC_KEY_USERS), note(patch, DYNAMIC_KEY_NAMES)]).toEqual([null, null])
  })

  it('of several new machines are Secrets of each', () => {
    const base = machineLike(complete, 'demo')
    const before = readModel(base)
    const model = { ...before, name: 'web', credentials: [row({ user: 'ben', password: 'secret2' })] }
    const names = ['web-01', 'web-02'].map((name, index) => {
      const written = writeModel(model, { base, before, facts, isNew: true, name, index })
      const [change] = secretChanges(model, before, name, index, facts.publicKey)
      expect(JSON.stringify(written.spec)).toContain(`"secretName":"${change?.name}"`)
      return change?.name
    })
    expect(names[0]).toBe('web-01-abcde')
    expect(names[1]).toMatch(/^web-02-[a-z0-9]{5}$/)
    expect(names[1]).not.toBe('web-02-abcde')
  })

  it('belong to the machine that reads them', () =>
    expect(credentialSecret({ name: 'web01-abcde', data: { ben: 'eA==', gone: null } }, { metadata: { name: 'web01', namespace: 'demo', uid: '1' } })).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'web01-abcde',
        namespace: 'demo',
        labels: { 'harvesterhci.io/cloud-init-template': 'harvester' },
        ownerReferences: [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name: 'web01', uid: '1' }],
      },
      type: 'Opaque',
      data: { ben: 'eA==' },
    }))

  it('keep what was typed when the manifest is edited as text', () => {
    const typed = [row({ user: 'ben', password: 'secret2' })]
    const read = readCredentials(machineWith(password('web01-abcde'), password('theirs')))
    expect(keepTyped(read, typed, 'web01')).toEqual([
      row({ id: 'credential-0', user: 'ben', password: 'secret2' }),
      row({ id: 'credential-1', key: '', secret: 'theirs' }),
    ])
  })

  it('do not go into copies of the machine, except with their Secrets', () => {
    expect(JSON.stringify(machineLike(machine, 'demo'))).not.toMatch(/dynamic-ssh|web01-keys/)
    const { machine: clone, secrets: renamed } = cloneOf(machine, { name: 'web02', key: 'vwxyz', runStrategy: 'Halted', claim: () => undefined })
    const secret = renamed.get('web01-keys')
    expect(JSON.stringify(clone.spec)).toContain(`"secretName":"${secret}"`)
    expect(clone.spec?.template?.metadata?.annotations?.[DYNAMIC_KEY_NAMES]).toBe(`{"${secret}":["demo/alice"]}`)
  })
})

describe('what access credentials lack', () => {
  const old = row({ secret: 'web01-pass', user: 'root' })
  it.each<[string, CredentialRow, CredentialRow | undefined, (keyof CredentialRow)[]]>([
    ['nothing', row({ user: 'ben', password: 'secret' }), undefined, []],
    ['everything', row({}), undefined, ['user', 'password']],
    ['length', row({ user: 'ben', password: 'short' }), undefined, ['password']],
    ['a name that a Secret can hold', row({ user: 'ben jo', password: 'secret' }), undefined, ['user']],
    ['nothing when it is kept', old, old, []],
    ['a password for another user', { ...old, user: 'ann' }, old, ['password']],
    ['nothing when its Secret cannot be read', { ...old, user: '' }, { ...old, user: '' }, []],
    ['a user for a password', { ...old, user: '', password: 'secret' }, { ...old, user: '' }, ['user']],
    ['users and keys', row({ type: 'keys' }), undefined, ['users', 'keys']],
    ['nothing of keys', row({ type: 'keys', users: 'a,b', keys: ['demo/alice'] }), undefined, []],
    ['nothing that we know of', row({ type: 'other' }), undefined, []],
  ])('%s', (_, one, before, fields) => expect(Object.keys(credentialProblems(one, [one], before))).toEqual(fields))
  it('a user who has no password yet', () => {
    const twin = row({ id: 'twin', user: 'ben', password: 'secret' })
    const one = row({ user: 'ben', password: 'secret' })
    expect(Object.keys(credentialProblems(one, [twin, one], undefined))).toEqual(['user'])
  })
})
