/** Creating, changing and deleting objects. A dry run asks the server what it would say. */
import { request } from '../http'
import { resourcePath, type Address, type Gvr, type KubeObject } from '../kubernetes'
import type { Scope } from '../scope'
import { acceptWritten } from './store'

export interface WriteOptions {
  dryRun?: boolean
  signal?: AbortSignal
}

/** What the server calls us in `managedFields`. */
const FIELD_MANAGER = 'grange-console'

function parameters({ dryRun }: WriteOptions): Record<string, string | undefined> {
  return { dryRun: dryRun ? 'All' : undefined, fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' }
}

const where = (object: KubeObject): Address => ({ namespace: object.metadata.namespace })

function accepted<T extends KubeObject>(scope: Scope, gvr: Gvr, object: T, { dryRun }: WriteOptions): T {
  if (!dryRun && object?.metadata) acceptWritten(scope.id, gvr.group, gvr.resource, structuredClone(object))
  return object
}

/** The object as it is now, complete; the watch's copies lack `managedFields`. */
export function read<T extends KubeObject>(scope: Scope, gvr: Gvr, address: Address, signal?: AbortSignal): Promise<T> {
  return request<T>(scope.base + resourcePath(gvr, address), signal ? { signal } : {})
}

export async function create<T extends KubeObject>(scope: Scope, gvr: Gvr, object: T, options: WriteOptions = {}): Promise<T> {
  const answer = await request<T>(scope.base + resourcePath(gvr, where(object)), {
    method: 'POST',
    body: object,
    query: parameters(options),
    ...(options.signal && { signal: options.signal }),
  })
  return accepted(scope, gvr, answer, options)
}

/** Refused with 409 when the object has changed since it was read. */
export async function replace<T extends KubeObject>(scope: Scope, gvr: Gvr, object: T, options: WriteOptions = {}): Promise<T> {
  const path = scope.base + resourcePath(gvr, { ...where(object), name: object.metadata.name })
  const answer = await request<T>(path, {
    method: 'PUT',
    body: object,
    query: parameters(options),
    ...(options.signal && { signal: options.signal }),
  })
  return accepted(scope, gvr, answer, options)
}

/** A JSON merge patch: what is not mentioned stays. */
export async function patch<T extends KubeObject>(
  scope: Scope,
  gvr: Gvr,
  address: Address,
  change: unknown,
  options: WriteOptions = {},
): Promise<T> {
  const answer = await request<T>(scope.base + resourcePath(gvr, address), {
    method: 'PATCH',
    body: change,
    contentType: 'application/merge-patch+json',
    query: { ...parameters(options), fieldValidation: undefined },
  })
  return accepted(scope, gvr, answer, options)
}

/** Deletes this very object: a namesake made meanwhile is safe. */
export function remove(scope: Scope, gvr: Gvr, object: KubeObject, propagation: 'Background' | 'Foreground' | 'Orphan' = 'Background'): Promise<unknown> {
  const { name, namespace, uid } = object.metadata
  return request(scope.base + resourcePath(gvr, { namespace, name }), {
    method: 'DELETE',
    body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: propagation, ...(uid && { preconditions: { uid } }) },
  })
}

/** Sends to a subresource: `PUT …/virtualmachines/x/start`. */
export function act(
  scope: Scope,
  gvr: Gvr,
  address: Required<Pick<Address, 'subresource' | 'name'>> & Address,
  body: unknown = {},
  method: 'PUT' | 'POST' = 'PUT',
): Promise<unknown> {
  return request(scope.base + resourcePath(gvr, address), { method, body })
}
