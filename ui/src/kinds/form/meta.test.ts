import { describe, expect, it } from 'vitest'

import type { KubeObject } from '@/core/kubernetes'

import { metaFor, metaModel } from './meta'

const object: KubeObject = {
  metadata: {
    name: 'a',
    namespace: 'default',
    resourceVersion: '7',
    labels: { mine: '1', 'harvesterhci.io/creator': 'harvester', 'network.harvesterhci.io/ready': 'true' },
    annotations: { note: 'x', 'field.cattle.io/description': 'what it is', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  },
}

describe('the metadata of a form', () => {
  it('shows what people wrote', () => {
    expect(metaModel(object, '')).toEqual({
      name: 'a',
      namespace: 'default',
      description: 'what it is',
      labels: [{ key: 'mine', value: '1' }],
      annotations: [{ key: 'note', value: 'x' }],
    })
  })
  it('gives back what it was given', () => expect(metaFor(metaModel(object, ''), object, true)).toEqual(object.metadata))
  it('changes what was changed and keeps what is not shown', () => {
    const model = { ...metaModel(object, ''), description: ' ', labels: [], annotations: [{ key: 'note', value: 'y' }] }
    expect(metaFor(model, object, true)).toMatchObject({
      labels: { 'harvesterhci.io/creator': 'harvester', 'network.harvesterhci.io/ready': 'true' },
      annotations: { note: 'y', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    })
  })
  it.each([
    [true, { name: 'b', namespace: 'default' }],
    [false, { name: 'b' }],
  ])('begins with little (namespaced: %j)', (isNamespaced, metadata) => {
    expect(metaFor({ ...metaModel(undefined, 'default'), name: ' b ' }, undefined, isNamespaced)).toEqual(metadata)
  })
})
