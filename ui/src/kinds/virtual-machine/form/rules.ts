/** What can be said to be wrong without asking the cluster. Pure: texts come from the messages, rows keep their own. */
import { MAX_LABEL, nameProblem } from '@/core/forms/rules'

import { yamlProblem, userDataProblem } from './cloud-config'
import { formMessages as m } from './messages'
import { usersOf } from './credentials'
import { MAX_COUNT, type CredentialRow, type MachineModel, type NetworkRow, type VolumeRow } from './model'
import { numberOf } from './quantities'

/** By field of the row. */
export type RowProblems<R> = Partial<Record<keyof R, string>>

/** Largest machine that is not taken for a slip of the finger. */
const MAX_CORES = 512
const MAX_GIB = 16_384
/** The longest suffix that several machines get: `-10`. */
const SUFFIX_LENGTH = 3

export function nameOfMachineProblem({ name, count }: MachineModel): string | null {
  return nameProblem(count > 1 && name.endsWith('-') ? name.slice(0, -1) : name.trim(), count > 1 ? MAX_LABEL - SUFFIX_LENGTH : MAX_LABEL)
}

export function countProblem({ count }: MachineModel): string | null {
  return Number.isInteger(count) && count >= 1 && count <= MAX_COUNT ? null : m.problems.count(MAX_COUNT)
}

export function coresProblem(text: string): string | null {
  const cores = numberOf(text)
  if (text.trim() === '') return m.problems.required
  return cores !== undefined && Number.isInteger(cores) && cores >= 1 && cores <= MAX_CORES ? null : m.problems.cores(MAX_CORES)
}

export function gibProblem(text: string): string | null {
  const gib = numberOf(text)
  if (text.trim() === '') return m.problems.required
  return gib !== undefined && gib > 0 && gib <= MAX_GIB ? null : m.problems.size
}

export function maxProblem({ isHotPluggable, cores, maxCores, memory, maxMemory }: MachineModel, what: 'cores' | 'memory'): string | null {
  if (!isHotPluggable) return null
  if (what === 'cores') return coresProblem(maxCores) ?? ((numberOf(maxCores) ?? 0) < (numberOf(cores) ?? 0) ? m.problems.below : null)
  return gibProblem(maxMemory) ?? ((numberOf(maxMemory) ?? 0) < (numberOf(memory) ?? 0) ? m.problems.below : null)
}

/** What a row of volumes lacks. A volume that is there already can only grow. */
export function volumeProblems(row: VolumeRow, rows: readonly VolumeRow[], old: VolumeRow | undefined, isTemplate = false): RowProblems<VolumeRow> {
  const problems: RowProblems<VolumeRow> = {}
  const name = nameProblem(row.name)
  if (name) problems.name = name
  else if (rows.some((other) => other !== row && other.name === row.name)) problems.name = m.problems.sameName
  if (row.source === 'image' && row.image === '' && !isTemplate) problems.image = m.problems.chooseImage
  if (row.source === 'claim') {
    if (row.claim === '') problems.claim = m.problems.chooseVolume
    else if (rows.some((other) => other !== row && other.claim === row.claim)) problems.claim = m.problems.sameVolume
  }
  if (row.source === 'container' && row.container.trim() === '') problems.container = m.problems.required
  if (row.source === 'image' || row.source === 'blank') {
    const size = row.claim !== '' && row.size === '' ? null : gibProblem(row.size)
    if (size) problems.size = size
    else if (row.claim !== '' && old && (numberOf(row.size) ?? 0) < (numberOf(old.size) ?? 0)) problems.size = m.problems.shrink(old.size)
  }
  return problems
}

export function networkProblems(row: NetworkRow, rows: readonly NetworkRow[]): RowProblems<NetworkRow> {
  const problems: RowProblems<NetworkRow> = {}
  const name = nameProblem(row.name)
  if (name) problems.name = name
  else if (rows.some((other) => other !== row && other.name === row.name)) problems.name = m.problems.sameName
  const mac = row.mac.trim()
  if (mac !== '') {
    const problem = macProblem(mac)
    if (problem) problems.mac = problem
    else if (rows.some((other) => other !== row && other.network === row.network && other.mac.trim().toLowerCase() === mac.toLowerCase())) problems.mac = m.problems.sameMac
  }
  if (row.network === '' && rows.some((other) => other !== row && other.network === '')) problems.network = m.problems.oneManagement
  return problems
}

/** Shortest password that Harvester's own console takes. */
const MIN_PASSWORD = 6
/** Users' names are keys in a Secret. */
const USER_NAME = /^[-._a-zA-Z0-9]{1,253}$/

/** A password that is there already is kept when none is typed, as long as it stays that user's. */
export function credentialProblems(row: CredentialRow, rows: readonly CredentialRow[], old: CredentialRow | undefined): RowProblems<CredentialRow> {
  const problems: RowProblems<CredentialRow> = {}
  if (row.type === 'keys') {
    const users = usersOf(row)
    if (users.length === 0) problems.users = m.problems.required
    else if (!users.every((user) => USER_NAME.test(user))) problems.users = m.problems.userName
    if (row.keys.length === 0) problems.keys = m.problems.chooseKey
  }
  if (row.type !== 'password') return problems
  const user = row.user.trim()
  const isKept = row.secret !== '' && old?.user === user
  if (user === '' && !isKept) problems.user = m.problems.required
  else if (user !== '' && !USER_NAME.test(user)) problems.user = m.problems.userName
  else if (user !== '' && rows.some((other) => other !== row && other.type === 'password' && other.user.trim() === user)) problems.user = m.problems.sameUser
  if (row.password === '' ? !isKept : row.password.length < MIN_PASSWORD) problems.password = m.problems.password(MIN_PASSWORD)
  if (row.password !== '' && user === '') problems.user = m.problems.required
  return problems
}

/** A device is in one host, and a machine runs on one. */
export function devicesProblem(nodes: readonly string[]): string | null {
  const distinct = new Set(nodes)
  return distinct.size > 1 ? m.problems.devices([...distinct].toSorted()) : null
}

export function macProblem(mac: string): string | null {
  if (!/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(mac)) return m.problems.mac
  // The lowest bit of the first byte marks addresses of groups.
  return Number.parseInt(mac.slice(0, 2), 16) % 2 === 0 ? null : m.problems.groupMac
}

export function userDataText(text: string): string | null {
  const problem = userDataProblem(text)
  if (!problem) return null
  return problem.kind === 'header' ? m.problems.header : m.problems.yaml(problem.line, problem.message)
}

export function networkDataText(text: string): string | null {
  const problem = text.trim() === '' ? null : yamlProblem(text)
  return problem?.kind === 'yaml' ? m.problems.yaml(problem.line, problem.message) : null
}

/** `''`, or `256Mi`. */
export function reservedMemoryProblem({ reservedMemory, memory }: MachineModel): string | null {
  const text = reservedMemory.trim()
  if (text === '') return null
  const match = /^(\d+)(Mi|Gi)$/.exec(text)
  if (!match) return m.problems.reserved
  const gib = Number(match[1]) / (match[2] === 'Mi' ? 1024 : 1)
  return gib < (numberOf(memory) ?? Infinity) ? null : m.problems.reservedTooLarge
}

export function graceProblem({ terminationGrace }: MachineModel): string | null {
  const seconds = numberOf(terminationGrace)
  return terminationGrace.trim() === '' || (seconds !== undefined && Number.isInteger(seconds) && seconds >= 0) ? null : m.problems.seconds
}

export function hostnameProblem({ hostname }: MachineModel): string | null {
  return hostname.trim() === '' ? null : nameProblem(hostname.trim())
}

export const hasProblems = (problems: object): boolean => Object.keys(problems).length > 0
