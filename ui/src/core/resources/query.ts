/** What a collection holds: which kind, where, and which part of it. */
import { resourcePath, type Gvr } from '../kubernetes'
import type { Scope } from '../scope'

export interface Query {
  scope: Scope
  gvr: Gvr
  namespace?: string | undefined
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  /** One object: who may not list may still be allowed to get it. */
  name?: string | undefined
}

/** The same text for the same query: what collections are shared by. */
export function queryKey({ scope, gvr, namespace = '', labelSelector = '', fieldSelector = '' }: Query): string {
  return [scope.id, gvr.group, gvr.version, gvr.resource, namespace, labelSelector, fieldSelector].join('|')
}

export function queryPath({ scope, gvr, namespace }: Query): string {
  return scope.base + resourcePath(gvr, { namespace })
}

export function selectorsOf({ labelSelector, fieldSelector }: Query): Record<string, string | undefined> {
  return { labelSelector, fieldSelector }
}

/** The query of one object, watched like a list of one. */
export function oneOf(scope: Scope, gvr: Gvr, name: string, namespace?: string): Query {
  return { scope, gvr, namespace, name, fieldSelector: `metadata.name=${name}` }
}
