/** The steps of an import as a person follows them, from the management cluster's conditions. Pure. */
import type { Cluster } from '@/core/clusters'
import { findCondition, type Condition } from '@/core/kubernetes'

export type StepId = 'manifest' | 'agentStarted' | 'enrolled' | 'connected' | 'version' | 'api' | 'ready'
export type StepState = 'done' | 'now' | 'failed' | 'todo'
export type Remedy = 'badToken' | 'unknownCluster' | 'otherCluster' | 'otherKey' | 'tokenForOther' | 'protocol' | 'throttled' | 'image' | 'certificate' | 'network' | 'clock' | 'nothingCame'

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

/** What to do about a reason. Reasons are compared without case and separators: `image_pull_failed`, `ImagePullFailed`. */
const REMEDIES: [pattern: RegExp, remedy: Remedy][] = [
  [/^(badtoken|tokenused|tokenunknown|tokenrevoked|revoked|wrongtoken)/, 'badToken'],
  [/^(unknowncluster|clusterdeleted)/, 'unknownCluster'],
  [/^(clustermismatch|alreadyimported)/, 'otherCluster'],
  [/^keymismatch/, 'otherKey'],
  [/^tokenforothercluster/, 'tokenForOther'],
  [/^unsupportedprotocol/, 'protocol'],
  [/^throttled/, 'throttled'],
  [/image|errimagepull/, 'image'],
  [/certificate|tls|x509|untrusted/, 'certificate'],
  [/^(dns|proxy|unreachable|network|connection|timeout|nameresolution|serverunreachable)/, 'network'],
  [/clock|skew/, 'clock'],
  [/^(nothingcame|noagent|agentmissing|fetchedonly|agentsilent)/, 'nothingCame'],
]

/** Reasons that say only that it has not happened yet. */
const WAITING = new Set(['', 'neverconnected', 'waiting', 'probing'])

const plain = (reason = ''): string => reason.toLowerCase().replaceAll(/[^a-z0-9]/g, '')

export function remedyFor(reason: string | undefined): Remedy | undefined {
  const word = plain(reason)
  return REMEDIES.find(([pattern]) => pattern.test(word))?.[1]
}

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
      message: state === 'todo' || (state === 'now' && !condition?.reason) || (state === 'done' && condition?.status !== 'True') ? '' : (condition?.message ?? ''),
      at: state === 'failed' || (state === 'done' && condition?.status === 'True') ? (condition?.lastTransitionTime ?? condition?.lastUpdateTime) : undefined,
      remedy: state === 'done' || state === 'todo' ? undefined : remedyFor(condition?.reason),
    }
  })
}

const isFailure = (condition: Condition | undefined): boolean => condition?.status === 'False' && !WAITING.has(plain(condition.reason))
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
