/**
 * Who the guest agent lets in: passwords and keys, each entry of `accessCredentials` with a Secret of its own. Pure.
 *
 * A password's Secret has one entry, the user's name; a keys' Secret one for each key pair, `<namespace>-<name>`. Which
 * pairs those are Harvester keeps in annotations of the template, because the entries alone do not tell.
 */
import { at, listAt, textAt, type KubeObject } from '@/core/kubernetes'
import { isRecord, isSame } from '@/core/same'

import { CLOUD_INIT_LABEL, KUBEVIRT, parseJson, specOf, type VirtualMachine } from '../types'
import { encodeBase64 } from './base64'
import type { SecretObject } from './cloud-init-volume'
import type { Draft } from './draft'
import { keyFor, newKey, type CredentialRow, type MachineModel } from './model'

export const DYNAMIC_KEY_USERS = 'harvesterhci.io/dynamic-ssh-key-users'
export const DYNAMIC_KEY_NAMES = 'harvesterhci.io/dynamic-ssh-key-names'

const CREDENTIALS = ['spec', 'template', 'spec', 'accessCredentials']
const ANNOTATIONS = ['spec', 'template', 'metadata', 'annotations']
const AGENT = ['propagationMethod', 'qemuGuestAgent']

export function readCredentials(machine: VirtualMachine): CredentialRow[] {
  const pairs = parseJson(textAt(machine, ...ANNOTATIONS, DYNAMIC_KEY_NAMES))
  return listAt(specOf(machine), 'accessCredentials').map((entry, index) => {
    const type = isRecord(at(entry, 'userPassword', ...AGENT)) ? 'password' : isRecord(at(entry, 'sshPublicKey', ...AGENT)) ? 'keys' : 'other'
    const source = at(entry, type === 'keys' ? 'sshPublicKey' : 'userPassword')
    const secret = textAt(source, 'source', 'secret', 'secretName') ?? ''
    return {
      id: `credential-${index}`,
      key: '',
      type: secret === '' ? 'other' : type,
      secret,
      user: '',
      password: '',
      users: type === 'keys' ? listAt(source, ...AGENT, 'users').join(', ') : '',
      keys: listAt(pairs, secret).filter((id): id is string => typeof id === 'string'),
    }
  })
}

/** The Secrets that tell more of these rows. */
export const credentialSecrets = (rows: readonly CredentialRow[]): string[] => rows.filter(({ type }) => type === 'password').map(({ secret }) => secret)

/** The rows with the names of their users, which only the Secrets know. Those that cannot be read stay without. */
export function withUsers(rows: readonly CredentialRow[], secrets: ReadonlyMap<string, SecretObject>): CredentialRow[] {
  return rows.map((row) => (row.type === 'password' ? { ...row, user: Object.keys(secrets.get(row.secret)?.data ?? {})[0] ?? '' } : row))
}

export const newCredential = (type: 'password' | 'keys'): CredentialRow => {
  const key = newKey()
  return { id: key, key, type, secret: '', user: '', password: '', users: '', keys: [] }
}

export const usersOf = ({ users }: Pick<CredentialRow, 'users'>): string[] => [...new Set(users.split(',').map((user) => user.trim()))].filter((user) => user !== '')

/** A row's Secret: the one there is, or what the new one of a machine will be called. */
export const secretOf = ({ secret, key }: CredentialRow, machine: string, index: number): string => secret || `${machine}-${keyFor(key, index)}`

const isOfKeys = ({ type }: CredentialRow): boolean => type === 'keys'

interface Options {
  isNew: boolean
  name: string
  index: number
}

export function writeCredentials(draft: Draft, model: MachineModel, before: MachineModel, { isNew, name, index }: Options): void {
  const rows = model.credentials
  if (isSame(rows, before.credentials) && !(isNew && rows.length > 0)) return
  const olds = listAt(draft.root, ...CREDENTIALS)
  const present = (row: CredentialRow): unknown => olds[before.credentials.findIndex(({ id }) => id === row.id)]
  const entries = rows.map((row) => entryOf(row, present(row), secretOf(row, name, index)))
  if (!isSame(entries, olds)) draft.set(CREDENTIALS, entries.length > 0 ? entries : undefined)

  // What others wrote about their entries stays as long as nobody changes the keys here.
  const written = rows.filter(isOfKeys)
  if (isSame(written, before.credentials.filter(isOfKeys)) && !(isNew && written.length > 0)) return
  const users = [...new Set(written.flatMap(usersOf))]
  const pairs = Object.fromEntries(written.map((row) => [secretOf(row, name, index), row.keys]))
  draft.set([...ANNOTATIONS, DYNAMIC_KEY_USERS], written.length > 0 ? JSON.stringify(users) : undefined)
  draft.set([...ANNOTATIONS, DYNAMIC_KEY_NAMES], written.length > 0 ? JSON.stringify(pairs) : undefined)
}

function entryOf(row: CredentialRow, present: unknown, secretName: string): unknown {
  const field = row.type === 'password' ? 'userPassword' : 'sshPublicKey'
  if (row.type === 'other') return present
  const qemuGuestAgent = row.type === 'password' ? {} : { users: usersOf(row) }
  const old = at(present, field)
  if (textAt(old, 'source', 'secret', 'secretName') === secretName && isSame(at(old, ...AGENT), qemuGuestAgent)) return present
  return { [field]: { source: { secret: { secretName } }, propagationMethod: { qemuGuestAgent } } }
}

// ---- Secrets ---------------------------------------------------------------------------------------------------------

/** What a Secret is to hold; `null` takes an entry away. */
export interface SecretChange {
  name: string
  data: Record<string, string | null>
}

export type PublicKey = (id: string) => string | undefined

const entryName = (id: string): string => id.replace('/', '-')

/** What the Secrets of a machine lack, compared with how the form began. */
export function secretChanges(model: MachineModel, before: MachineModel, machine: string, index: number, publicKey: PublicKey): SecretChange[] {
  const olds = new Map(before.credentials.map((row) => [row.id, row]))
  return model.credentials.flatMap((row) => {
    const old = row.secret === '' ? undefined : olds.get(row.id)
    const data = row.type === 'password' ? passwordData(row, old) : row.type === 'keys' ? keysData(row, old, publicKey) : {}
    return Object.keys(data).length > 0 ? [{ name: secretOf(row, machine, index), data }] : []
  })
}

function passwordData(row: CredentialRow, old: CredentialRow | undefined): SecretChange['data'] {
  if (row.password === '') return {}
  return { ...(old && old.user !== '' && old.user !== row.user.trim() && { [old.user]: null }), [row.user.trim()]: encodeBase64(row.password) }
}

function keysData(row: CredentialRow, old: CredentialRow | undefined, publicKey: PublicKey): SecretChange['data'] {
  if (old && isSame(row.keys, old.keys)) return {}
  const gone = (old?.keys ?? []).filter((id) => !row.keys.includes(id)).map((id): [string, null] => [entryName(id), null])
  const present = row.keys.flatMap((id): [string, string][] => {
    const key = publicKey(id)
    return key ? [[entryName(id), encodeBase64(key)]] : []
  })
  return Object.fromEntries([...gone, ...present])
}

/** A new Secret, which goes when its machine goes. */
export function credentialSecret({ name, data }: SecretChange, machine: KubeObject): SecretObject {
  const { name: owner, namespace, uid } = machine.metadata
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      ...(namespace && { namespace }),
      labels: { [CLOUD_INIT_LABEL]: 'harvester' },
      ...(uid && { ownerReferences: [{ apiVersion: `${KUBEVIRT}/v1`, kind: 'VirtualMachine', name: owner, uid }] }),
    },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => entry[1] !== null)),
  }
}

/**
 * The rows of a manifest that was edited as text: those that the text still has keep what was typed for them, which no
 * manifest holds.
 */
export function keepTyped(read: readonly CredentialRow[], typed: readonly CredentialRow[], machine: string): CredentialRow[] {
  const byName = new Map(typed.map((row) => [secretOf(row, machine, 0), row]))
  return read.map((row) => {
    const { key = '', secret = row.secret, user = '', password = '' } = byName.get(row.secret) ?? {}
    return { ...row, key, secret, user, password }
  })
}
