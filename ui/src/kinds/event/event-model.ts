/** Events and the objects they are about. Pure. */
import type { ServedKind } from '@/core/discovery'
import { resourceId } from '@/core/kubernetes'

export interface Reference {
  apiVersion?: string
  kind?: string
  namespace?: string
  name?: string
}

/** Which served kind a reference means; the group decides where a name is taken twice, and is often missing. */
export function servedKindOf({ apiVersion = '', kind }: Reference, kinds: Iterable<ServedKind>): ServedKind | undefined {
  const slash = apiVersion.indexOf('/')
  const group = slash < 0 ? '' : apiVersion.slice(0, slash)
  let found: ServedKind | undefined
  for (const served of kinds) {
    if (served.kind !== kind || served.resource.includes('/')) continue
    if (served.group === group && apiVersion !== '') return served
    found ??= served
  }
  return apiVersion === '' || found?.group === group ? found : undefined
}

/** The route parts of the object's page, or nothing when it has none. */
export function pageOf(reference: Reference, kinds: Iterable<ServedKind>): { resource: string; namespace: string; name: string } | undefined {
  const served = servedKindOf(reference, kinds)
  if (!served || !reference.name) return undefined
  return { resource: resourceId(served), namespace: served.namespaced ? reference.namespace || '-' : '-', name: reference.name }
}
