/** Quotas of a namespace: Rancher's annotation, the ResourceQuota made from it, and Harvester's limit for snapshots. Pure. */
import { formatNumber } from '@/core/i18n'
import type { KubeObject } from '@/core/kubernetes'
import { formatBytes, parseQuantity } from '@/core/quantity'
import { isRecord } from '@/core/same'

import { parseRecord } from '../shared/json'

export const QUOTA = 'field.cattle.io/resourceQuota'
export const SNAPSHOT_QUOTA_NAME = 'default-resource-quota'

/** Rancher's name of a limit, Kubernetes' name of it, and how it is counted. */
export const LIMITS = [
  { id: 'limitsCpu', hard: 'limits.cpu', unit: 'cores' },
  { id: 'limitsMemory', hard: 'limits.memory', unit: 'bytes' },
  { id: 'requestsCpu', hard: 'requests.cpu', unit: 'cores' },
  { id: 'requestsMemory', hard: 'requests.memory', unit: 'bytes' },
  { id: 'requestsStorage', hard: 'requests.storage', unit: 'bytes' },
  { id: 'persistentVolumeClaims', hard: 'persistentvolumeclaims', unit: 'count' },
  { id: 'pods', hard: 'pods', unit: 'count' },
] as const
export type LimitId = (typeof LIMITS)[number]['id']
export type Unit = (typeof LIMITS)[number]['unit']

export interface SnapshotQuota extends KubeObject {
  spec?: { snapshotLimit?: { namespaceTotalSnapshotSizeQuota?: number; vmTotalSnapshotSizeQuota?: Record<string, number> | null } | null }
  status?: { snapshotLimitStatus?: { namespaceTotalSnapshotSizeUsage?: number; vmTotalSnapshotSizeUsage?: Record<string, number> | null } | null }
}

export interface ResourceQuota extends KubeObject {
  spec?: { hard?: Record<string, string> | null }
  status?: { hard?: Record<string, string> | null; used?: Record<string, string> | null }
}

/** What the annotation limits. */
export function limitsOf(namespace: KubeObject): Record<string, string> {
  const { limit } = parseRecord(namespace.metadata.annotations?.[QUOTA])
  if (!isRecord(limit)) return {}
  return Object.fromEntries(Object.entries(limit).filter((entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== ''))
}

/** The annotation for new limits; what we have no field for stays. `undefined` takes it away. */
export function quotaFor(limits: Partial<Record<LimitId, string>>, namespace: KubeObject | undefined): string | undefined {
  const before = parseRecord(namespace?.metadata.annotations?.[QUOTA])
  const limit: Record<string, unknown> = isRecord(before['limit']) ? { ...before['limit'] } : {}
  for (const { id } of LIMITS) {
    const text = limits[id]?.trim() ?? ''
    if (text === '') delete limit[id]
    else limit[id] = text
  }
  const rest = { ...before, limit }
  return Object.keys(limit).length === 0 && Object.keys(rest).length === 1 ? undefined : JSON.stringify(rest)
}

export interface QuotaRow {
  key: string
  used: number
  hard: number
  unit: Unit
}

/** What is used of every limit that holds in a namespace, from all its ResourceQuotas; the tightest one counts. */
export function usageOf(quotas: readonly ResourceQuota[]): QuotaRow[] {
  const rows = new Map<string, QuotaRow>()
  for (const { spec, status } of quotas) {
    for (const [key, text] of Object.entries(status?.hard ?? spec?.hard ?? {})) {
      const hard = parseQuantity(text)
      if (hard === undefined) continue
      const unit = LIMITS.find((limit) => limit.hard === key)?.unit ?? 'count'
      const known = rows.get(key)
      if (!known || hard < known.hard) rows.set(key, { key, hard, used: parseQuantity(status?.used?.[key]) ?? 0, unit })
    }
  }
  return [...rows.values()].sort((a, b) => a.key.localeCompare(b.key))
}

export const formatAmount = (unit: Unit): ((value: number) => string) => (unit === 'bytes' ? formatBytes : formatNumber)

/** Whether a text is an amount, or nothing. */
export const isAmount = (text: string): boolean => text.trim() === '' || (parseQuantity(text) ?? -1) >= 0

/** Harvester counts snapshots in bytes; people write `10Gi`. */
export function snapshotQuotaText(quota: SnapshotQuota | undefined): string {
  const bytes = Number(quota?.spec?.snapshotLimit?.namespaceTotalSnapshotSizeQuota ?? 0)
  if (!(bytes > 0)) return ''
  const gibibytes = bytes / 2 ** 30
  return Number.isInteger(gibibytes) ? `${gibibytes}Gi` : String(bytes)
}
