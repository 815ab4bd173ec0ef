/** Which kinds a scope serves. Asked once in the aggregated form, with the old form for servers that lack it. */
import { shallowReactive } from 'vue'

import { isApiError, request } from './http'
import { resourceId, type Gvr } from './kubernetes'
import { isRecord } from './same'
import type { Scope } from './scope'

export interface ServedKind extends Gvr {
  kind: string
  namespaced: boolean
  verbs: readonly string[]
  shortNames: readonly string[]
  categories: readonly string[]
  subresources: readonly string[]
}

export interface Discovery {
  /** By resource id, in the version the server prefers. */
  kinds: ReadonlyMap<string, ServedKind>
  /** Every version of a resource id. */
  versions: ReadonlyMap<string, readonly string[]>
}

/** A CRD may appear at any time; what we know is asked for again after this time. */
const FRESH_MS = 60_000
const AGGREGATED =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,' +
  'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json'

interface AggregatedGroup {
  metadata?: { name?: string }
  versions?: {
    version: string
    resources?: {
      resource: string
      scope: 'Namespaced' | 'Cluster'
      responseKind?: { kind?: string }
      verbs?: string[]
      shortNames?: string[]
      categories?: string[]
      subresources?: { subresource: string }[]
    }[]
  }[]
}

interface PlainGroup {
  name: string
  preferredVersion?: { version: string }
  versions: { version: string }[]
}

interface PlainResource {
  name: string
  kind: string
  namespaced: boolean
  verbs?: string[]
  shortNames?: string[]
  categories?: string[]
}

const known = shallowReactive(new Map<string, Discovery>())
const asked = new Map<string, { at: number; answer: Promise<Discovery> }>()

/** What is known so far; reactive, and asked for when it is not known or old. */
export function discovered(scope: Scope): Discovery | undefined {
  void discover(scope).catch(() => {})
  return known.get(scope.id)
}

/** What the scope serves. */
export function discover(scope: Scope): Promise<Discovery> {
  const before = asked.get(scope.id)
  if (before && Date.now() - before.at < FRESH_MS) return before.answer
  const answer = ask(scope).then((discovery) => {
    known.set(scope.id, discovery)
    return discovery
  })
  asked.set(scope.id, { at: Date.now(), answer })
  answer.catch(() => asked.delete(scope.id))
  return answer
}

/** The kind of an id such as `virtualmachines.kubevirt.io`, in the wanted version where that is served. */
export function findKind(discovery: Discovery | undefined, id: string, version?: string): ServedKind | undefined {
  const kind = discovery?.kinds.get(id)
  if (!kind || !version || kind.version === version) return kind
  return discovery?.versions.get(id)?.includes(version) ? { ...kind, version } : kind
}

async function ask(scope: Scope): Promise<Discovery> {
  const builder = new Builder()
  const [core, groups] = await Promise.all(
    ['/api', '/apis'].map((path) => request<{ items?: AggregatedGroup[]; groups?: PlainGroup[] }>(scope.base + path, { accept: AGGREGATED })),
  )
  if (groups?.items && core?.items) {
    for (const group of recordsIn([...core.items, ...groups.items])) builder.addGroup(group)
    return builder.finish()
  }
  const plain: PlainGroup[] = [{ name: '', versions: [{ version: 'v1' }] }, ...(groups?.groups ?? [])]
  await Promise.all(plain.map((group) => addPlain(scope, group, builder)))
  return builder.finish()
}

/** A group whose extension server is down must not take the others with it. */
async function addPlain(scope: Scope, group: PlainGroup, builder: Builder): Promise<void> {
  const versions = group.versions.map(({ version }) => version)
  const preferred = group.preferredVersion?.version
  const sorted = preferred ? [preferred, ...versions.filter((version) => version !== preferred)] : versions
  for (const version of sorted) {
    const path = group.name === '' ? `/api/${version}` : `/apis/${group.name}/${version}`
    try {
      const { resources } = await request<{ resources?: PlainResource[] }>(scope.base + path)
      for (const entry of recordsIn(resources)) {
        const [resource = '', subresource] = (textOf(entry.name) ?? '').split('/')
        if (resource === '') continue
        if (subresource) builder.addSubresource(group.name, version, resource, subresource)
        else {
          builder.add({
            group: group.name,
            version,
            resource,
            kind: textOf(entry.kind) ?? resource,
            namespaced: entry.namespaced,
            verbs: textsIn(entry.verbs),
            shortNames: textsIn(entry.shortNames),
            categories: textsIn(entry.categories),
            subresources: [],
          })
        }
      }
    } catch (error) {
      if (!isApiError(error)) throw error
    }
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const textsIn = (values: unknown): string[] => (Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [])
const recordsIn = <T>(values: readonly T[] | null | undefined): T[] => (Array.isArray(values) ? values.filter(isRecord) as T[] : [])

class Builder {
  private readonly kinds = new Map<string, ServedKind & { subresources: string[] }>()
  private readonly versions = new Map<string, string[]>()

  /** What is not in the form of a group, version or resource is left out: an extension server may answer anything. */
  addGroup(group: AggregatedGroup): void {
    const name = textOf(group.metadata?.name) ?? ''
    for (const { version, resources } of recordsIn(group.versions)) {
      if (typeof version !== 'string') continue
      for (const entry of recordsIn(resources)) {
        const resource = textOf(entry.resource)
        if (!resource) continue
        this.add({
          group: name,
          version,
          resource,
          kind: textOf(entry.responseKind?.kind) ?? resource,
          namespaced: entry.scope === 'Namespaced',
          verbs: textsIn(entry.verbs),
          shortNames: textsIn(entry.shortNames),
          categories: textsIn(entry.categories),
          subresources: textsIn(recordsIn(entry.subresources).map(({ subresource }) => subresource)),
        })
      }
    }
  }

  /** Versions come in the server's order of preference, so the first one stays. */
  add(kind: ServedKind & { subresources: string[] }): void {
    const id = resourceId(kind)
    const versions = this.versions.get(id)
    if (versions) versions.push(kind.version)
    else this.versions.set(id, [kind.version])
    if (!this.kinds.has(id)) this.kinds.set(id, kind)
  }

  addSubresource(group: string, version: string, resource: string, subresource: string): void {
    const kind = this.kinds.get(resourceId({ group, resource }))
    if (kind?.version === version) kind.subresources.push(subresource)
  }

  finish(): Discovery {
    return { kinds: this.kinds, versions: this.versions }
  }
}
