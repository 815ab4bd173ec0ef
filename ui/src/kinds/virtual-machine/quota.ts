/** How much the snapshots of one machine may take: an entry in the quota of its namespace. Pure. */
import type { KubeObject } from '@/core/kubernetes'

import { SNAPSHOT_QUOTA_NAME, type SnapshotQuota } from '../namespace/quota'
import { newObject } from '../new-object'
import { numberOf } from './form/quantities'

const GIB = 2 ** 30

export interface MachineQuota {
  /** Bytes; nothing where there is no limit. */
  limit: number | undefined
  used: number
}

export function quotaOf(quota: SnapshotQuota | undefined, machine: string): MachineQuota {
  const limit = Number(quota?.spec?.snapshotLimit?.vmTotalSnapshotSizeQuota?.[machine] ?? 0)
  const used = Number(quota?.status?.snapshotLimitStatus?.vmTotalSnapshotSizeUsage?.[machine] ?? 0)
  // Harvester takes zero as no limit.
  return { limit: limit > 0 ? limit : undefined, used: used > 0 ? used : 0 }
}

/** Machines of a namespace that have a limit of their own. */
export const limitedMachines = (quota: SnapshotQuota | undefined): string[] =>
  Object.keys(quota?.spec?.snapshotLimit?.vmTotalSnapshotSizeQuota ?? {})
    .filter((machine) => quotaOf(quota, machine).limit !== undefined)
    .toSorted()

/** `12.5` of GiB in bytes: `null` for no limit, `undefined` for what is no size. */
export function limitOf(text: string): number | null | undefined {
  if (text.trim() === '') return null
  const gib = numberOf(text)
  return gib !== undefined && gib > 0 ? Math.round(gib * GIB) : undefined
}

const limitSpec = (machine: string, limit: number | null): { snapshotLimit: object } => ({ snapshotLimit: { vmTotalSnapshotSizeQuota: { [machine]: limit } } })

export const quotaPatch = (machine: string, limit: number | null): object => ({ spec: limitSpec(machine, limit) })

/** For a namespace that has no quota yet. */
export const newQuota = (namespace: string, machine: string, limit: number): KubeObject =>
  newObject('harvesterhci.io/v1beta1', 'ResourceQuota', { name: SNAPSHOT_QUOTA_NAME, namespace }, { spec: limitSpec(machine, limit) })
