/** One vocabulary of states for everything: five tones, each with its icon, and a sentence behind the word. */
import { computed } from 'vue'

import { conditionsOf, textAt, type Condition, type KubeObject } from './kubernetes'
import { stateMessages as m } from './messages'

export type Tone = 'ok' | 'working' | 'attention' | 'problem' | 'off'

export interface State {
  tone: Tone
  /** One word. */
  label: string
  /** The sentence behind it. */
  reason?: string | undefined
}

export const state = (tone: Tone, label: string, reason?: string): State => ({ tone, label, reason })

/** Problems first: how states sort. */
const ORDER: Record<Tone, number> = { problem: 0, attention: 1, working: 2, ok: 3, off: 4 }
export const compareTones = (a: Tone, b: Tone): number => ORDER[a] - ORDER[b]

/** The words of all tones, for filters. */
export const toneLabels = computed<Record<Tone, string>>(() => ({
  ok: m.tones.ok,
  working: m.tones.working,
  attention: m.tones.attention,
  problem: m.tones.problem,
  off: m.tones.off,
}))

/** Conditions that are bad news when true. */
const BAD_WHEN_TRUE = /(Failed|Failure|Error|Pressure|Unavailable|Degraded|Stalled|Denied|Exceeded|Unschedulable)$/

/** Conditions without which a thing does not do its work; others may be false in the best of health. */
const VITAL = /^(Ready|Available|Connected|Established|Synchronized|Imported|Initialized|Provisioned)$/

/** Whether a condition is good, bad, or on its way. */
export function conditionTone({ type, status }: Condition): Tone {
  if (status === 'Unknown') return 'working'
  if (BAD_WHEN_TRUE.test(type)) return status === 'True' ? 'problem' : 'ok'
  if (status === 'True') return 'ok'
  return VITAL.test(type) ? 'problem' : 'off'
}

const WORDS: [pattern: RegExp, tone: Tone][] = [
  [/^(running|ready|active|bound|available|established|succeeded|completed|complete|healthy|deployed|enabled|attached|released)$/i, 'ok'],
  [/^(pending|creating|starting|stopping|terminating|importing|initializing|provisioning|updating|migrating|waiting.*|inprogress|in-progress|uploading|downloading|exporting|syncing|scheduling|progressing)$/i, 'working'],
  [/^(degraded|warning|notready|not-ready|unknown|unschedulable|attention)$/i, 'attention'],
  [/^(failed|error|errored|crashloopbackoff|imagepullbackoff|errimagepull|lost|unhealthy|unavailable|invalid|denied|evicted|faulted)$/i, 'problem'],
  [/^(stopped|paused|off|disabled|suspended|detached|inactive|halted)$/i, 'off'],
]

export function toneOfWord(word: string): Tone | undefined {
  return WORDS.find(([pattern]) => pattern.test(word))?.[1]
}

/** The state of an object whose kind has no rule of its own. */
export function genericState(object: KubeObject): State {
  if (object.metadata.deletionTimestamp) return state('working', m.removing, waitingFor(object))
  const conditions = conditionsOf(object)
  const main = ['Ready', 'Available', 'Established', 'Active'].map((type) => conditions.find((entry) => entry.type === type)).find(Boolean)
  if (main && main.status !== 'True') {
    return state(main.status === 'False' ? 'attention' : 'working', m.notReady, main.message ?? main.reason)
  }
  const word = textAt(object, 'status', 'phase') ?? textAt(object, 'status', 'state')
  if (word) return state(toneOfWord(word) ?? 'ok', word)
  const bad = conditions.find((condition) => conditionTone(condition) === 'problem')
  if (bad) return state('attention', m.attention, bad.message ?? bad.type)
  return state('ok', m.active)
}

/** What an object that is being deleted waits for. */
function waitingFor({ metadata }: KubeObject): string | undefined {
  return metadata.finalizers?.length ? m.waitsFor(metadata.finalizers.join(', ')) : undefined
}
