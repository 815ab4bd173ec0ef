/** Which Kubernetes API is meant: the server's own (management) or that of an imported cluster. */
import { computed, inject, provide, toValue, type ComputedRef, type InjectionKey, type MaybeRefOrGetter } from 'vue'

export interface Scope {
  /** `local`, or the cluster's id. */
  readonly id: string
  /** What its paths begin with. */
  readonly base: string
}

export const management: Scope = { id: 'local', base: '' }

const clusters = new Map<string, Scope>()

/** The scope of a cluster; the same object for the same id, so that it can be a key. */
export function scopeOf(id: string): Scope {
  if (id === management.id) return management
  let scope = clusters.get(id)
  if (!scope) {
    scope = { id, base: `/k8s/clusters/${encodeURIComponent(id)}` }
    clusters.set(id, scope)
  }
  return scope
}

const key: InjectionKey<ComputedRef<Scope>> = Symbol('scope')

export function provideScope(scope: MaybeRefOrGetter<Scope>): void {
  provide(
    key,
    computed(() => toValue(scope)),
  )
}

/** The scope of the page; management outside a cluster. */
export function useScope(): ComputedRef<Scope> {
  return inject(key, () => computed(() => management), true)
}
