/** The columns every list has, around those of the kind. */
import type { RouteLocationRaw } from 'vue-router'

import type { Column, Context, Kind } from '@/core/kinds'
import type { KubeObject } from '@/core/kubernetes'
import { compareTones, genericState, type State } from '@/core/state'

import { tableMessages as m } from './messages'

/** A column as the table draws it. `role` marks those that it draws itself. */
export interface TableColumn extends Column<KubeObject> {
  role?: 'state' | 'name'
  to?: (object: KubeObject) => RouteLocationRaw | null
}

export const stateOf = (kind: Kind, object: KubeObject, context: Context): State => kind.state?.(object, context) ?? genericState(object)
export const displayNameOf = (kind: Kind, object: KubeObject): string => kind.displayName?.(object) || object.metadata.name

interface Options {
  kind: Kind
  /** The kind's own, or those of its CRD. */
  own: readonly Column<KubeObject>[]
  to: (object: KubeObject) => RouteLocationRaw | null
  hasNamespace: boolean
}

const TONES = ['problem', 'attention', 'working', 'ok', 'off'] as const

export function columnsOf({ kind, own, to, hasNamespace }: Options): TableColumn[] {
  const state: TableColumn = {
    id: 'state',
    role: 'state',
    label: () => m.state,
    // Problems first, then by word.
    value: (object, context) => {
      const { tone, label } = stateOf(kind, object, context)
      return `${TONES.toSorted(compareTones).indexOf(tone)}${label}`
    },
    width: 'minmax(126px, 0.7fr)',
  }
  const name: TableColumn = {
    id: 'name',
    role: 'name',
    label: () => m.name,
    value: (object) => displayNameOf(kind, object),
    to,
    width: 'minmax(164px, 2.2fr)',
  }
  const namespace: TableColumn = {
    id: 'namespace',
    label: () => m.namespace,
    value: (object) => object.metadata.namespace,
    groups: true,
    width: 'minmax(100px, 1fr)',
  }
  const age: TableColumn = {
    id: 'age',
    label: () => m.age,
    value: (object) => object.metadata.creationTimestamp,
    format: 'age',
    width: '84px',
  }
  return [state, name, ...(hasNamespace ? [namespace] : []), ...own, age]
}

/** What a text filter looks at. */
export function haystack(columns: readonly TableColumn[], object: KubeObject, context: Context): string {
  const { name, namespace = '', labels } = object.metadata
  const values = columns.filter(({ role }) => role !== 'state').map((column) => column.value(object, context))
  const words = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return [name, namespace, ...values, ...words].join(' ').toLowerCase()
}
