/**
 * What a cluster answered, brought into the form that Kubernetes promises; what has another form is left out.
 *
 * Clusters are other people's: one may be broken or mean harm. Everything behind this point may rely on the types of
 * `kubernetes.ts`, and on `spec` and `status` being objects. What is inside those only the kind knows (`kinds/guard.ts`).
 */
import type { KubeObject } from './kubernetes'
import { isRecord } from './same'

const TEXTS = ['name', 'namespace', 'uid', 'resourceVersion', 'generateName', 'creationTimestamp', 'deletionTimestamp']
const MAPS = ['labels', 'annotations']
const OWNER_TEXTS = ['apiVersion', 'kind', 'name', 'uid']
const PARTS = ['spec', 'status']

type Fields = Record<string, unknown>

/** The object itself, mended in place; `null` where there is no metadata to go by. (A bookmark has no name.) */
export function soundObject<T extends KubeObject>(value: unknown): T | null {
  if (!isRecord(value) || !isRecord(value['metadata'])) return null
  for (const part of PARTS) if (part in value && !isRecord(value[part])) delete value[part]
  const metadata = value['metadata']
  for (const field of TEXTS) keepIf(metadata, field, isText)
  metadata['name'] ??= ''
  for (const field of MAPS) {
    keepIf(metadata, field, isRecord)
    for (const key of Object.keys((metadata[field] as Fields | undefined) ?? {})) keepIf(metadata[field] as Fields, key, isText)
  }
  keepItems(metadata, 'finalizers', isText)
  keepItems(metadata, 'ownerReferences', (owner) => isRecord(owner) && OWNER_TEXTS.every((field) => isText(owner[field])))
  return value as unknown as T
}

const isText = (value: unknown): value is string => typeof value === 'string'

function keepIf(record: Fields, field: string, isRight: (value: unknown) => boolean): void {
  if (field in record && !isRight(record[field])) delete record[field]
}

function keepItems(record: Fields, field: string, isRight: (item: unknown) => boolean): void {
  const items = record[field]
  if (!Array.isArray(items)) delete record[field]
  else if (!items.every(isRight)) record[field] = items.filter(isRight)
}
