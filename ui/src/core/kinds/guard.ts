/**
 * A kind whose functions never throw and always give what their types promise, whatever the object is like.
 *
 * They are written for objects as Kubernetes and Harvester make them. A cluster may send others, and one odd object must
 * not take a whole list with it: its cell stays empty, its state says that it cannot be read, its page shows the rest.
 */
import type { KubeObject } from '../kubernetes'
import { state, type State, type Tone } from '../state'
import { kindMessages as m } from './messages'
import type { Action, CellValue, Column, Fact, Join, Kind, Owner, Tab } from './types'

const TONES: ReadonlySet<Tone> = new Set(['ok', 'working', 'attention', 'problem', 'off'])

/** What `read` gives, or `otherwise`. */
function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch {
    return otherwise
  }
}

/** Nothing but what can be shown as it is; an object in the place of a text is no value. */
function cellValue(value: unknown): CellValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined
}

function soundState({ tone, label, reason }: State): State | null {
  if (!TONES.has(tone) || typeof label !== 'string') return null
  return state(tone, label, typeof reason === 'string' ? reason : undefined)
}

const soundFact = (fact: Fact): Fact => ({ ...fact, value: cellValue(fact.value) })

function soundOwner(owner: Owner): Owner {
  return Array.isArray(owner) ? owner.filter((key) => typeof key === 'string') : typeof owner === 'string' ? owner : undefined
}

const guardColumn = (column: Column<KubeObject>): Column<KubeObject> => ({
  ...column,
  value: (object, context) => attempt(() => cellValue(column.value(object, context)), undefined),
})

const guardAction = (action: Action): Action => ({ ...action, ...(action.when && { when: (object, context) => attempt(() => action.when?.(object, context) === true, false) }) })

const guardTab = (tab: Tab): Tab => ({
  ...tab,
  ...(tab.when && { when: (object, context) => attempt(() => tab.when?.(object, context) === true, false) }),
  ...(tab.count && { count: (object, context) => attempt(() => tab.count?.(object, context) ?? 0, 0) }),
})

const guardJoin = (join: Join<KubeObject>): Join<KubeObject> => ({
  ...join,
  owner: (joined) => attempt(() => soundOwner(join.owner(joined)), undefined),
  ...(join.key && { key: (object) => attempt(() => join.key?.(object) ?? '', '') }),
})

export function guarded(kind: Kind): Kind {
  const { state: stateOf, displayName, facts, isInternal, columns, actions, tabs, joins } = kind
  return {
    ...kind,
    ...(stateOf && { state: (object, context) => attempt(() => soundState(stateOf(object, context)), null) ?? unreadable() }),
    ...(displayName && { displayName: (object) => attempt(() => String(cellValue(displayName(object)) ?? ''), '') }),
    ...(facts && { facts: (object, context) => attempt(() => facts(object, context).map(soundFact), []) }),
    ...(isInternal && { isInternal: (object) => attempt(() => isInternal(object), false) }),
    ...(columns && { columns: columns.map(guardColumn) }),
    ...(actions && { actions: actions.map(guardAction) }),
    ...(tabs && { tabs: tabs.map(guardTab) }),
    ...(joins && { joins: Object.fromEntries(Object.entries(joins).map(([name, join]) => [name, guardJoin(join)])) }),
  }
}

const unreadable = (): State => state('attention', m.unreadable, m.unreadableReason)
