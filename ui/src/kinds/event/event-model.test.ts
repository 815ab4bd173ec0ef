import { expect, it } from 'vitest'

import type { ServedKind } from '@/core/discovery'

import { pageOf } from './event-model'

const served = (group: string, resource: string, kind: string, namespaced = true): ServedKind => ({ group, version: 'v1', resource, kind, namespaced, verbs: [], shortNames: [], categories: [], subresources: [] })
const KINDS = [served('', 'nodes', 'Node', false), served('longhorn.io', 'nodes', 'Node'), served('', 'pods', 'Pod'), served('kubevirt.io', 'virtualmachines', 'VirtualMachine')]

it.each([
  [{ kind: 'Pod', apiVersion: 'v1', namespace: 'a', name: 'p' }, { resource: 'pods', namespace: 'a', name: 'p' }],
  [{ kind: 'Node', apiVersion: 'v1', name: 'n' }, { resource: 'nodes', namespace: '-', name: 'n' }],
  [{ kind: 'Node', apiVersion: 'longhorn.io/v1beta2', namespace: 'longhorn-system', name: 'n' }, { resource: 'nodes.longhorn.io', namespace: 'longhorn-system', name: 'n' }],
  [{ kind: 'VirtualMachine', namespace: 'a', name: 'v' }, { resource: 'virtualmachines.kubevirt.io', namespace: 'a', name: 'v' }],
  [{ kind: 'Gone', apiVersion: 'x/v1', name: 'g' }, undefined],
  [{ kind: 'Pod', apiVersion: 'other.io/v1', name: 'p' }, undefined],
  [{ kind: 'Pod' }, undefined],
  [{}, undefined],
])('%j is at %j', (reference, page) => expect(pageOf(reference, KINDS)).toEqual(page))
