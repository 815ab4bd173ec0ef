import { expect, it } from 'vitest'

import { loggingKinds } from './logging'

const [clusterFlow, clusterOutput] = loggingKinds
const value = (kind: (typeof loggingKinds)[number] | undefined, id: string, spec: unknown): unknown =>
  kind?.columns?.find((column) => column.id === id)?.value({ metadata: { name: 'x' }, spec } as never, {} as never)

it.each([
  [clusterFlow, 'outputs', { globalOutputRefs: ['a'], localOutputRefs: ['b', 5] }, 'a, b'],
  [clusterFlow, 'outputs', null, ''],
  [clusterFlow, 'type', { loggingRef: 'harvester-kube-audit-log-ref' }, 'Audit'],
  [clusterFlow, 'type', { loggingRef: 'harvester-k8s-event-tailer' }, 'Event'],
  [clusterFlow, 'type', {}, 'Logging'],
  [clusterOutput, 'providers', { http: {}, loggingRef: 'x' }, 'http'],
  [clusterOutput, 'providers', undefined, ''],
])('%#: %s of %j is %j', (kind, id, spec, text) => expect(value(kind, id, spec)).toBe(text))
