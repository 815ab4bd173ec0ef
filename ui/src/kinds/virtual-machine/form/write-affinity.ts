/** The rules of scheduling into affinities. Pure. Rules that Harvester adds itself are left out; it adds them again. */
import { isSame } from '@/core/same'

import { VM_NAME_PREFIX } from '../types'
import type { Draft } from './draft'
import type { Expression, MachineModel, MachineRule, NodeRule } from './model'
import { numberOf } from './quantities'

const AFFINITY = ['spec', 'template', 'spec', 'affinity']
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'
const HOSTNAME = 'kubernetes.io/hostname'

export function writeAffinity(draft: Draft, model: MachineModel, before: MachineModel): void {
  const rules = model.placement === 'rules' ? model.nodeRules : []
  const rulesBefore = before.placement === 'rules' ? before.nodeRules : []
  if (!isSame(rules, rulesBefore)) writeNodeAffinity(draft, rules)
  if (!isSame(model.machineRules, before.machineRules)) {
    writeMachineAffinity(draft, 'podAffinity', model.machineRules.filter(({ isAnti }) => !isAnti))
    writeMachineAffinity(draft, 'podAntiAffinity', model.machineRules.filter(({ isAnti }) => isAnti))
  }
}

function writeNodeAffinity(draft: Draft, rules: NodeRule[]): void {
  const path = [...AFFINITY, 'nodeAffinity']
  const complete = rules.map((rule) => ({ ...rule, expressions: rule.expressions.filter(({ key }) => key.trim() !== '') })).filter(({ expressions }) => expressions.length > 0)
  const required = complete.filter(({ isRequired }) => isRequired).map(({ expressions }) => ({ matchExpressions: expressions.map(toTerm) }))
  const preferred = complete
    .filter(({ isRequired }) => !isRequired)
    .map(({ expressions, weight }) => ({ weight: weightOf(weight), preference: { matchExpressions: expressions.map(toTerm) } }))
  draft.set([...path, REQUIRED], required.length > 0 ? { nodeSelectorTerms: required } : undefined)
  draft.set([...path, PREFERRED], preferred.length > 0 ? preferred : undefined)
  draft.prune(path)
}

function writeMachineAffinity(draft: Draft, kind: 'podAffinity' | 'podAntiAffinity', rules: MachineRule[]): void {
  const path = [...AFFINITY, kind]
  const required = rules.filter(({ isRequired }) => isRequired).map(podTerm)
  const preferred = rules.filter(({ isRequired }) => !isRequired).map((rule) => ({ weight: weightOf(rule.weight), podAffinityTerm: podTerm(rule) }))
  draft.set([...path, REQUIRED], required.length > 0 ? required : undefined)
  draft.set([...path, PREFERRED], preferred.length > 0 ? preferred : undefined)
  draft.prune(path)
}

const podTerm = ({ expressions, topologyKey }: MachineRule): Record<string, unknown> => ({
  labelSelector: { matchExpressions: expressions.filter(({ key }) => key.trim() !== '').map(toTerm) },
  topologyKey: topologyKey.trim() || HOSTNAME,
})

function toTerm({ key, operator, values }: Expression): Record<string, unknown> {
  const list = values
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '')
  return operator === 'Exists' || operator === 'DoesNotExist' ? { key: key.trim(), operator } : { key: key.trim(), operator, values: list }
}

const weightOf = (text: string): number => Math.min(100, Math.max(1, Math.round(numberOf(text) ?? 1)))

/** Several machines of one kind stand on different hosts where that is possible. */
export function spreadRule(prefix: string): Record<string, unknown> {
  return {
    weight: 1,
    podAffinityTerm: {
      labelSelector: { matchExpressions: [{ key: VM_NAME_PREFIX, operator: 'In', values: [prefix] }] },
      topologyKey: HOSTNAME,
    },
  }
}
