import { describe, expect, it } from 'vitest'

import type { KubeObject } from '../kubernetes'
import { management } from '../scope'
import { state } from '../state'
import { guarded } from './guard'
import type { Context, Kind } from './types'

interface Horse extends KubeObject {
  spec: { colour: string; riders: string[] }
}
const riders = (object: KubeObject): string[] => (object as Horse).spec.riders.map((rider) => rider.toUpperCase())
const context: Context = { scope: management, joined: () => [] }
const icon = {}
const kind = guarded({
  group: '',
  version: 'v1',
  resource: 'horses',
  kind: 'Horse',
  namespaced: true,
  title: () => 'Horses',
  singular: () => 'Horse',
  displayName: (object) => (object as Horse).spec.colour,
  state: (object) => state('ok', riders(object).join()),
  isInternal: (object) => riders(object).length === 0,
  facts: (object) => [{ label: 'Colour', value: (object as Horse).spec.colour }],
  columns: [{ id: 'riders', label: () => 'Riders', value: (object) => riders(object).length }],
  tabs: [{ id: 'riders', label: () => 'Riders', component: async () => ({ default: icon }), count: (object) => riders(object).length, when: (object) => riders(object).length > 0 }],
  actions: [{ id: 'ride', label: () => 'Ride', icon, needs: () => [], when: (object) => riders(object).length > 0 }],
  joins: { stables: { query: () => null, owner: (object) => riders(object)[0] } },
} satisfies Kind)

/** Everything a page asks about an object. */
const seen = (object: KubeObject): unknown => ({
  name: kind.displayName?.(object),
  tone: kind.state?.(object, context).tone,
  internal: kind.isInternal?.(object),
  facts: kind.facts?.(object, context).map(({ value }) => value),
  column: kind.columns?.[0]?.value(object, context),
  tab: kind.tabs?.[0]?.when?.(object, context),
  count: kind.tabs?.[0]?.count?.(object, context),
  action: kind.actions?.[0]?.when?.(object, context),
  owner: kind.joins?.['stables']?.owner(object),
})
const horse = (spec: unknown): KubeObject => ({ metadata: { name: 'star' }, spec }) as KubeObject
const nothing = { name: '', tone: 'attention', internal: false, facts: [], column: undefined, tab: false, count: 0, action: false, owner: undefined }

describe('a guarded kind', () => {
  it('says what the kind says', () =>
    expect(seen(horse({ colour: 'grey', riders: ['ann'] }))).toEqual({ name: 'grey', tone: 'ok', internal: false, facts: ['grey'], column: 1, tab: true, count: 1, action: true, owner: 'ANN' }))
  it.each([[undefined], [null], ['text'], [7]])('says nothing of an object with the spec %j', (spec) => expect(seen(horse(spec))).toMatchObject({ ...nothing, facts: spec ? [undefined] : [] }))
  it('shows no object where a text is due', () => expect(seen(horse({ colour: { a: 1 }, riders: [null] }))).toEqual({ ...nothing, facts: [undefined] }))
})
