import { describe, expect, it } from 'vitest'

import { conditionsOf } from './kubernetes'
import { soundObject } from './sound'
import { timeOf } from './age'

describe('what a cluster answers', () => {
  it.each([null, 'text', 7, [], {}, { metadata: 'x' }, { metadata: [] }])('is no object: %j', (value) => expect(soundObject(value)).toBeNull())

  it('is left as it is when it is right', () => {
    const right = {
      metadata: { name: 'a', namespace: 'b', uid: 'c', labels: { d: 'e' }, annotations: {}, finalizers: ['f'], ownerReferences: [{ apiVersion: 'v1', kind: 'G', name: 'h', uid: 'i' }] },
      spec: { any: null },
      status: {},
    }
    expect(soundObject(structuredClone(right))).toEqual(right)
  })

  it('loses what has another form than Kubernetes promises', () => {
    const metadata = { name: 7, namespace: null, labels: { a: 1, b: 'c' }, annotations: 'text', finalizers: 'x', ownerReferences: [null, {}, { apiVersion: 'v1', kind: 'G', name: 'h', uid: 'i' }], creationTimestamp: 5 }
    expect(soundObject({ metadata, spec: 'text', status: [], data: 1 })).toEqual({
      metadata: { name: '', labels: { b: 'c' }, ownerReferences: [{ apiVersion: 'v1', kind: 'G', name: 'h', uid: 'i' }] },
      data: 1,
    })
  })

  it('has conditions only where they are some', () => {
    const right = { type: 'Ready', status: 'True' }
    expect(conditionsOf({ status: { conditions: [null, 'text', right, { type: 'Ready' }, { ...right, message: {} }] } })).toEqual([right])
    expect(conditionsOf({ status: { conditions: {} } })).toEqual([])
  })

  it.each([['yesterday'], [Number.NaN], [1e300], [{} as never], [[] as never], [null], [undefined]])('is no time: %j', (value) => expect(timeOf(value)).toBeUndefined())
})
