import { expect, it } from 'vitest'

import { deploymentState, podState } from './workloads'

const pod = (status: object): never => ({ metadata: { name: 'p' }, spec: { containers: [{}] }, status }) as never

it.each([
  ['runs', pod({ phase: 'Running', containerStatuses: [{ ready: true }] }), 'ok', 'Running'],
  ['is not ready', pod({ phase: 'Running', containerStatuses: [{ ready: false }] }), 'attention', 'Running'],
  ['is done', pod({ phase: 'Succeeded' }), 'off', 'Succeeded'],
  ['has failed', pod({ phase: 'Failed' }), 'problem', 'Failed'],
  ['lacks its image', pod({ phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff' } } }] }), 'problem', 'ImagePullBackOff'],
  ['is made', pod({ phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] }), 'working', 'Pending'],
  ['says nothing', { metadata: { name: 'p' } }, 'working', 'Pending'],
  ['says nonsense', { metadata: { name: 'p' }, status: { containerStatuses: 'x', phase: 5 } } as never, 'working', '5'],
])('a Pod that %s', (_, object, tone, label) => expect(podState(object)).toMatchObject({ tone, label }))

it.each([
  ['all ready', { spec: { replicas: 2 }, status: { readyReplicas: 2 } }, 'ok'],
  ['some ready', { spec: { replicas: 2 }, status: { readyReplicas: 1 } }, 'working'],
  ['none wanted', { spec: { replicas: 0 } }, 'off'],
  ['nothing known', {}, 'working'],
])('a Deployment with %s', (_, parts, tone) => expect(deploymentState({ metadata: { name: 'd' }, ...parts } as never).tone).toBe(tone))
