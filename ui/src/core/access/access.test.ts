import { beforeEach, describe, expect, it, vi } from 'vitest'

import { json, serve, until } from '@/test/cluster'

import { connection } from '../connection'
import { management } from '../scope'
import { Access, accessOf, forgetAccess } from '.'
import { allows, type Need, type Rule } from './rules'

describe('a rule', () => {
  const rule = (part: Partial<Rule>): Rule => ({ verbs: ['get'], apiGroups: ['kubevirt.io'], resources: ['virtualmachines'], ...part })
  const need = (part: Partial<Need>): Need => ({ verb: 'get', group: 'kubevirt.io', resource: 'virtualmachines', ...part })
  it.each([
    ['as it says', rule({}), need({}), true],
    ['not another verb', rule({}), need({ verb: 'delete' }), false],
    ['any verb', rule({ verbs: ['*'] }), need({ verb: 'delete' }), true],
    ['not another group', rule({}), need({ group: '' }), false],
    ['not a subresource', rule({}), need({ resource: 'virtualmachines/start' }), false],
    ['a subresource of any', rule({ resources: ['*/start'] }), need({ resource: 'virtualmachines/start' }), true],
    ['all resources with their subresources', rule({ resources: ['*'] }), need({ resource: 'virtualmachines/start' }), true],
    ['one name', rule({ resourceNames: ['ada'] }), need({ name: 'ada' }), true],
    ['not another name', rule({ resourceNames: ['ada'] }), need({ name: 'bess' }), false],
    ['not all names', rule({ resourceNames: ['ada'] }), need({}), false],
  ])('allows %s', (_, rule, need, expected) => {
    expect(allows(rule, need)).toBe(expected)
  })
})

describe('access', () => {
  interface Review {
    spec: { namespace?: string; resourceAttributes?: { verb: string; group: string; resource: string } }
  }
  let allowed: (attributes: { verb: string; group: string; resource: string }) => boolean
  let rules: Rule[]
  let requests: ReturnType<typeof serve>['requests']
  beforeEach(() => {
    allowed = () => false
    rules = []
    ;({ requests } = serve((url, init) => {
      const { spec } = JSON.parse(String(init.body)) as Review
      if (url.pathname.endsWith('selfsubjectrulesreviews')) return json({ status: { resourceRules: rules } }, 201)
      return json({ status: { allowed: spec.resourceAttributes ? allowed(spec.resourceAttributes) : false } }, 201)
    }))
  })
  const list = (resource: string, namespace?: string): Need => ({ verb: 'list', group: 'kubevirt.io', resource, namespace })

  it('asks once for somebody who may do everything', async () => {
    allowed = () => true
    const access = new Access(management)
    const needs = Array.from({ length: 40 }, (_, index) => list(`kind${index}`))
    expect(needs.map((need) => access.may(need))).toEqual(needs.map(() => undefined))
    await until(() => access.mayAll(needs))
    expect(requests.length).toBe(1)
    expect(access.may(list('another'))).toBe(true)
    expect(requests.length).toBe(1)
  })

  it('asks again only now and then while the server is away', async () => {
    vi.useFakeTimers()
    let isAway = false
    const { requests } = serve(() => (isAway ? Promise.reject(new TypeError('network')) : json({ status: { allowed: true } })))
    const access = new Access(management)
    access.may(list('virtualmachines'))
    await vi.advanceTimersByTimeAsync(0)
    expect(access.may(list('virtualmachines'))).toBe(true)
    isAway = true
    await vi.advanceTimersByTimeAsync(5 * 60_000)
    expect(requests.filter(({ url }) => url.pathname.endsWith('reviews')).length).toBeLessThan(10)
    expect(access.may(list('virtualmachines'))).toBe(true)
    vi.useRealTimers()
  })

  it('asks once more when the server is back', async () => {
    vi.useFakeTimers()
    forgetAccess()
    let isAway = true
    const { requests } = serve(() => (isAway ? Promise.reject(new TypeError('network')) : json({ status: { allowed: true } })))
    const reviews = (): number => requests.filter(({ url }) => url.pathname.endsWith('reviews')).length
    const access = accessOf(management)
    access.may(list('virtualmachines'))
    await vi.advanceTimersByTimeAsync(1_000)
    const before = reviews()
    isAway = false
    connection.reached()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(reviews()).toBeGreaterThan(before)
    expect(access.may(list('virtualmachines'))).toBe(true)
    vi.useRealTimers()
  })

  it('looks needs in a namespace up in its rules, and asks for the others one by one', async () => {
    rules = [{ verbs: ['list'], apiGroups: ['kubevirt.io'], resources: ['virtualmachines'] }]
    allowed = ({ resource }) => resource === 'migrations'
    const access = new Access(management)
    const wanted = ['virtualmachines', 'migrations', 'secrets'].map((resource) => list(resource, 'barn'))
    await until(() => wanted.map((need) => access.may(need)).every((answer) => answer !== undefined))
    expect(wanted.map((need) => access.may(need))).toEqual([true, true, false])
    expect(requests.filter(({ url }) => url.pathname.endsWith('selfsubjectrulesreviews')).length).toBe(1)
  })

  it('does not take a right in one namespace for one in all', async () => {
    rules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]
    const access = new Access(management)
    await until(() => access.may(list('virtualmachines')) === false)
    await until(() => access.may(list('virtualmachines', 'barn')) === true)
  })
})
