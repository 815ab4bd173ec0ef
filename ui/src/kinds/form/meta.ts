/** The part of a form that every kind has: name, namespace, description, labels, annotations. Pure. */
import type { KubeObject, ObjectMeta } from '@/core/kubernetes'
import { fromPairs, toPairs, type Pair } from '@/ui/pairs'

const DESCRIPTION = 'field.cattle.io/description'
/** Set by controllers and tools; a form neither shows nor loses them. */
const INTERNAL = /^(kubectl\.kubernetes\.io|field\.cattle\.io|pv\.kubernetes\.io|(.+\.)?harvesterhci\.io)\//

export interface MetaModel {
  name: string
  namespace: string
  description: string
  labels: Pair[]
  annotations: Pair[]
}

/** Whether the cluster has the object; a copy that is to become a new one has no identity yet. */
export const isStored = (object: KubeObject | undefined): boolean => object?.metadata.uid !== undefined

const isInternal = (key: string): boolean => INTERNAL.test(key)
const own = (record: Record<string, string> | undefined): Record<string, string> => Object.fromEntries(Object.entries(record ?? {}).filter(([key]) => !isInternal(key)))
const internal = (record: Record<string, string> | undefined): Record<string, string> => Object.fromEntries(Object.entries(record ?? {}).filter(([key]) => isInternal(key)))

export function metaModel(object: KubeObject | undefined, namespace: string): MetaModel {
  const metadata = object?.metadata
  return {
    name: metadata?.name ?? '',
    namespace: metadata?.namespace ?? namespace,
    description: metadata?.annotations?.[DESCRIPTION] ?? '',
    labels: toPairs(own(metadata?.labels)),
    annotations: toPairs(own(metadata?.annotations)),
  }
}

/** The metadata for a model, on top of the object that is edited. */
export function metaFor(model: MetaModel, before: KubeObject | undefined, isNamespaced: boolean): ObjectMeta {
  const annotations: Record<string, string> = { ...internal(before?.metadata.annotations), ...fromPairs(model.annotations) }
  if (model.description.trim() === '') delete annotations[DESCRIPTION]
  else annotations[DESCRIPTION] = model.description.trim()
  const labels = { ...internal(before?.metadata.labels), ...fromPairs(model.labels) }
  const metadata: ObjectMeta = { ...before?.metadata, name: model.name.trim() }
  if (isNamespaced) metadata.namespace = model.namespace.trim()
  // What is empty and was not there stays away.
  if (Object.keys(labels).length > 0 || before?.metadata.labels) metadata.labels = labels
  if (Object.keys(annotations).length > 0 || before?.metadata.annotations) metadata.annotations = annotations
  return metadata
}
