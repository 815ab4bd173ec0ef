/** Which kinds have a file, which exist beyond those, and what the access table of them all is. */
import { shallowReactive } from 'vue'

import { accessOf, type Need } from '../access'
import { discovered, findKind, type ServedKind } from '../discovery'
import { resourceId } from '../kubernetes'
import type { Scope } from '../scope'
import { guarded } from './guard'
import type { Action, Kind, NavGroup } from './types'

/** Reactive: the menu may be drawn before the kinds' files have come. */
const registered = shallowReactive(new Map<string, Kind>())

/** What stands before the name of a view in the id of a kind. */
const VIEW = '~'

/** What a kind is called in addresses: the resource's id, and the view where it is one. */
export const kindId = (kind: Pick<Kind, 'group' | 'resource' | 'view'>): string => resourceId(kind) + (kind.view ? VIEW + kind.view : '')

/** Puts kinds into the registry. */
export function register(kinds: readonly Kind[]): void {
  for (const kind of kinds) registered.set(kindId(kind), guarded(kind))
}

export const registeredKinds = (): Kind[] => [...registered.values()]

/** Kinds that are served, but are no objects to look at: reviews, bindings of Pods and the like lack these verbs. */
const isListable = (kind: ServedKind): boolean => kind.verbs.includes('list') && kind.verbs.includes('get')

/** The kind of an id in a scope: from its file, in a version the scope serves, or made from discovery. */
export function kindOf(scope: Scope, id: string): Kind | undefined {
  const own = registered.get(id)
  const served = findKind(discovered(scope), own ? resourceId(own) : id, own?.version)
  if (own) return served && served.version !== own.version ? { ...own, version: served.version } : own
  return served ? fromDiscovery(served) : undefined
}

const made = new Map<string, Kind>()

function fromDiscovery(served: ServedKind): Kind {
  const key = `${resourceId(served)}/${served.version}`
  let kind = made.get(key)
  if (!kind) {
    const words = served.kind.replaceAll(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3 $2$4')
    kind = {
      group: served.group,
      version: served.version,
      resource: served.resource,
      kind: served.kind,
      namespaced: served.namespaced,
      title: () => words,
      singular: () => words,
      creatable: served.verbs.includes('create'),
      editable: served.verbs.includes('update'),
      deletable: served.verbs.includes('delete'),
    }
    made.set(key, kind)
  }
  return kind
}

export interface NavEntry {
  kind: Kind
  id: string
}

/** The menu of a scope: what is served and may be listed, by group, in order. Reactive. */
export function navOf(scope: Scope): Map<NavGroup, NavEntry[]> {
  const groups = new Map<NavGroup, NavEntry[]>()
  const discovery = discovered(scope)
  if (!discovery) return groups
  const access = accessOf(scope)
  const placed = registeredKinds()
    .filter((kind) => kind.nav)
    .toSorted((a, b) => (a.nav?.order ?? 0) - (b.nav?.order ?? 0))
  for (const kind of placed) {
    const id = kindId(kind)
    if (!kind.nav || !discovery.kinds.has(resourceId(kind)) || !access.may(listNeed(kind))) continue
    const entries = groups.get(kind.nav.group) ?? []
    entries.push({ kind, id })
    groups.set(kind.nav.group, entries)
  }
  return groups
}

/** Every kind that can be listed, those with a file first; for "all kinds" and the palette. Reactive. */
export function allKinds(scope: Scope): NavEntry[] {
  const discovery = discovered(scope)
  if (!discovery) return []
  return [...discovery.kinds.values()]
    .filter(isListable)
    .map((served) => ({ id: resourceId(served), kind: kindOf(scope, resourceId(served)) ?? fromDiscovery(served) }))
    .toSorted((a, b) => a.id.localeCompare(b.id))
}

const gr = ({ group, resource }: Kind): { group: string; resource: string } => ({ group, resource })

/** What seeing the list of a kind needs. */
export const listNeed = (kind: Kind, namespace?: string): Need => ({ verb: 'list', ...gr(kind), namespace })
export const createNeed = (kind: Kind, namespace?: string): Need => ({ verb: 'create', ...gr(kind), namespace })

/** What an action on one object needs. */
export function needsOf(action: Action, kind: Kind, object: { metadata: { namespace?: string; name: string } }): Need[] {
  const { namespace, name } = object.metadata
  return action.needs(kind).map((need) => ({ ...need, namespace, name }))
}

export interface AccessRow {
  kind: string
  what: string
  needs: Omit<Need, 'namespace' | 'name'>[]
}

/** The one table of what pages and actions need; tests walk it. */
export function accessTable(common: readonly Action[]): AccessRow[] {
  return registeredKinds().flatMap((kind) => [
    { kind: kindId(kind), what: 'list', needs: [listNeed(kind)] },
    { kind: kindId(kind), what: 'create', needs: [createNeed(kind)] },
    ...[...common, ...(kind.actions ?? [])].map((action) => ({ kind: kindId(kind), what: action.id, needs: action.needs(kind) })),
  ])
}
