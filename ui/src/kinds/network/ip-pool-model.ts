/** Pools of addresses that load balancers take theirs from. Pure. */
import type { Condition, KubeObject } from '@/core/kubernetes'

import { contains, parseAddress, parseBlock } from './addresses'

export interface Range {
  rangeStart?: string
  rangeEnd?: string
  subnet?: string
  gateway?: string
}

export interface PoolScope {
  project?: string
  namespace?: string
  guestCluster?: string
}

export interface IpPool extends KubeObject {
  spec?: {
    description?: string
    ranges?: Range[] | null
    selector?: { priority?: number; network?: string; scope?: PoolScope[] | null } | null
  }
  status?: {
    total?: number
    available?: number
    lastAllocated?: string
    allocated?: Record<string, string> | null
    conditions?: Condition[] | null
  }
}

/** Stands for every project, namespace or guest cluster. */
export const ANY = '*'

export const rangesOf = (pool: IpPool): Range[] => (Array.isArray(pool.spec?.ranges) ? pool.spec.ranges.filter((range) => typeof range === 'object' && range !== null) : [])

export const subnetsOf = (pool: IpPool): string =>
  rangesOf(pool)
    .map(({ subnet }) => subnet)
    .filter(Boolean)
    .join(', ')

/** How many addresses the ranges hold, for pools whose controller has not counted yet. */
export function sizeOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, range) => sum + rangeSize(range), 0)
}

function rangeSize({ rangeStart = '', rangeEnd = '', subnet = '' }: Range): number {
  const block = parseBlock(subnet)
  if (!block) return 0
  // Without bounds: the block but for the address of the network and of broadcasts.
  const first = rangeStart ? parseAddress(rangeStart) : block.first + 1
  const last = rangeEnd ? parseAddress(rangeEnd) : block.last - 1
  return first === undefined || last === undefined ? 0 : Math.max(0, last - first + 1)
}

export type RangeField = 'subnet' | 'gateway' | 'rangeStart' | 'rangeEnd'
export type RangeProblem = { field: RangeField; kind: 'block' | 'address' | 'outside' | 'order' }

/** What is wrong with a range, field by field. */
export function rangeProblems({ subnet = '', gateway = '', rangeStart = '', rangeEnd = '' }: Range): RangeProblem[] {
  const block = parseBlock(subnet)
  const problems: RangeProblem[] = block ? [] : [{ field: 'subnet', kind: 'block' }]
  for (const [field, text] of Object.entries({ gateway, rangeStart, rangeEnd }) as [RangeField, string][]) {
    if (text === '') continue
    const address = parseAddress(text)
    if (address === undefined) problems.push({ field, kind: 'address' })
    else if (block && !contains(block, address)) problems.push({ field, kind: 'outside' })
  }
  const [first, last] = [parseAddress(rangeStart), parseAddress(rangeEnd)]
  if (first !== undefined && last !== undefined && first > last) problems.push({ field: 'rangeEnd', kind: 'order' })
  return problems
}

export interface IpPoolModel {
  name: string
  description: string
  ranges: Required<Range>[]
  network: string
  priority: string
  scope: Required<PoolScope>[]
}

const emptyRange = (): Required<Range> => ({ subnet: '', gateway: '', rangeStart: '', rangeEnd: '' })

export function ipPoolModel(pool: IpPool | undefined): IpPoolModel {
  const selector = pool?.spec?.selector
  const ranges = (pool ? rangesOf(pool) : []).map((range) => ({ ...emptyRange(), ...range }))
  return {
    name: pool?.metadata.name ?? '',
    description: pool?.spec?.description ?? '',
    ranges: ranges.length > 0 ? ranges : [emptyRange()],
    network: selector?.network ?? '',
    priority: String(selector?.priority ?? 0),
    scope: (selector?.scope ?? []).map(({ project = '', namespace = '', guestCluster = '' }) => ({ project, namespace, guestCluster })),
  }
}

export function ipPoolFor(model: IpPoolModel, before?: IpPool): IpPool {
  const ranges = model.ranges.map((range) => Object.fromEntries(Object.entries(range).filter(([, text]) => text.trim() !== '')))
  return {
    ...before,
    metadata: { ...before?.metadata, name: model.name },
    spec: {
      ...before?.spec,
      description: model.description,
      ranges,
      selector: { ...before?.spec?.selector, network: model.network, priority: Number(model.priority), scope: model.scope.map((each) => ({ ...each })) },
    },
  }
}
