/** What a form is about to make, in numbers. Pure. */
import { at } from '@/core/kubernetes'
import type { KubeObject } from '@/core/kubernetes'
import { parseQuantity } from '@/core/quantity'

import { namesOf, type MachineModel } from './model'
import { numberOf } from './quantities'

const GIB = 2 ** 30

export interface Totals {
  names: string[]
  cores: number
  memory: number
  /** Bytes of volumes that are made. */
  storage: number
}

export function totalsOf(model: MachineModel): Totals {
  const names = namesOf({ ...model, name: model.name.trim() })
  const count = names.length
  const fresh = model.volumes.filter(({ source, claim }) => claim === '' && (source === 'image' || source === 'blank'))
  const gib = fresh.reduce((sum, { size }) => sum + (numberOf(size) ?? 0), 0)
  return {
    names,
    cores: count * (numberOf(model.isHotPluggable ? model.maxCores : model.cores) ?? 0),
    memory: count * (numberOf(model.isHotPluggable ? model.maxMemory : model.memory) ?? 0) * GIB,
    storage: count * gib * GIB,
  }
}

export interface QuotaLine {
  what: 'cpu' | 'memory' | 'storage'
  used: number
  more: number
  limit: number
  isOver: boolean
}

const RESOURCES = [
  ['cpu', 'limits.cpu'],
  ['memory', 'limits.memory'],
  ['storage', 'requests.storage'],
] as const

/** What the machines cost in the quotas of their namespace, the tightest first. */
export function quotaLines(quotas: readonly KubeObject[], { cores, memory, storage }: Totals): QuotaLine[] {
  const more = { cpu: cores, memory, storage }
  const lines = quotas.flatMap((quota) =>
    RESOURCES.flatMap(([what, resource]) => {
      const limit = parseQuantity(at(quota, 'status', 'hard', resource) ?? at(quota, 'spec', 'hard', resource))
      if (limit === undefined) return []
      const used = parseQuantity(at(quota, 'status', 'used', resource)) ?? 0
      return [{ what, used, more: more[what], limit, isOver: used + more[what] > limit }]
    }),
  )
  return lines.toSorted((a, b) => (b.used + b.more) / b.limit - (a.used + a.more) / a.limit)
}
