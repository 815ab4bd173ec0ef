/** Where objects are shown. */
import { resourceId, type Gvr, type KubeObject } from '@/core/kubernetes'
import type { Scope } from '@/core/scope'

/** Stands for the namespace in addresses of cluster-wide objects. */
const NO_NAMESPACE = '-'

export interface ObjectLink {
  name: string
  params: Record<string, string>
}

export function linkTo(scope: Scope, kind: Pick<Gvr, 'group' | 'resource'>, name: string, namespace?: string): ObjectLink {
  return { name: 'object', params: { cluster: scope.id, resource: resourceId(kind), namespace: namespace ?? NO_NAMESPACE, name } }
}

export const linkToObject = (scope: Scope, kind: Pick<Gvr, 'group' | 'resource'>, { metadata }: KubeObject): ObjectLink =>
  linkTo(scope, kind, metadata.name, metadata.namespace)

/** An address from a cluster, if a person may follow it: `javascript:` and the like are not. */
export function safeUrl(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined
  try {
    const { protocol, href } = new URL(text.trim())
    return protocol === 'https:' || protocol === 'http:' ? href : undefined
  } catch {
    return undefined
  }
}
