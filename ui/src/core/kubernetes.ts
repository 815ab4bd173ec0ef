/** The parts of Kubernetes' API that every page needs: object metadata, conditions, addresses. */

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
}

export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generateName?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  finalizers?: string[]
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
}

/** Any object; what is beyond metadata is the kind's own. Nothing else may be taken for granted: clusters differ. */
export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
}

/** An object of a kind that we know nothing of. */
export interface AnyObject extends KubeObject {
  [field: string]: unknown
}

export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
  lastUpdateTime?: string
}

/** Group, version and plural name: what an address is made of. */
export interface Gvr {
  group: string
  version: string
  resource: string
}

/** `virtualmachines.kubevirt.io`, as `kubectl` and CRDs name it; `nodes` in the core group. */
export function resourceId(gvr: { group: string; resource: string }): string {
  return gvr.group === '' ? gvr.resource : `${gvr.resource}.${gvr.group}`
}

/** The other way round. */
export function parseResourceId(id: string): { group: string; resource: string } {
  const dot = id.indexOf('.')
  return dot < 0 ? { group: '', resource: id } : { group: id.slice(dot + 1), resource: id.slice(0, dot) }
}

export interface Address {
  namespace?: string | undefined
  name?: string | undefined
  subresource?: string | undefined
}

/** The path of a collection, an object or a subresource, below a scope's base. */
export function resourcePath(gvr: Gvr, { namespace, name, subresource }: Address = {}): string {
  const parts = gvr.group === '' ? ['', 'api', gvr.version] : ['', 'apis', gvr.group, gvr.version]
  if (namespace) parts.push('namespaces', encodeURIComponent(namespace))
  parts.push(gvr.resource)
  if (name) parts.push(encodeURIComponent(name))
  if (subresource) parts.push(subresource)
  return parts.join('/')
}

export function apiVersion(gvr: { group: string; version: string }): string {
  return gvr.group === '' ? gvr.version : `${gvr.group}/${gvr.version}`
}

/** `namespace/name`, or the name alone: unique within a kind. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata
  return namespace ? `${namespace}/${name}` : name
}

export function conditionsOf(object: unknown): Condition[] {
  const conditions = (object as { status?: { conditions?: unknown } } | null)?.status?.conditions
  return Array.isArray(conditions) ? conditions.filter(isCondition) : []
}

function isCondition(value: unknown): value is Condition {
  if (typeof value !== 'object' || value === null) return false
  const { type, status, reason = '', message = '' } = value as Record<string, unknown>
  return [type, status, reason, message].every((part) => typeof part === 'string')
}

export function findCondition(object: unknown, type: string): Condition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type)
}

export function isTrue(object: unknown, type: string): boolean {
  return findCondition(object, type)?.status === 'True'
}

/** Reads along a path; whatever is missing on the way gives `undefined`. For objects whose shape nobody promises. */
export function at(object: unknown, ...path: (string | number)[]): unknown {
  let value: unknown = object
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string | number, unknown>)[step]
  }
  return value
}

export function textAt(object: unknown, ...path: (string | number)[]): string | undefined {
  const value = at(object, ...path)
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

export function listAt(object: unknown, ...path: (string | number)[]): unknown[] {
  const value = at(object, ...path)
  return Array.isArray(value) ? value : []
}
