/** The steps of an import as a person follows them, from the management cluster's conditions. Pure. */
import type { Cluster } from '@/core/clusters'
import { findCondition, type Condition } from '@/core/kubernetes'

export type StepId = 'manifest' | 'agentStarted' | 'enrolled' | 'connected' | 'version' | 'api' | 'ready'
export type StepState = 'done' | 'now' | 'failed' | 'todo'
export type Remedy = 'badToken' | 'otherCluster' | 'otherKey' | 'tokenForOther' | 'protocol' | 'throttled' | 'image' | 'certificate' | 'network' | 'clock' | 'nothingCame'

export interface Step {
  id: StepId
  state: StepState
  /** The server's sentence: what was seen, or what is wrong. */
  message: string
  /** When the state was reached. */
  at: string | undefined
  remedy: Remedy | undefined
}

/** The conditions behind each step; the first one that is there counts. */
const STEPS: [id: StepId, conditions: string[]][] = [
  ['manifest', ['ManifestFetched']],
  ['agentStarted', ['AgentStarted', 'AgentDeployed']],
  ['enrolled', ['AgentEnrolled']],
  ['connected', ['Connected']],
  ['version', ['Updated']],
  ['api', ['Waiting']],
  ['ready', ['Ready']],
]

/** What to do about a reason; docs/reference/cluster-conditions.md lists them. */
const REMEDIES: Record<string, Remedy> = {
  ManifestTokenNotValid: 'badToken',
  TokenNotValid: 'badToken',
  TokenOfOtherCluster: 'tokenForOther',
  TokenUsedByOtherCluster: 'otherCluster',
  AlreadyImported: 'otherCluster',
  KeyNotEnrolled: 'otherKey',
  OtherAgentConnected: 'otherKey',
  ProtocolMismatch: 'protocol',
  AgentRefused: 'throttled',
  ImageNotFound: 'image',
  CertificateNotTrusted: 'certificate',
  CaChecksumMismatch: 'certificate',
  CertificateNameMismatch: 'certificate',
  CertificateNotValidNow: 'certificate',
  NameLookupFailed: 'network',
  ProxyFailed: 'network',
  ServerUnreachable: 'network',
  ClockSkew: 'clock',
  ManifestFetchedNoAgent: 'nothingCame',
}

/** Reasons that say only that it has not happened yet. */
const WAITING = new Set(['', 'NeverConnected', 'WaitingForCluster', 'WaitingForManifest', 'WaitingForAgent', 'Probing'])

export const remedyFor = (reason: string | undefined): Remedy | undefined => REMEDIES[reason ?? '']

export function importSteps(cluster: Cluster): Step[] {
  const conditions = STEPS.map(([, types]) => types.map((type) => findCondition(cluster, type)).find((found) => found !== undefined))
  // An agent that was refused has evidently been started: whatever happened proves the steps before it.
  const reached = conditions.findLastIndex((condition) => hasHappened(condition))
  let isOpen = true
  return STEPS.map(([id], index) => {
    const condition = conditions[index]
    const state = index < reached && !isFailure(condition) ? 'done' : stateOf(condition, isOpen)
    // What follows an open step cannot be what is going on now.
    if (state !== 'done') isOpen = false
    return {
      id,
      state,
      // While it only waits, the page says for what in the reader's own language.
      message: state === 'todo' || (state === 'now' && isWaiting(condition)) || (state === 'done' && condition?.status !== 'True') ? '' : (condition?.message ?? ''),
      at: state === 'failed' || (state === 'done' && condition?.status === 'True') ? (condition?.lastTransitionTime ?? condition?.lastUpdateTime) : undefined,
      remedy: state === 'done' || state === 'todo' ? undefined : remedyFor(condition?.reason),
    }
  })
}

const isWaiting = (condition: Condition | undefined): boolean => WAITING.has(condition?.reason ?? '')
const isFailure = (condition: Condition | undefined): boolean => condition?.status === 'False' && !isWaiting(condition)
const hasHappened = (condition: Condition | undefined): boolean => condition?.status === 'True' || isFailure(condition)

function stateOf(condition: Condition | undefined, isOpen: boolean): StepState {
  if (condition?.status === 'True') return 'done'
  if (isFailure(condition)) return isOpen ? 'failed' : 'todo'
  return isOpen ? 'now' : 'todo'
}

/** Both forms of the setting; which Harvester takes which is in reference to its versions 1.7.1 and 1.7.2. */
export function settingForms(manifestUrl: string): { plain: string; json: string } {
  return { plain: manifestUrl, json: JSON.stringify({ url: manifestUrl, insecureSkipTLSVerify: false }) }
}

/** What the removal of an unreachable cluster says it left there: the objects, and the commands that remove them. */
export function leftovers(message: string): { objects: string[]; commands: string[] } {
  const objects = /Left in the cluster[^:]*: (.*?)\. Remove/.exec(message)?.[1]?.split(', ') ?? []
  const commands = /with: (.*)$/.exec(message)?.[1]?.split('; ') ?? []
  return { objects, commands }
}
