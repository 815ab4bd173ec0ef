/** Lists that a page can do without: read only where the cluster serves them and the person may. */
import { accessOf } from '@/core/access'
import { discovered, findKind } from '@/core/discovery'
import { resourceId, type Gvr } from '@/core/kubernetes'
import type { Query } from '@/core/resources'
import type { Scope } from '@/core/scope'

export interface Part {
  namespace?: string | undefined
  labelSelector?: string
  fieldSelector?: string
}

/** The query of the list, or `null`. Reactive: an answer that comes later makes it a query. */
export function readable(scope: Scope, gvr: Gvr, part: Part = {}): Query | null {
  const served = findKind(discovered(scope), resourceId(gvr), gvr.version)
  if (!served) return null
  const isAllowed = accessOf(scope).may({ verb: 'list', group: gvr.group, resource: gvr.resource, namespace: part.namespace })
  return isAllowed ? { scope, gvr: { ...gvr, version: served.version }, ...part } : null
}
