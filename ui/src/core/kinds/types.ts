/**
 * What a kind is to the console: one file says its columns, states, actions, tabs and form, and every page follows.
 *
 * Everything but the names is optional: a kind that only discovery knows gets the same pages from its printer columns.
 */
import type { Component } from 'vue'

import type { Need } from '../access'
import type { KubeObject } from '../kubernetes'
import type { Query } from '../resources'
import type { Scope } from '../scope'
import type { State } from '../state'

export type CellValue = string | number | boolean | null | undefined

/** What a column, a state or an action may look at beside the object. */
export interface Context {
  scope: Scope
  /** Objects of a join that belong to the object. Reactive. */
  joined: <J extends KubeObject = KubeObject>(join: string, object: KubeObject) => J[]
}

/** How a value is shown; `text` unless said. Numbers are right-aligned. */
export type Format = 'text' | 'mono' | 'number' | 'bytes' | 'cores' | 'age' | 'yes-no'

export interface Column<T extends KubeObject> {
  id: string
  label: () => string
  /** What is sorted by, searched in, and shown unless there is a `cell`. Bytes and cores as numbers, times as RFC 3339. */
  value: (object: T, context: Context) => CellValue
  format?: Format
  /** Shows the value; gets `object`, `value` and `context`. */
  cell?: Component
  /** A grid track; `minmax(6rem, 1fr)` unless said. */
  width?: string
  /** Off until the person chooses it. */
  hidden?: boolean
  /** One of the two facts on a card of a small screen. */
  fact?: boolean
  /** Rows can be gathered by it. */
  groups?: boolean
}

export type Owner = string | readonly string[] | undefined

/** Another list whose objects belong to the rows: a VM's running instance, a volume's snapshots. */
export interface Join<T extends KubeObject> {
  /** `null`: not served or not to be read here; the rows do without. Reactive. */
  query: (own: { scope: Scope; namespace: string | undefined }) => Query | null
  /** The `namespace/name` of the row that an object of the join belongs to, or of several. */
  owner: (joined: KubeObject) => Owner
  /** Which row key the object has; `namespace/name` unless said. */
  key?: (object: T) => string
}

/** The handle of one action at work. */
export interface ActionContext extends Context {
  kind: Kind
  go: (to: { name: string; params?: Record<string, string>; query?: Record<string, string> }) => void
}

export interface Confirmation {
  title: string
  /** What will happen, and what will be lost. */
  text: string
  /** The verb on the button. */
  confirm: string
  danger?: boolean
  /** Has to be typed; only for what cannot be undone and is large. */
  typed?: string
}

export interface Action<T extends KubeObject = KubeObject> {
  id: string
  label: () => string
  icon: Component
  /** Every one must be allowed; namespace and name are the object's unless said. */
  needs: (kind: Kind) => Omit<Need, 'namespace' | 'name'>[]
  /** Whether it makes sense for the object as it is. */
  when?: (object: T, context: Context) => boolean
  /** Can be done to several at once. */
  bulk?: boolean
  danger?: boolean
  /** Beside the title of the detail page, and on the card of a small screen. */
  primary?: boolean
  key?: string
  /** Asked before `run`. */
  confirm?: (objects: T[], context: Context) => Confirmation | null
  /** A dialog of its own instead of `confirm` and `run`; gets `kind`, `objects` and `context`, emits `close`. */
  dialog?: () => Promise<{ default: Component }>
  /** Does it to one object. Errors become toasts that name the object. */
  run?: (object: T, context: ActionContext) => Promise<unknown> | void
}

export interface Tab<T extends KubeObject = KubeObject> {
  id: string
  label: () => string
  /** Gets `kind`, `object` and `context`. */
  component: () => Promise<{ default: Component }>
  when?: (object: T, context: Context) => boolean
  /** A number beside the label. */
  count?: (object: T, context: Context) => number
}

export interface Fact {
  label: string
  value: CellValue
  format?: Format
  to?: { name: string; params: Record<string, string> }
}

/** Where a kind stands in the side navigation. */
export type NavGroup = 'main' | 'networks' | 'backup' | 'monitoring' | 'advanced' | 'more'

export interface Kind<T extends KubeObject = KubeObject> {
  /** `''` for the core group. */
  group: string
  /** The version this file was written for; another one is used where the cluster does not serve it. */
  version: string
  /** Plural, as in addresses. */
  resource: string
  /** As in objects. */
  kind: string
  namespaced: boolean
  /** A part of a resource that has a page of its own: `snapshots` of backups. Stands in addresses, see `kindId`. */
  view?: string
  /** Which objects a view has, where the server can tell; else `isInternal` takes the others out. */
  labelSelector?: string
  /** Plural, as the heading and menu entry. */
  title: () => string
  /** One of them, as in "Create …". */
  singular: () => string
  /** What it is, in a sentence: shown where there are none yet. */
  about?: () => string
  icon?: Component
  nav?: { group: NavGroup; order: number }
  /** The name people gave it, where that is not `metadata.name`. */
  displayName?: (object: T) => string
  state?: (object: T, context: Context) => State
  /** Beyond state, name, namespace and age, which every list has. */
  columns?: Column<T>[]
  /** The column that rows are gathered by until somebody chooses otherwise. */
  groupedBy?: string
  joins?: Record<string, Join<T>>
  /** Beyond edit, clone, download and delete, which every kind has. */
  actions?: Action<T>[]
  /** Key facts in the header of the detail page. */
  facts?: (object: T, context: Context) => Fact[]
  /** Stands at the top of the Overview tab. Gets `kind`, `object` and `context`. */
  overview?: () => Promise<{ default: Component }>
  /** Beyond Overview, Events and YAML. */
  tabs?: Tab<T>[]
  /** Creates and edits; gets `kind`, `scope`, `object` (when editing) and `namespace`. YAML is offered where there is none. */
  form?: () => Promise<{ default: Component }>
  /** What a new object looks like in the YAML editor. */
  template?: (namespace: string) => KubeObject
  /** Takes the place of the list. Gets `kind` and `scope`. */
  page?: () => Promise<{ default: Component }>
  /** Stands above the list. Gets `scope`. */
  banner?: () => Promise<{ default: Component }>
  /** Taken from the kind's lists: what a page of people's own things does not show (system settings, golden images). */
  isInternal?: (object: T) => boolean
  /** `false` for kinds that only controllers make. */
  creatable?: boolean
  editable?: boolean
  deletable?: boolean
}

/** Types a kind's file. */
export function defineKind<T extends KubeObject>(kind: Kind<T>): Kind {
  // A kind's functions only ever get objects of that kind; the registry cannot say so in types.
  return kind as unknown as Kind
}

export function defineAction<T extends KubeObject>(action: Action<T>): Action {
  return action as unknown as Action
}
